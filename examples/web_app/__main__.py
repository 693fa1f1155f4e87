"""Serve the web app, for `make up WITH=web_app`."""

import os
import secrets

import uvicorn

from authproxy_common.gateway_sign_in import GatewaySignIn
from authproxy_common.http.client import open_http
from examples.web_app.app import create_app


def main() -> None:
    """Serve until told to stop."""
    port = int(os.environ.get("EXAMPLE_WEB_APP_PORT") or "8000")
    sign_in = GatewaySignIn(
        auth_server_url=os.environ.get("EXTERNAL_AUTH_SERVICE_URL") or "http://localhost:8080",
        gateway_uri=os.environ.get("EXAMPLE_WEB_APP_GATEWAY_URI") or f"http://localhost:{port}/callback",
        http=open_http(),
    )
    # Without a key that is kept, whoever was signed in is so no more after a restart.
    app = create_app(sign_in, os.environ.get("EXAMPLE_WEB_APP_SESSION_KEY") or secrets.token_urlsafe(32))
    # An access log would hold the codes that browsers bring.
    uvicorn.run(app, host="127.0.0.1", port=port, access_log=False)


if __name__ == "__main__":
    main()
