"""The command line of the auth server."""

from collections.abc import Awaitable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from authproxy_common.cli import Service, command_line
from authproxy_common.config import Loaded

if TYPE_CHECKING:
    from auth_server.settings import AuthServerSettings
    from authproxy_common.doctor import Check, Vantage


def load(path: Path, variables: Mapping[str, str]) -> "Loaded[AuthServerSettings]":
    """See `Service`."""
    from auth_server.settings import load_settings

    return load_settings(path, variables)


def serve(loaded: "Loaded[AuthServerSettings]") -> Awaitable[None]:
    """See `Service`."""
    from auth_server.serving import run

    return run(loaded)


def examined(settings: "AuthServerSettings", vantage: "Vantage") -> AbstractAsyncContextManager[Sequence["Check"]]:
    """See `Service`."""
    from auth_server.doctor import examined

    return examined(settings, vantage)


main = command_line(
    Service("auth-server", "The auth server: signs browsers in for any gateway.", load, serve, examined)
)
