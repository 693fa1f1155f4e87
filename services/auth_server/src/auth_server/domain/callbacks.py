"""The redirect URIs that are registered with providers.

Where several providers share one, a hostile provider can have a browser bring it another provider's code (RFC 9700
§4.4), unless every one of them sends `iss`. A path of its own for each, `/callback/NAME`, tells them apart.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

_NAMED = "/callback/"


def named_in(redirect_uri: str) -> str | None:
    """The provider that the path of a redirect URI, or of a request, names; None for the plain `/callback`."""
    return urlsplit(redirect_uri).path.partition(_NAMED)[2] or None


def shared(redirect_uris: Mapping[str, str]) -> list[str]:
    """The names of the providers that a callback cannot tell apart: those that none of the paths names, if several."""
    unnamed = sorted(name for name, redirect_uri in redirect_uris.items() if named_in(redirect_uri) is None)
    return unnamed if len(unnamed) > 1 else []
