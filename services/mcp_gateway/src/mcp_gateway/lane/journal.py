"""What calls in the lane leave behind: the line and the counts that every request has, written many at a time."""

import asyncio
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, TypeAlias

from authproxy_common.http.metrics import Metrics


class Caption(NamedTuple):
    """What a call is called in the log. The path is one of ours: callers have chosen nothing of it.

    Args:
        method, path: As in the access log.
        request_id: Well-formed.
    """

    method: str
    path: str
    request_id: bytes


# A call that has ended: its caption, its status, when it ended, and seconds until the answer began, and until it ended.
_Passed: TypeAlias = tuple[Caption, int, float, float, float]

# How long a line may be held back. Whoever reads logs does not notice; a process that is killed loses so much of them.
_HELD = 0.01


class Journal:
    """Collects calls, and writes them down a moment later.

    Args:
        metrics: Where they are counted.
        write: Takes lines; None where calls are not logged.
    """

    def __init__(self, metrics: Metrics, write: Callable[[str], object] | None) -> None:
        self.metrics = metrics
        self._write = write
        self._passed: list[_Passed] = []
        self._timer: asyncio.TimerHandle | None = None

    def note(self, caption: Caption, status: int, answered_after: float, ended_after: float) -> None:
        """A call has ended, whose answer began and ended after so many seconds."""
        self._passed.append((caption, status, time.time(), answered_after, ended_after))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_HELD, self.flush)

    def flush(self) -> None:
        """Write down what was held back."""
        if self._timer is not None:
            self._timer.cancel()
        passed, self._passed, self._timer = self._passed, [], None
        self._count(passed)
        if self._write is not None and passed:
            self._write("".join(_lines(passed)))

    async def aclose(self) -> None:
        """Nothing more will be noted."""
        self.flush()

    def _count(self, passed: Sequence[_Passed]) -> None:
        by_labels = Counter((caption.method, caption.path, status) for caption, status, *_ in passed)
        for (method, path, status), count in by_labels.items():
            self.metrics.requests.labels(method, path, str(status)).inc(count)
        durations = defaultdict(list)
        for caption, _, _, answered_after, _ in passed:
            durations[caption.path].append(answered_after)
        for path, seconds in durations.items():
            observe = self.metrics.duration.labels(path).observe
            for each in seconds:
                observe(each)


def _lines(passed: Sequence[_Passed]) -> Iterator[str]:
    # Most calls of a moment are of the same second and the same path.
    moments: dict[int, str] = {}
    paths: dict[str, str] = {}
    for (method, path, request_id), status, at, _, ended_after in passed:
        second = int(at)
        moment = moments.get(second) or moments.setdefault(second, f"{datetime.fromtimestamp(second, UTC):%FT%T}")
        quoted = paths.get(path) or paths.setdefault(path, json.dumps(path))
        yield (
            f'{{"method": "{method}", "path": {quoted}, "status": {status}, "duration_ms": {ended_after * 1000:.1f}, '
            f'"event": "request", "request_id": "{request_id.decode()}", "level": "info", '
            f'"timestamp": "{moment}.{int((at - second) * 1e6):06d}Z"}}\n'
        )
