"""The doctor of a running installation: what a check is, how all of them run, and what an operator reads in the end."""

from authproxy_common.doctor.examination import Check, examine
from authproxy_common.doctor.findings import Failed, Finding, Outcome, Report, Skipped, shown
from authproxy_common.doctor.vantage import Vantage, is_ours, json_object

__all__ = [
    "Check",
    "Failed",
    "Finding",
    "Outcome",
    "Report",
    "Skipped",
    "Vantage",
    "examine",
    "is_ours",
    "json_object",
    "shown",
]
