"""Microsoft Entra ID, as far as signing in goes: an honest OpenID provider at an issuer of Entra's form.

Run as `python -m tests.deploy.rig.provider CERTIFICATE KEY`; the rest are variables.
"""

import asyncio
import os
import sys

import uvicorn

from authproxy_common.clock import utc_now
from tests.support.openid_provider import OpenIDProvider

HOST = "login.microsoftonline.com"


def issuer(tenant: str) -> str:
    """Of one tenant."""
    return f"https://{HOST}/{tenant}/v2.0"


def provider(tenant: str, client_id: str, client_secret: str, redirect_uri: str) -> OpenIDProvider:
    """Signs everybody in at once, as where there is a session already."""
    return OpenIDProvider(
        utc_now,
        issuer=issuer(tenant),
        client_id=client_id,
        client_secret=client_secret,
        redirect_uri=redirect_uri,
        claims={"tid": tenant},
    )


if __name__ == "__main__":
    names = ("TENANT", "CLIENT_ID", "CLIENT_SECRET", "REDIRECT_URI")
    app = provider(*(os.environ[name] for name in names))
    config = uvicorn.Config(
        app,
        host="0.0.0.0",
        port=443,
        ssl_certfile=sys.argv[1],
        ssl_keyfile=sys.argv[2],
        log_level="warning",
        access_log=False,
        lifespan="off",
    )
    asyncio.run(uvicorn.Server(config).serve())
