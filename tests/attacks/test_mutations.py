"""Every check of the list is taken away in a copy of the sources, and its test must notice."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.attacks.lane_mutations import LANE_MUTATIONS
from tests.attacks.mutations import MUTATIONS, Mutation
from tests.attacks.policy_mutations import POLICY_MUTATIONS

ROOT = Path(__file__).resolve().parent.parent.parent
# What takes longer to import than the test takes to run.
_WITHOUT = [option for plugin in ("hypothesispytest", "xdist", "pytest_cov") for option in ("-p", f"no:{plugin}")]
_SOURCES = ("packages/common/src", "services/auth_server/src", "services/mcp_gateway/src")


ALL = [*MUTATIONS, *POLICY_MUTATIONS, *LANE_MUTATIONS]


@pytest.mark.requirement("CO-03")
@pytest.mark.parametrize("mutation", ALL, ids=lambda mutation: mutation.check)
def test_a_check_that_is_taken_away_is_missed_by_its_test(mutation: Mutation, tmp_path: Path) -> None:
    for source in _SOURCES:
        # With what is compiled already: it counts for files of the same time and size, which the mutated one is not.
        shutil.copytree(ROOT / source, tmp_path / source, ignore=shutil.ignore_patterns("*.egg-info"))
    mutated = tmp_path / mutation.file
    text = mutated.read_text(encoding="utf-8")
    assert text.count(mutation.line) == 1, "the list no longer names a line of the source"
    mutated.write_text(text.replace(mutation.line, mutation.instead), encoding="utf-8")

    result = _run(mutation.test, tmp_path)

    assert result.returncode == 1, f"nothing failed without the check of {mutation.check}:\n{result.stdout}"
    assert "1 failed" in result.stdout
    assert "error" not in result.stdout.splitlines()[-1], result.stdout


def _run(test: str, sources: Path) -> "subprocess.CompletedProcess[str]":
    # First in the path, so these shadow the installed ones.
    path = os.pathsep.join(str(sources / source) for source in _SOURCES)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *_WITHOUT, test],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
