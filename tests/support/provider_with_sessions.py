"""The development provider, but as most are: a browser that signed in there once is not asked again."""

from collections.abc import Iterable
from http.cookies import SimpleCookie
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

from examples.development_provider import application, serve

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_COOKIE = "provider_session"


class Sessions:
    """WSGI middleware that fills in the form for who filled it in before, without a `prompt` (OIDC Core §3.1.2.3)."""

    def __init__(self, app: "WSGIApplication") -> None:
        self.app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/oauth2/authorize":
            return self.app(environ, start_response)
        known = SimpleCookie(environ.get("HTTP_COOKIE", "")).get(_COOKIE)
        if environ["REQUEST_METHOD"] == "GET" and known and "prompt" not in parse_qs(environ["QUERY_STRING"]):
            _fill_in(environ, urlencode({"sub": known.value}).encode())
        elif environ["REQUEST_METHOD"] == "POST":
            _fill_in(environ, environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        form = parse_qs(environ["wsgi.input"].getvalue().decode()) if environ["REQUEST_METHOD"] == "POST" else {}

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            session = [("Set-Cookie", f"{_COOKIE}={form['sub'][0]}; Path=/; HttpOnly")] if "sub" in form else []
            return start_response(status, headers + session, exc_info)

        return self.app(environ, start)


def _fill_in(environ: "WSGIEnvironment", body: bytes) -> None:
    environ["REQUEST_METHOD"] = "POST"
    environ["CONTENT_TYPE"] = "application/x-www-form-urlencoded"
    environ["CONTENT_LENGTH"] = str(len(body))
    environ["wsgi.input"] = BytesIO(body)


if __name__ == "__main__":
    serve(Sessions(application()))
