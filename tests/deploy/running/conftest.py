"""The staging overlay, running, for the tests that leave it as they found it."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.deploy.rig.installation import Installation, running_installation
from tests.deploy.traffic.figures import Figures, table

# Times of the manifests pass five times faster, and so does what makes a cluster slow.
PACE, LAG = 5, 2


_ROWS = pytest.StashKey[list[Figures]]()


@pytest.fixture(scope="session")
def rows(pytestconfig: pytest.Config) -> list[Figures]:
    """The figures of each fault."""
    return pytestconfig.stash.setdefault(_ROWS, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show the figures, and leave them in the directory of the run's files."""
    if rows := config.stash.get(_ROWS, []):
        path = config.rootpath / ".run" / "faults.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(table(rows))
        terminalreporter.section(f"figures, also in {path.relative_to(config.rootpath)}")
        terminalreporter.write(table(rows))


@pytest.fixture(scope="package")
def staging() -> Iterator[Installation]:
    with running_installation("staging", pace=PACE, lag=LAG) as installation:
        yield installation


@pytest.fixture
async def http(staging: Installation) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody's requests to the installation."""
    async with staging.http(staging.new_person(), base_url=staging.public_url) as client:
        yield client
