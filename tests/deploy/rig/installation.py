"""An overlay that runs, and how people get to it."""

import contextlib
import ssl
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import httpx2

from tests.deploy.rig.cluster import Cluster, running_cluster
from tests.deploy.rig.internet import internet
from tests.deploy.rig.managed_redis import ManagedRedis
from tests.deploy.rig.manifests import Manifests
from tests.deploy.rig.network import PEOPLE
from tests.deploy.rig.overlays import SecretStore, overlay, sample_server, secret_store
from tests.deploy.rig.pods import Pod
from tests.deploy.rig.surroundings import OUTSIDE, UPSTREAMS_NAMESPACE, Surroundings
from tests.support.browser import Browser
from tests.support.person import Person

_PATIENCE = 30


@dataclass
class Installation:
    """An installation, and its people.

    Args:
        cluster: Where all of it runs.
        public_url: The one of the overlay.
        store: What the Secrets were made of.
        ingress: The ingress controller's pod.
        proxy: The people's way there.
        trust: What their programs trust.
    """

    cluster: Cluster
    public_url: str
    store: SecretStore
    ingress: Pod
    proxy: str
    trust: ssl.SSLContext
    _people: Iterator[IPv4Address] = field(default_factory=lambda: cycle([*PEOPLE.hosts()][:250]))

    @property
    def mcp_url(self) -> str:
        return f"{self.public_url}/mcp"

    def new_person(self) -> IPv4Address:
        """The address of somebody who was not seen lately."""
        return next(self._people)

    def http(self, person: IPv4Address, **options: Any) -> httpx.AsyncClient:
        """A client in a person's hands: it reaches the installation, the provider, and the person's own machine."""
        return httpx.AsyncClient(**self._options(person), **options)

    def person(self) -> Person:
        """Somebody with a browser and an MCP client on the official SDK."""
        address = self.new_person()

        def open_http(
            headers: dict[str, str] | None = None,
            timeout: httpx2.Timeout | None = None,
            auth: httpx2.Auth | None = None,
        ) -> httpx2.AsyncClient:
            options = self._options(address) | ({"timeout": timeout} if timeout else {})
            return httpx2.AsyncClient(headers=headers, auth=auth, **options)

        return Person(browser=Browser(self.http(address)), open_http=open_http)

    def _options(self, person: IPv4Address) -> dict[str, Any]:
        """For a client of either library."""
        proxy, own_machine = f"http://{person}:x@{self.proxy}", {"http://127.0.0.1": None}
        return {"proxy": proxy, "mounts": own_machine, "verify": self.trust, "trust_env": False, "timeout": _PATIENCE}


@contextlib.contextmanager
def running_installation(
    name: str,
    *,
    redis: ManagedRedis | None = None,
    edit: Callable[[Manifests], Manifests] | None = None,
    pace: float = 1.0,
    lag: float = 0.0,
) -> Iterator[Installation]:
    """The overlay as it is rendered, ready to serve.

    Args:
        name: Of the overlay.
        redis: Whose URL is in the Secrets of both services; None for the one that the overlay brings.
        edit: What to change, for a test that the change is noticed.
        pace, lag: Of the cluster.
    """
    with tempfile.TemporaryDirectory() as directory:
        store = secret_store(Path(directory), redis.url if redis else None)
    manifests = overlay(name).with_secrets_of(store)
    manifests = (edit(manifests) if edit else manifests).with_objects(*sample_server(UPSTREAMS_NAMESPACE).objects)
    with running_cluster(manifests, OUTSIDE, pace=pace, lag=lag) as cluster:
        surroundings = Surroundings(cluster, store)
        surroundings.start()
        if redis:
            redis.start(cluster, surroundings.files)
        cluster.apply()
        public_url, ingress = surroundings.public_url, surroundings.ingress
        names = {**OUTSIDE, str(urlsplit(public_url).hostname): ingress.address}
        with internet(cluster.network, names) as proxy:
            yield Installation(cluster, public_url, store, ingress, proxy, surroundings.trust)
