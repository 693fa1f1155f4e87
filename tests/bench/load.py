"""Load from wrk: as many calls as fit."""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CALL = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hello"}}}'
HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
    "MCP-Protocol-Version": "2025-11-25",
}

_SCRIPT = """
wrk.method = "POST"
wrk.body = '{body}'
{headers}
done = function(summary, latency, requests)
  io.write(string.format("counted %d %d %d %d %d %d\\n", summary.requests, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    summary.duration, latency:percentile(50), latency:percentile(99)))
end
"""
_COUNTED = re.compile(r"counted (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)")


@dataclass(frozen=True)
class Counted:
    """What wrk saw.

    Args:
        calls: Answered.
        failed: Answered with another status than 2xx or 3xx, or not at all.
        seconds: That it took.
        p50, p99: Until the answer was whole, in seconds; of a load that waits for answers, so no honest latency.
    """

    calls: int
    failed: int
    seconds: float
    p50: float
    p99: float


def wrk(url: str, headers: Mapping[str, str], connections: int, seconds: int, core: int, directory: Path) -> Counted:
    """Call `url` over so many connections, one call at a time on each."""
    lines = [f'wrk.headers["{name}"] = "{value}"' for name, value in {**HEADERS, **headers}.items()]
    script = directory / "call.lua"
    script.write_text(_SCRIPT.format(body=CALL, headers="\n".join(lines)))
    command = ["taskset", "-c", str(core), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), url]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 30).stdout
    counted = _COUNTED.search(output)
    if counted is None:
        raise RuntimeError(f"wrk said nothing that can be read:\n{output}")
    calls, refused, lost, microseconds, p50, p99 = (int(each) for each in counted.groups())
    return Counted(calls, refused + lost, microseconds / 1e6, p50 / 1e6, p99 / 1e6)
