"""A gateway's configuration with clients that open no browser."""

import json
from collections.abc import Callable

from joserfc.jwk import ECKey

from tests.support.client_assertions import jwks_of
from tests.support.trusted_issuer import JWT_BEARER

SECRET = "a-secret-of-the-configured-client"


def with_clients(key: ECKey, **issuers: str) -> Callable[[str], str]:
    """Adds clients to a configuration file: `basic`, `post` and `robot`, which act for nobody, and `editor`.

    The last presents assertions of the issuers, whose identifiers are given by their names; `key` is the robot's.
    """
    clients = {name: _by_itself(f"client_secret_{name}", client_secret=SECRET) for name in ("basic", "post")}
    clients["robot"] = _by_itself("private_key_jwt", jwks=jwks_of(key))
    clients["editor"] = {
        "grant_types": [JWT_BEARER],
        "token_endpoint_auth_method": "client_secret_basic",
        "client_secret": SECRET,
    }
    trusted = {
        name: {"issuer": issuer, "clients": ["editor"], "servers": {"default": ["mcp"]}}
        for name, issuer in issuers.items()
    }
    # JSON is YAML.
    added = f"  clients: {json.dumps(clients)}\n  trusted_issuers: {json.dumps(trusted)}\n"
    return lambda config: config.replace("  client_metadata_documents:", f"{added}  client_metadata_documents:")


def _by_itself(method: str, **credentials: object) -> dict[str, object]:
    return {
        "grant_types": ["client_credentials"],
        "token_endpoint_auth_method": method,
        "servers": {"default": ["mcp"]},
        **credentials,
    }
