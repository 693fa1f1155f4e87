"""`make bench`: everything, into docs/performance.md. `make bench-quick`: a call's ratios alone, in under a minute."""

import argparse
import os
import resource
import sys
import tempfile
from pathlib import Path

from tests.bench.contestants import envoy, fastmcp, nginx, ours
from tests.bench.contestants.processes import pinned
from tests.bench.rounds import LOAD_CORE, started
from tests.bench.runs import full, quick
from tests.support.servers import free_port

CONTESTANTS = [*ours.CONTESTANTS, *nginx.CONTESTANTS, *envoy.CONTESTANTS, *fastmcp.CONTESTANTS]
FILES = 20_000
BY_HAND = "<!-- From here on by hand; make bench keeps it. -->"


def main() -> None:
    arguments = _arguments()
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    # The load is here; whoever is measured moves to the other core.
    os.sched_setaffinity(0, {LOAD_CORE})
    with tempfile.TemporaryDirectory() as made:
        directory, port = Path(made), free_port()
        upstream = [sys.executable, "-m", "tests.bench.upstream", str(port)]
        with pinned(upstream, LOAD_CORE, port, directory / "upstream.log"):
            origin = f"http://127.0.0.1:{port}"
            with started(CONTESTANTS, origin, directory, arguments.bench) as field:
                report = quick(field) if arguments.quick else full(field, origin, arguments)
    sys.stdout.write(report)
    if arguments.write:
        arguments.write.write_text(report + _kept(arguments.write), encoding="utf-8")


def _kept(file: Path) -> str:
    """What a person wrote behind an earlier report."""
    _, marker, text = file.read_text(encoding="utf-8").partition(BY_HAND) if file.exists() else ("", "", "")
    return f"\n{marker}{text}" if marker else ""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--bench", type=Path, required=True, help="the interpreter of the environment with the other gateways"
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--write", type=Path, help="where the report goes, besides the terminal")
    return parser.parse_args()


if __name__ == "__main__":
    main()
