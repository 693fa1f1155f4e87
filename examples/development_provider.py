"""The development OpenID provider: `oidc-provider-mock`, where one signs in as anybody, without a password.

It leaves out `state` when a person denies the request, which every real provider returns (RFC 6749 §4.1.2.1); that is
mended here.
"""

import os
import signal
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

from oidc_provider_mock import app as provider
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class StateReturned:
    """WSGI middleware that returns `state` with errors too."""

    def __init__(self, app: "WSGIApplication") -> None:
        self.app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        state = parse_qs(environ.get("QUERY_STRING", "")).get("state", [""])[0]

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            return start_response(status, [(n, _with_state(n, v, state)) for n, v in headers], exc_info)

        return self.app(environ, start)


def _with_state(name: str, value: str, state: str) -> str:
    query = parse_qs(urlsplit(value).query)
    if name.lower() != "location" or "error" not in query or "state" in query or not state:
        return value
    return f"{value}&{urlencode({'state': state})}"


def application() -> "WSGIApplication":
    """The provider."""
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    return StateReturned(provider(require_nonce=True))


def serve(app: "WSGIApplication") -> None:
    """Serve until SIGTERM; on this machine alone, unless a container says otherwise."""
    # The first process of a container has no default for it.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit())
    host = os.environ.get("DEVELOPMENT_PROVIDER_HOST", "127.0.0.1")
    port = int(os.environ.get("DEVELOPMENT_PROVIDER_PORT", "9400"))
    make_server(host, port, app, threaded=True).serve_forever()


if __name__ == "__main__":
    serve(application())
