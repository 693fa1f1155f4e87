"""Making a connection: a name, its addresses one after the other, TLS."""

import asyncio
import socket
from collections.abc import Callable
from ssl import SSLContext

from authproxy_common.uri import HttpURI
from mcp_gateway.proxy.upstream_http.connection import Connection


async def connect(
    uri: HttpURI, made: Callable[[], Connection], tls: Callable[[], SSLContext], within: float
) -> Connection:
    """A connection to the first address of the URI's host that takes one, the name verified where it is https.

    Args:
        uri: Its host is a name or an address.
        made: Makes the protocol.
        tls: The context for https.
        within: Seconds that everything may take; each address gets its share.

    Raises:
        OSError: There is none; TimeoutError, SSLError and gaierror among it.
    """
    loop, host = asyncio.get_running_loop(), uri.host.strip("[]")
    context = tls() if uri.scheme == "https" else None
    async with asyncio.timeout(within):
        found = await loop.getaddrinfo(host, uri.port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        failure: OSError = socket.gaierror(socket.EAI_NONAME, "it has no address")
        for address in addresses:
            try:
                async with asyncio.timeout(within / len(addresses)):
                    _, connection = await loop.create_connection(
                        made, address, uri.port, ssl=context, server_hostname=host if context else None
                    )
                    return connection
            except OSError as error:
                failure = error
        raise failure
