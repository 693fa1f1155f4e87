"""An overlay that runs, and the world around it: people, their provider, an MCP server, an ingress controller."""

import contextlib
import ssl
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Address
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import certifi
import httpx
import httpx2

from tests.deploy.rig import images
from tests.deploy.rig.cluster import Cluster, running_cluster
from tests.deploy.rig.doors import door
from tests.deploy.rig.ingress import IngressRoutes
from tests.deploy.rig.managed_redis import ManagedRedis
from tests.deploy.rig.manifests import Manifests
from tests.deploy.rig.network import INTERNET, PEOPLE
from tests.deploy.rig.overlays import Registration, SecretStore, overlay, sample_server, secret_store, variable
from tests.deploy.rig.pods import Pod
from tests.deploy.rig.provider import HOST as PROVIDER
from tests.deploy.rig.sandbox import Image
from tests.deploy.rig.templates import template_of
from tests.support.browser import Browser
from tests.support.certificates import certificate
from tests.support.person import Person

INGRESS_NAMESPACE, UPSTREAMS_NAMESPACE = "ingress-nginx", "mcp-servers"
_PROVIDER_ADDRESS = INTERNET[10]
_PEOPLES_POD = PEOPLE[254]
_PATIENCE = 30


@dataclass
class Installation:
    """An installation and its surroundings.

    Args:
        cluster: Where all of it runs.
        public_url: The one of the overlay.
        store: What the Secrets were made of.
        ingress: The ingress controller's pod.
        doors: The directory of people's doors.
        trust: What people's programs trust.
    """

    cluster: Cluster
    public_url: str
    store: SecretStore
    ingress: Pod
    doors: Path
    trust: ssl.SSLContext
    _people: Iterator[IPv4Address] = field(default_factory=lambda: cycle([*PEOPLE.hosts()][:250]))

    @property
    def mcp_url(self) -> str:
        return f"{self.public_url}/mcp"

    def new_person(self) -> IPv4Address:
        """The address of somebody who was not seen lately."""
        return next(self._people)

    def http(self, person: IPv4Address, **options: Any) -> httpx.AsyncClient:
        """A client in the hands of a person: it reaches the installation, the provider, and its own machine."""
        transport = partial(
            httpx.AsyncHTTPTransport, verify=self.trust, limits=httpx.Limits(**options.pop("limits", {}))
        )
        return httpx.AsyncClient(mounts=self._mounts(person, transport), trust_env=False, timeout=_PATIENCE, **options)

    def person(self) -> Person:
        """Somebody with a browser and an MCP client on the official SDK."""
        address = self.new_person()
        transport = partial(httpx2.AsyncHTTPTransport, verify=self.trust)

        def open_http(
            headers: dict[str, str] | None = None,
            timeout: httpx2.Timeout | None = None,
            auth: httpx2.Auth | None = None,
        ) -> httpx2.AsyncClient:
            mounts = self._mounts(address, transport)
            return httpx2.AsyncClient(
                mounts=mounts, trust_env=False, headers=headers, timeout=timeout or _PATIENCE, auth=auth
            )

        return Person(browser=Browser(self.http(address)), open_http=open_http)

    def _mounts(self, person: IPv4Address, transport: Any) -> Any:
        leads_to = {"https://": "ingress", f"https://{PROVIDER}": "provider"}
        doors = {origin: transport(uds=str(door(self.doors, name, person))) for origin, name in leads_to.items()}
        return doors | {"http://127.0.0.1": transport()}


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
    known: dict[str, Image] = {"valkey": images.valkey(), "authproxy-examples": images.python(), "idle": Image()}
    names = {PROVIDER: _PROVIDER_ADDRESS}
    with running_cluster(manifests, known, names, pace=pace, lag=lag) as cluster:
        surroundings = _Surroundings(cluster, known, store)
        surroundings.start()
        if redis:
            redis.start(cluster, known, surroundings.files)
        cluster.apply()
        yield surroundings.installation()


