"""What is around an overlay: the people's provider, an ingress controller, and what stands for images."""

import ssl
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

import certifi

from tests.deploy.rig import images
from tests.deploy.rig.cluster import Cluster
from tests.deploy.rig.ingress import IngressRoutes
from tests.deploy.rig.network import INTERNET
from tests.deploy.rig.overlays import Registration, SecretStore, variable
from tests.deploy.rig.pods import Pod
from tests.deploy.rig.provider import HOST as PROVIDER
from tests.deploy.rig.sandbox import Image
from tests.deploy.rig.templates import template_of
from tests.support.certificates import certificate

INGRESS_NAMESPACE, UPSTREAMS_NAMESPACE = "ingress-nginx", "mcp-servers"
OUTSIDE = {PROVIDER: INTERNET[10]}
"""Who is on the internet, by host name."""


@dataclass
class Surroundings:
    """Starts them.

    Args:
        cluster: Where.
        store: Has the registration with the provider.
    """

    cluster: Cluster
    store: SecretStore

    def __post_init__(self) -> None:
        self.public_url = variable(self.cluster.manifests, "mcp-gateway", "MCP_EXTERNAL_BASE_URL")
        self.files = self.cluster.run.directory / "surroundings"
        self.files.mkdir()
        self._trusted = self.files / "trusted.pem"

    @cached_property
    def trust(self) -> ssl.SSLContext:
        """The public authorities, and the two certificates that sign themselves here."""
        return ssl.create_default_context(cafile=str(self._trusted))

    def start(self) -> None:
        """Start everything; not waiting for it."""
        provider, ingress = self._certificate(PROVIDER), self._certificate(str(urlsplit(self.public_url).hostname))
        self._trusted.write_bytes(
            b"".join(Path(path).read_bytes() for path in (certifi.where(), provider[0], ingress[0]))
        )
        known = {name: images.service(name, self._trusted) for name in ("auth-server", "mcp-gateway")}
        known |= {"valkey": images.valkey(), "authproxy-examples": images.python(), "idle": Image()}
        self.cluster.images.update(known)
        self._start_provider(*provider)
        self.ingress = self._start_ingress(*ingress)

    def _start_provider(self, certificate_file: Path, key: Path) -> None:
        self.cluster.images["provider"] = images.python(certificate=certificate_file, key=key)
        registered = Registration.stored(self.store)
        variables = {
            "TENANT": registered.tenant,
            "CLIENT_ID": registered.client_id,
            "CLIENT_SECRET": registered.client_secret,
            "REDIRECT_URI": variable(self.cluster.manifests, "auth-server", "AZURE_REDIRECT_URI"),
        }
        command = ["python", "-m", "tests.deploy.rig.provider", "/etc/given/certificate", "/etc/given/key"]
        template = template_of("provider", command, variables, probe={"tcpSocket": {"port": 443}})
        self.cluster.create_outside("provider", template, OUTSIDE[PROVIDER])

    def _start_ingress(self, certificate_file: Path, key: Path) -> Pod:
        certificates = self.files / "certificates"
        certificates.mkdir()
        ingresses = self.cluster.manifests.of_kind("Ingress")
        names = {
            f"{each['metadata']['namespace']}.{t['secretName']}" for each in ingresses for t in each["spec"]["tls"]
        }
        for name in ("default", *names):
            (certificates / f"{name}.crt").write_bytes(certificate_file.read_bytes())
            (certificates / f"{name}.key").write_bytes(key.read_bytes())
        configuration = self.files / "nginx.conf"
        routes = IngressRoutes(ingresses, self.cluster.services.place_of, str(certificates))
        configuration.write_text(routes.nginx_conf())
        self.cluster.images["nginx"] = images.nginx(configuration, certificates)
        template = template_of("nginx", probe={"tcpSocket": {"port": 443}})
        return self.cluster.create_pod("ingress-controller", INGRESS_NAMESPACE, template)

    def _certificate(self, host: str) -> tuple[Path, Path]:
        directory = self.files / host
        directory.mkdir()
        return certificate(directory, host)
