"""The staging overlay, running, for the tests that leave it as they found it."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.deploy.rig.installation import Installation, running_installation

# Times of the manifests pass five times faster, and so does what makes a cluster slow.
PACE, LAG = 5, 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(__file__.rpartition("/")[0]):
            item.add_marker(pytest.mark.rig)


@pytest.fixture(scope="package")
def staging() -> Iterator[Installation]:
    with running_installation("staging", pace=PACE, lag=LAG) as installation:
        yield installation


@pytest.fixture
async def http(staging: Installation) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody's requests to the installation."""
    async with staging.http(staging.new_person(), base_url=staging.public_url) as client:
        yield client
