"""TLS towards upstreams."""

from pathlib import Path
from ssl import SSLContext

import httpx


def client_context(ca_file: Path | None = None) -> SSLContext:
    """Verifies certificate and name against the public authorities, and those in `ca_file` too.

    Takes nothing from the environment. Making one takes long; a process needs one.
    """
    context = httpx.create_ssl_context(trust_env=False)
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context
