"""FastMCP with its OIDC proxy, as a program: `fastmcp_sign_in.py PORT ISSUER`; secrets are in the environment."""

import os
import sys

import uvicorn
from fastmcp import FastMCP
from fastmcp.server.auth.oidc_proxy import OIDCProxy
from key_value.aio.stores.memory import MemoryStore

if __name__ == "__main__":
    port, issuer = sys.argv[1:]
    auth = OIDCProxy(
        config_url=f"{issuer}/.well-known/openid-configuration",
        client_id=os.environ["BENCH_CLIENT_ID"],
        client_secret=os.environ["BENCH_CLIENT_SECRET"],
        base_url=f"http://localhost:{port}",
        verify_id_token=True,
        required_scopes=["openid", "email", "profile"],
        client_storage=MemoryStore(),
        forward_resource=False,
        jwt_signing_key=os.environ["BENCH_SIGNING_KEY"],
    )
    app = FastMCP("bench", auth=auth).http_app(path="/mcp", stateless_http=True, json_response=True)
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="error", access_log=False)
