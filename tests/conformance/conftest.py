"""The suite, and one running stack for it."""

from collections.abc import Iterator

import pytest

from tests.conformance.protected import Protected, reading_everything, running_protected
from tests.conformance.suite import Suite


@pytest.fixture(scope="session")
def suite() -> Suite:
    """The official suite; a machine without npm sees the skip counted and named."""
    found = Suite.find()
    if found is None:
        pytest.skip("the conformance suite, which npm installs, is not here: what it checks was not proven")
    return found


@pytest.fixture(scope="session")
def protected(suite: Suite) -> Iterator[Protected]:
    with running_protected() as started:
        yield started


@pytest.fixture(scope="session")
def ruled(suite: Suite) -> Iterator[Protected]:
    """The same, behind a policy."""
    with running_protected(reading_everything) as started:
        yield started
