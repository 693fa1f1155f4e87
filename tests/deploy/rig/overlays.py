"""An overlay as it is rendered, and the Secrets that deploy/README.md has an operator make."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.manifests import KUBERNETES
from tests.deploy.installing import make_secrets
from tests.deploy.overlays import rendered
from tests.deploy.rig.manifests import Manifests

SecretStore = Mapping[str, Mapping[str, str]]


def overlay(name: str) -> Manifests:
    """What `kubectl apply -k` of the overlay would send."""
    return Manifests.parse(rendered(name))


def sample_server(namespace: str) -> Manifests:
    """The development overlay's MCP server, in a namespace that the gateway may reach."""
    parsed = Manifests.parse((KUBERNETES / "overlays/dev/sample-server.yaml").read_text(encoding="utf-8"))
    moved = tuple({**each, "metadata": {**each["metadata"], "namespace": namespace}} for each in parsed.objects)
    labels = {"authproxy-upstreams": "true"}
    return Manifests(moved).with_objects({"kind": "Namespace", "metadata": {"name": namespace, "labels": labels}})


def variable(manifests: Manifests, service: str, name: str) -> str:
    """What a service's ConfigMap of variables says."""
    for each in manifests.of_kind("ConfigMap"):
        if each["metadata"]["name"].startswith(f"{service}-env-"):
            return str(each["data"][name])
    raise AssertionError(f"no ConfigMap with the variables of {service}")


def secret_store(directory: Path, redis_url: str | None) -> SecretStore:
    """What an operator stores after having followed the README in `directory`.

    `redis_url` is that of a managed Redis; without one there are those of the README, for the Redis of the overlay.
    """
    store = {
        f"authproxy/{secret.name}": {key.name: key.read_text(encoding="utf-8") for key in secret.iterdir()}
        for secret in make_secrets(directory).iterdir()
    }
    if redis_url:
        for service in ("auth-server", "mcp-gateway"):
            store[f"authproxy/{service}"]["redis_url"] = redis_url
    return store


@dataclass(frozen=True)
class Registration:
    """The auth server's registration with the identity provider."""

    tenant: str
    client_id: str
    client_secret: str

    @classmethod
    def stored(cls, store: SecretStore) -> "Registration":
        """The one that the Secrets are about."""
        keys = store["authproxy/auth-server"]
        return cls(*(keys[f"azure_{name}"].strip() for name in ("tenant_id", "client_id", "client_secret")))
