"""All checks at once, each within its time, so that one that hangs or breaks hides no other."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import field
from datetime import timedelta

import anyio

from authproxy_common.doctor.findings import Failed, Finding, Outcome, Skipped
from authproxy_common.errors import OAuthError
from authproxy_common.frozen import frozen


@frozen
class Check:
    """One thing to examine.

    Args:
        name: Of what is examined.
        examine: Returns what it found to be right; raises Failed or Skipped.
        needs: The name of a check without which this one has nothing to look at.
    """

    name: str
    examine: Callable[[], Awaitable[str]]
    needs: str | None = None


async def examine(checks: Sequence[Check], deadline: timedelta) -> list[Finding]:
    """What was found, in the order of `checks`; each of which ends within `deadline` of what it needs."""
    course = _Course(deadline, {check.name: anyio.Event() for check in checks})
    async with anyio.create_task_group() as group:
        for check in checks:
            group.start_soon(course.follow, check)
    return [course.findings[check.name] for check in checks]


@frozen
class _Course:
    deadline: timedelta
    ended: dict[str, anyio.Event]
    findings: dict[str, Finding] = field(default_factory=dict)

    async def follow(self, check: Check) -> None:
        if check.needs and not await self._has_passed(check.needs):
            reason = f"not examined, because {check.needs} did not pass"
            self.findings[check.name] = Finding(check.name, Outcome.SKIPPED, reason)
        else:
            self.findings[check.name] = await self._find(check)
        self.ended[check.name].set()

    async def _has_passed(self, name: str) -> bool:
        await self.ended[name].wait()
        return self.findings[name].outcome == Outcome.PASSED

    async def _find(self, check: Check) -> Finding:
        try:
            with anyio.fail_after(self.deadline.total_seconds()):
                return Finding(check.name, Outcome.PASSED, await check.examine())
        except Failed as failed:
            return Finding(check.name, Outcome.FAILED, failed.reason, failed.remedy)
        except Skipped as skipped:
            return Finding(check.name, Outcome.SKIPPED, skipped.reason, skipped.remedy)
        except TimeoutError:
            reason = f"could not be examined within {self.deadline.total_seconds():g} s"
            return Finding(check.name, Outcome.FAILED, reason, "give it longer with --timeout, or see what is slow")
        except OAuthError as error:
            # It answered a moment ago, to the check that this one needs.
            return Finding(check.name, Outcome.FAILED, error.description, "run this again, and see what is unsteady")
        except Exception as error:  # noqa: BLE001  # a mistake in one check must not cost the others' findings
            # Its message may hold anything.
            reason = f"could not be examined: {type(error).__name__}"
            return Finding(check.name, Outcome.FAILED, reason, "this is a mistake of ours; please report it")
