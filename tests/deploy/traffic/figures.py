"""The figures of a fault."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.deploy.traffic.load import Load
from tests.deploy.traffic.observed import Answer


@dataclass(frozen=True)
class Figures:
    """What became of everybody during one fault.

    Args:
        fault: What failed.
        load: What went on meanwhile.
        took: Seconds that the fault lasted, for faults that do.
    """

    fault: str
    load: Load
    took: float | None = None

    @property
    def lost(self) -> list[str]:
        """Why each sign-in was that is lost."""
        return [each.lost or "it never ended" for each in self.load.sign_ins if not each.is_finished]

    @property
    def seconds_of_503(self) -> float:
        """From the first to the last."""
        return _span([answer for answer in self.load.observed.failures if answer.status == 503])

    def line(self) -> str:
        """One row of the report."""
        sign_ins, failures = self.load.sign_ins, self.load.observed.failures
        over = Counter(reason for each in sign_ins for reason in each.started_over)
        statuses = Counter(str(answer.status or "broken") for answer in failures)
        cells = [
            self.fault,
            len(sign_ins),
            sum(each.is_finished for each in sign_ins),
            sum(each.was_retried for each in sign_ins),
            len(self.lost),
            f"{self.seconds_of_503:.1f}",
            f"{self.took:.1f}" if self.took is not None else "",
            f"{self.load.calls}, {len(self.load.signed_out)} signed out",
            ", ".join(f"{number} {status}" for status, number in sorted(statuses.items())) or "none",
            "; ".join(f"{number} {reason}" for reason, number in over.most_common()) or "none",
        ]
        return f"| {' | '.join(map(str, cells))} |"


def table(rows: Sequence[Figures]) -> str:
    """All of them."""
    return "\n".join([*_HEADINGS, *(row.line() for row in rows), ""])


_COLUMNS = (
    "fault",
    "sign-ins started",
    "finished",
    "retried",
    "lost",
    "seconds of 503",
    "seconds of the fault",
    "calls of those signed in",
    "failures answered",
    "started over because",
)
_HEADINGS = (f"| {' | '.join(_COLUMNS)} |", "| --- |" + " --: |" * 6 + " --- |" * 3)


def _span(answers: Sequence[Answer]) -> float:
    return answers[-1].at - answers[0].at if answers else 0.0
