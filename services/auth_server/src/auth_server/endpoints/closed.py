"""What answers at the sign-in endpoints while the configuration has them switched off."""

from starlette.requests import Request
from starlette.responses import Response

from authproxy_common.errors import NotOffered


async def closed(_request: Request) -> Response:
    """Always 404, saying why."""
    raise NotOffered("signing in is switched off in this auth server's configuration")
