"""What the tests of the shared library share."""

from collections.abc import Iterator

import pytest

from authproxy_common.http.assembly import Surroundings
from authproxy_common.http.health import HealthEndpoints
from authproxy_common.http.metrics import Metrics
from authproxy_common.http.pages import Pages
from authproxy_common.secret import Secret
from tests.support.servers import RedisServer


@pytest.fixture
def redis_server_url(redis_server: RedisServer) -> Secret:
    return Secret(redis_server.url)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """The pages of a service with one template of its own."""
    root = tmp_path_factory.mktemp("packages")
    templates = root / "sample_service" / "pages"
    templates.mkdir(parents=True)
    (templates.parent / "__init__.py").touch()
    (templates / "hello.html").write_text(
        '{% extends "base.html" %}{% block title %}Hello{% endblock %}{% block main %}<p>{{ name }}</p>{% endblock %}',
        encoding="utf-8",
    )
    with pytest.MonkeyPatch.context() as path:
        path.syspath_prepend(root)
        yield Pages("sample_service", "Sample service")


@pytest.fixture
def around(metrics: Metrics, pages: Pages) -> Surroundings:
    return Surroundings(HealthEndpoints({}, metrics), metrics, pages, https=True, body_limit=100, management_port=0)
