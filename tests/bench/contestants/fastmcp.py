"""FastMCP's proxy: as its documentation begins, and at its best."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.accounting import with_children
from tests.bench.contestants import Contestant, Course, Running
from tests.bench.contestants.processes import pinned
from tests.bench.tokens import ISSUER, TOKEN_KEYS, token
from tests.support.servers import free_port

_PROGRAM = Path(__file__).with_name("fastmcp_proxy.py")


@contextmanager
def _started(course: Course, mode: str) -> Iterator[Running]:
    port = free_port()
    course.directory.mkdir(parents=True, exist_ok=True)
    public_key = TOKEN_KEYS.keys[0].key.as_pem(private=False).decode()
    command = [str(course.bench), "-P", str(_PROGRAM), str(port), f"{course.upstream}/json/mcp", mode]
    variables = {"BENCH_PUBLIC_KEY": public_key, "BENCH_ISSUER": ISSUER}
    with pinned(command, course.core, port, course.directory / "fastmcp.log", variables) as pid:
        yield Running(
            f"http://127.0.0.1:{port}", with_children(pid), lambda kind: {"Authorization": f"Bearer {token(kind)}"}
        )


CONTESTANTS = [
    Contestant("FastMCP proxy, at its best", lambda course: _started(course, "best"), frozenset({"json"}), 4),
    Contestant("FastMCP proxy, default", lambda course: _started(course, "default"), frozenset({"json"}), 4),
]
