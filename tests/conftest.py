"""Shared by every test: anyio as the runner, and the rule that a test says what it proves."""

import os
import shutil
from collections.abc import Generator, Iterator

import pytest
import structlog

from scripts.requirements import rows
from tests.support.servers import RedisServer, free_port


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def no_context_left_behind() -> Iterator[None]:
    """Log context is the one thing that a process shares; no test sees another's."""
    yield
    structlog.contextvars.clear_contextvars()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a test that names no requirement, or one that does not exist."""
    known = rows()
    for item in items:
        named = {name for mark in item.iter_markers("requirement") for name in mark.args}
        if not named:
            raise pytest.UsageError(f"{item.nodeid} names no requirement")
        if unknown := named - known.keys():
            raise pytest.UsageError(f"{item.nodeid} names rows that do not exist: {', '.join(sorted(unknown))}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI, where everything is installed, a test that skips itself has proven nothing and fails."""
    report = yield
    if os.environ.get("CI") and report.skipped:
        report.outcome, report.longrepr = "failed", f"skipped, which CI does not accept: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def redis_server_binary() -> str:
    """Where redis-server is; a machine without one sees the skip counted and named."""
    found = shutil.which("redis-server")
    if found is None:
        pytest.skip("redis-server is not installed: what needs a real Redis was not proven here")
    return found


@pytest.fixture(scope="session")
def redis_server(redis_server_binary: str) -> Iterator[RedisServer]:
    """A real Redis for the whole run; tests that stop it take `own_redis_server` instead."""
    server = RedisServer(redis_server_binary, free_port())
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_redis_server(redis_server_binary: str) -> Iterator[RedisServer]:
    """A real Redis for one test."""
    server = RedisServer(redis_server_binary, free_port())
    server.start()
    yield server
    server.stop()
