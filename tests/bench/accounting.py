"""What processes cost by the kernel's own accounting, and whether somebody else took the core meanwhile."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_TICK = 1 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TAKEN_AT_MOST = 0.05


@dataclass
class Window:
    """A span of time.

    Args:
        pids: Of the contestant.
        core: It alone is meant to run there.
        cpu: Seconds of CPU that it used, of all its processes.
        seconds: Of the clock.
        taken: The share of the core that others used.
    """

    pids: Sequence[int]
    core: int
    cpu: float = 0.0
    seconds: float = 0.0
    taken: float = 0.0

    @property
    def counts(self) -> bool:
        """Whether the contestant had its core for itself."""
        return self.taken <= _TAKEN_AT_MOST


@contextmanager
def window(pids: Sequence[int], core: int) -> Iterator[Window]:
    """Measures what happens within the context."""
    seen = Window(pids, core)
    cpu, busy, clock = cpu_of(pids), _busy(core), os.times().elapsed
    yield seen
    seen.cpu, seen.seconds = cpu_of(pids) - cpu, os.times().elapsed - clock
    seen.taken = max(0.0, (_busy(core) - busy - seen.cpu) / seen.seconds)


def resident_mb(pids: Sequence[int]) -> float:
    """Resident memory, in MB."""
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE for pid in pids) / 1024**2


def with_children(pid: int) -> list[int]:
    """The process and all that came of it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += with_children(int(child))
    return found


def pin(pid: int, core: int) -> None:
    """From now on the process runs on that core alone."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {core})


def cpu_of(pids: Sequence[int]) -> float:
    """Seconds of CPU so far, in nanosecond steps where the kernel counts them."""
    return sum(
        int((task / "schedstat").read_text().split()[0]) / 1e9
        for pid in pids
        for task in Path(f"/proc/{pid}/task").iterdir()
    )


def _busy(core: int) -> float:
    """Seconds in which anybody used the core."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _wait, irq, softirq, steal = (int(each) for each in ticks[:8])
            return (user + nice + system + irq + softirq + steal) * _TICK
    raise ValueError(f"there is no core {core}")
