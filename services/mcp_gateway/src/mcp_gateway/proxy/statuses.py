"""Which of an MCP server's answers can be passed on."""

from authproxy_common.errors import BadGateway


class CredentialsRefused(BadGateway):
    """The MCP server answered 401, which to the client would look like an answer about its own token."""


def check_status(status: int) -> None:
    """A redirect would name an address of ours, and a 401 would be taken for an answer about the client's token.

    Raises BadGateway; CredentialsRefused among it.
    """
    if not 200 <= status < 600:
        raise BadGateway("the MCP server answered with a status that HTTP does not have")
    if 300 <= status < 400:
        raise BadGateway("the MCP server redirects; configure the URL that it redirects to")
    if status == 401:
        raise CredentialsRefused("the MCP server wants other credentials than this gateway has for it")
