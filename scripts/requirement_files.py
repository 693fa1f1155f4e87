"""Compile the hashed requirement files, which name no host: who installs uses the one that their pip or npm knows."""

import json
import subprocess
import sys
from pathlib import Path

EXTRAS = {"auth-server": ["auth-server"], "mcp-gateway": ["mcp-gateway"], "dev": ["auth-server", "mcp-gateway", "dev"]}
COMPILE = (
    "uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url".split()
)
COMPILE += ["--no-header", "--quiet", "--no-annotate", "--no-strip-extras"]
SUITE = Path("tests/conformance")
LOCK = "npm install --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts --no-audit --no-fund".split()


def main() -> None:
    binary = Path(sys.executable).parent / "uv"
    for name, extras in EXTRAS.items():
        chosen = [option for extra in extras for option in ("--extra", extra)]
        subprocess.run(
            [str(binary), *COMPILE[1:], *chosen, "--output-file", f"requirements/{name}.txt", *sys.argv[1:]], check=True
        )
    _lock_conformance_suite()


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
