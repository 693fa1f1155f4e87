"""The overlays as kustomize renders them, and the values that an operator puts into the secret store."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from authproxy_common.records import generate_key
from mcp_gateway.tokens.signing_keys import generate_signing_key
from tests.deploy.rig.manifests import Manifests
from tests.support.stack import ROOT

SecretStore = Mapping[str, Mapping[str, str]]

_OVERLAYS = ROOT / "deploy" / "k8s" / "overlays"


@cache
def rendered(overlay: str) -> Manifests:
    """The objects of an overlay. A test of its own holds the golden files to what kustomize makes of the overlays."""
    return Manifests.parse((ROOT / "tests" / "deploy" / "golden" / f"{overlay}.yaml").read_text())


def sample_server(namespace: str) -> Manifests:
    """The development overlay's MCP server, in a namespace that the gateway may reach."""
    parsed = Manifests.parse((_OVERLAYS / "dev" / "sample-server.yaml").read_text())
    moved = tuple({**each, "metadata": {**each["metadata"], "namespace": namespace}} for each in parsed.objects)
    labels = {"authproxy-upstreams": "true"}
    return Manifests(moved).with_objects({"kind": "Namespace", "metadata": {"name": namespace, "labels": labels}})


def variable(manifests: Manifests, service: str, name: str) -> str:
    """What a service's ConfigMap of variables says."""
    for each in manifests.of_kind("ConfigMap"):
        if each["metadata"]["name"].startswith(f"{service}-env-"):
            return str(each["data"][name])
    raise AssertionError(f"no ConfigMap with the variables of {service}")


@dataclass(frozen=True)
class Registration:
    """The auth server's registration with the identity provider."""

    tenant: str = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
    client_id: str = "5a2f0d6e-61b5-4f8e-9f59-1f0d6d1b9c33"
    client_secret: str = "a-client-secret-of-this-test"


def secret_store(registration: Registration, redis_url: str | None) -> SecretStore:
    """What an operator stores, made anew.

    Args:
        registration: With the provider.
        redis_url: Of a managed Redis; None for the one of the manifests, with a user for each service.
    """
    passwords = {name: secrets.token_urlsafe(24) for name in ("auth-server", "mcp-gateway")}
    urls = {name: redis_url or f"redis://{name}:{password}@redis:6379/0" for name, password in passwords.items()}
    return {
        "authproxy/auth-server": {
            "redis_url": urls["auth-server"],
            "encryption_keys": generate_key().reveal(),
            "azure_tenant_id": registration.tenant,
            "azure_client_id": registration.client_id,
            "azure_client_secret": registration.client_secret,
        },
        "authproxy/mcp-gateway": {
            "redis_url": urls["mcp-gateway"],
            "encryption_keys": generate_key().reveal(),
            "signing.pem": generate_signing_key().reveal(),
        },
        "authproxy/redis-acl": {"users.acl": _users(passwords)},
    }


def _users(passwords: Mapping[str, str]) -> str:
    """The example of the Redis component, with real digests in the place of its zeros."""
    lines = (ROOT / "deploy/k8s/components/redis/users.acl.example").read_text().splitlines()
    for name, password in passwords.items():
        digest = hashlib.sha256(password.encode()).hexdigest()
        lines = [each.replace("0" * 64, digest) if each.startswith(f"user {name} ") else each for each in lines]
    return "\n".join(lines) + "\n"
