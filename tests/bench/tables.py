"""Tables in Markdown, and the goals that they are read for."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.bench.rounds import Cost


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is text."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def cost_table(costs: dict[str, Cost], reference: str) -> str:
    """What a call costs, and that against the contestant called `reference`."""
    base = costs[reference].microseconds
    rows = [
        (
            name,
            f"{cost.microseconds:,.1f}",
            f"{1e6 / cost.microseconds:,.0f}",
            f"{_median(cost.rate):,.0f}",
            f"{_median(cost.used):.0%}",
            f"{cost.microseconds / base:,.2f}",
            f"{len(cost.cpu)} of {len(cost.cpu) + cost.dropped}",
        )
        for name, cost in costs.items()
    ]
    header = ["gateway", "CPU µs a call", "calls a core", "calls/s seen", "of the core", f"÷ {reference}", "windows"]
    return table(header, rows)


@dataclass(frozen=True)
class Goal:
    """A ratio that is to be reached.

    Args:
        name: What is divided by what.
        ratio: As measured; nan where it was not.
        must, strive: Bounds.
        more_is_better: Which side of the bounds is meant.
    """

    name: str
    ratio: float
    must: float
    strive: float
    more_is_better: bool = False

    def verdict(self) -> str:
        """In a word."""
        if math.isnan(self.ratio):
            return "not measured"
        reached = [self._is_within(bound) for bound in (self.must, self.strive)]
        return {(True, True): "strived for", (True, False): "met"}.get((reached[0], reached[1]), "**not met**")

    def _is_within(self, bound: float) -> bool:
        return self.ratio >= bound if self.more_is_better else self.ratio <= bound


def goal_table(goals: Iterable[Goal]) -> str:
    """All of them."""
    sign = {True: "≥", False: "≤"}
    rows = [
        (
            goal.name,
            f"{sign[goal.more_is_better]} {goal.must:g}",
            f"{sign[goal.more_is_better]} {goal.strive:g}",
            f"{goal.ratio:,.2f}",
            goal.verdict(),
        )
        for goal in goals
    ]
    return table(["ratio, within one run", "must", "strive for", "measured", ""], rows)


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else math.nan
