"""Compile the hashed requirement files. They name no index: whoever installs uses the one that their pip knows."""

import subprocess
import sys
from pathlib import Path

EXTRAS = {"auth-server": ["auth-server"], "mcp-gateway": ["mcp-gateway"], "dev": ["auth-server", "mcp-gateway", "dev"]}
COMPILE = (
    "uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url".split()
)
COMPILE += ["--no-header", "--quiet", "--no-annotate", "--no-strip-extras"]


def main() -> None:
    binary = Path(sys.executable).parent / "uv"
    for name, extras in EXTRAS.items():
        chosen = [option for extra in extras for option in ("--extra", extra)]
        subprocess.run(
            [str(binary), *COMPILE[1:], *chosen, "--output-file", f"requirements/{name}.txt", *sys.argv[1:]], check=True
        )


if __name__ == "__main__":
    main()
