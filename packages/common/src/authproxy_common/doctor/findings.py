"""What checks found, each a line: passed, failed or skipped, with the reason and what to do about it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from enum import StrEnum

from authproxy_common.errors import legal_description
from authproxy_common.frozen import frozen

_LONGEST_SHOWN = 200


class Outcome(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@frozen
class Finding:
    """One line of the report.

    Args:
        name: Of what was examined.
        outcome: How it ended.
        reason: What was found; never a secret.
        remedy: What to do about it; empty where there is nothing to do.
    """

    name: str
    outcome: Outcome
    reason: str
    remedy: str = ""


class _NotPassed(Exception):
    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


class Failed(_NotPassed):
    """What was examined is not as it has to be."""


class Skipped(_NotPassed):
    """It cannot be examined, which says nothing about whether it is as it has to be."""


@frozen
class Report:
    """All that was found.

    Args:
        service: Whose doctor looked.
        request_id: Of every request that was made; the logs of whoever was asked have it.
        findings: In the order in which they are read.
    """

    service: str
    request_id: str
    findings: Sequence[Finding]

    @property
    def is_healthy(self) -> bool:
        """Whether nothing failed."""
        return self._count(Outcome.FAILED) == 0

    def lines(self) -> Iterator[str]:
        """For a person."""
        for finding in self.findings:
            yield f"{finding.outcome:<8} {finding.name}: {finding.reason}"
            if finding.remedy:
                yield f"{'':<8} -> {finding.remedy}"
        counts = ", ".join(f"{self._count(outcome)} {outcome}" for outcome in Outcome)
        yield f"{counts}; in the logs of whoever was asked: request id {self.request_id}"

    def to_json(self) -> str:
        """For a program."""
        checks = [asdict(finding) for finding in self.findings]
        body = {
            "service": self.service,
            "healthy": self.is_healthy,
            "request_id": self.request_id,
            "checks": checks,
        }
        return json.dumps(body, indent=2)

    def _count(self, outcome: Outcome) -> int:
        return sum(finding.outcome == outcome for finding in self.findings)


def shown(value: object) -> str:
    """What somebody else wrote, as it may stand in a line: short, and without anything that a terminal obeys."""
    return legal_description(str(value))[:_LONGEST_SHOWN]
