"""Which of the configured providers a request is about."""

from collections.abc import Mapping

from auth_server.flows.ports import IdentityProvider
from authproxy_common.errors import InvalidRequest


def chosen(providers: Mapping[str, IdentityProvider], name: str | None) -> tuple[str, IdentityProvider]:
    """The provider called `name`, or the only one where none is named; raises InvalidRequest."""
    if name is None and len(providers) == 1:
        return next(iter(providers.items()))
    if name is None or name not in providers:
        raise InvalidRequest(f"there is no such provider; configured: {', '.join(sorted(providers))}")
    return name, providers[name]