@dataclass
class _Surroundings:
    """Starts what is around an overlay."""

    cluster: Cluster
    images: dict[str, Image]
    store: SecretStore
    _ingress: Pod | None = None

    def __post_init__(self) -> None:
        self.public_url = variable(self.cluster.manifests, "mcp-gateway", "MCP_EXTERNAL_BASE_URL")
        self.files = self.cluster.run.directory / "surroundings"
        self.files.mkdir()

    def start(self) -> None:
        provider, ingress = self._certificate(PROVIDER), self._certificate(str(urlsplit(self.public_url).hostname))
        self.trusted = self.files / "trusted.pem"
        self.trusted.write_bytes(b"".join(Path(p).read_bytes() for p in (certifi.where(), provider[0], ingress[0])))
        for name in ("auth-server", "mcp-gateway"):
            self.images[name] = images.service(name, self.trusted)
        self._start_provider(*provider)
        self._start_ingress(*ingress)
        self._start_doors()

    def installation(self) -> Installation:
        assert self._ingress
        trust = ssl.create_default_context(cafile=str(self.trusted))
        return Installation(self.cluster, self.public_url, self.store, self._ingress, self._doors, trust)

    def _start_provider(self, certificate_file: Path, key: Path) -> None:
        self.images["provider"] = images.python(certificate=certificate_file, key=key)
        registered = Registration.stored(self.store)
        variables = {
            "TENANT": registered.tenant,
            "CLIENT_ID": registered.client_id,
            "CLIENT_SECRET": registered.client_secret,
            "REDIRECT_URI": variable(self.cluster.manifests, "auth-server", "AZURE_REDIRECT_URI"),
        }
        command = ["python", "-m", "tests.deploy.rig.provider", "/etc/given/certificate", "/etc/given/key"]
        template = template_of("provider", command, variables, probe={"tcpSocket": {"port": 443}})
        self.cluster.create_outside("provider", template, _PROVIDER_ADDRESS)

    def _start_ingress(self, certificate_file: Path, key: Path) -> None:
        certificates = self.files / "certificates"
        certificates.mkdir()
        for ingress in self.cluster.manifests.of_kind("Ingress"):
            for tls in ingress["spec"].get("tls", []):
                _copy(certificate_file, key, certificates / f"{ingress['metadata']['namespace']}.{tls['secretName']}")
        _copy(certificate_file, key, certificates / "default")
        routes = IngressRoutes(
            self.cluster.manifests.of_kind("Ingress"), self.cluster.services.place_of, str(certificates)
        )
        configuration = self.files / "nginx.conf"
        configuration.write_text(routes.nginx_conf())
        self.images["nginx"] = images.nginx(configuration, certificates)
        template = template_of("nginx", probe={"tcpSocket": {"port": 443}})
        self._ingress = self.cluster.create_pod("ingress-controller", INGRESS_NAMESPACE, template)

    def _start_doors(self) -> None:
        self.images["doors"] = images.python()
        self._doors = self.cluster.run.directory / "claims" / "outside" / "doors"
        assert self._ingress
        leads_to = [f"ingress={self._ingress.address}:443", f"provider={_PROVIDER_ADDRESS}:443"]
        command = ["python", "-m", "tests.deploy.rig.doors", "/doors", str(PEOPLE), *leads_to]
        template = template_of(
            "doors", command, mounts="/doors", probe={"exec": {"command": ["test", "-e", "/doors/open"]}}
        )
        self.cluster.create_outside("people", template, _PEOPLES_POD, PEOPLE)

    def _certificate(self, host: str) -> tuple[Path, Path]:
        directory = self.files / host
        directory.mkdir()
        return certificate(directory, host)


def _copy(certificate_file: Path, key: Path, to: Path) -> None:
    for source, suffix in ((certificate_file, ".crt"), (key, ".key")):
        to.with_name(to.name + suffix).write_bytes(source.read_bytes())
