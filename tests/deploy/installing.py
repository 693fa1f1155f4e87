"""deploy/README.md as whoever installs reads it: its tables, and its commands, which are run."""

import os
import re
import subprocess
from pathlib import Path

from scripts.manifests import KUBECTL, ROOT

README = (ROOT / "deploy/README.md").read_text(encoding="utf-8")
_SCRIPT = re.compile(r"```bash\n(.*?)```", re.DOTALL)


def section(heading: str) -> str:
    """What stands below a heading of the second level."""
    return README.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without the table's own heading."""
    lines = [line for line in section(heading).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def documented_keys() -> set[tuple[str, str]]:
    """The Secret and the key of each row about Secrets."""
    return {(row[0].strip("`"), key) for row in rows("Secrets") for key in re.findall(r"`([^`]+)`", row[1])}


def make_secrets(directory: Path) -> Path:
    """Run the first script about Secrets, as it stands; where it puts them."""
    _run(_SCRIPT.findall(section("Secrets"))[0], directory)
    return directory / "secrets"


def secret_manifests(directory: Path, secrets: Path) -> str:
    """What the second script would apply."""
    script = _SCRIPT.findall(section("Secrets"))[1]
    assert script.count("| kubectl apply -f -") == 1
    (directory / "secrets").symlink_to(secrets)
    return _run(script.replace("| kubectl apply -f -", "&& echo ---"), directory)


def _run(script: str, directory: Path) -> str:
    (directory / "deploy").symlink_to(ROOT / "deploy")
    variables = {"PATH": f"{KUBECTL.parent}:{os.environ['PATH']}", "HOME": str(directory)}
    command = ["bash", "-euo", "pipefail", "-c", script]
    return subprocess.run(
        command, cwd=directory, env=variables, capture_output=True, text=True, timeout=60, check=True
    ).stdout
