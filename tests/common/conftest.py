"""What the tests of the shared library share."""

from collections.abc import Iterator

import pytest

from authproxy_common.http.assembly import Surroundings
from authproxy_common.http.health import HealthEndpoints
from authproxy_common.http.metrics import Metrics
from authproxy_common.http.pages import Pages
from authproxy_common.secret import Secret
from tests.support.redis_topologies import Cluster, Sentinels, Single, cluster, sentinels, single
from tests.support.servers import RedisServer

# That the user under test may use: what tests write below.
KEYS = "~test:*"


@pytest.fixture
def redis_server_url(redis_server: RedisServer) -> Secret:
    return Secret(redis_server.url)


@pytest.fixture(scope="session")
def redis_behind_tls(redis_server_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Single]:
    """A server behind TLS, for the whole run."""
    with single(redis_server_binary, tmp_path_factory.mktemp("tls"), keys=KEYS, is_tls=True) as setup:
        yield setup


@pytest.fixture(scope="session")
def redis_sentinels(redis_server_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sentinels]:
    """A primary with replicas and Sentinels, for the whole run; a test that kills one of them starts its own."""
    with sentinels(redis_server_binary, tmp_path_factory.mktemp("sentinels"), keys=KEYS) as setup:
        yield setup


@pytest.fixture(scope="session")
def redis_cluster(redis_server_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster, for the whole run; a test that changes it starts its own."""
    with cluster(redis_server_binary, tmp_path_factory.mktemp("cluster"), keys=KEYS) as setup:
        yield setup


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
