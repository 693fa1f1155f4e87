"""Parameters of a request, from wherever its content type says they are."""

from starlette.requests import Request

from authproxy_common.errors import InvalidRequest
from authproxy_common.params import Params

_FORM, _JSON = "application/x-www-form-urlencoded", "application/json"


def query_params(request: Request) -> Params:
    """The query's parameters; raises InvalidRequest."""
    return Params.from_query(request.scope["query_string"])


async def form_params(request: Request) -> Params:
    """The form's parameters; raises InvalidRequest when the body is not a form."""
    if content_type(request) != _FORM:
        raise InvalidRequest(f"the body must be {_FORM}")
    return Params.from_query(await request.body())


async def any_params(request: Request) -> Params:
    """From a form or a JSON body, or from the query where there is no body; raises InvalidRequest."""
    body = await request.body()
    if not body:
        return query_params(request)
    match content_type(request):
        case "application/json":
            return Params.from_json(body)
        case "application/x-www-form-urlencoded":
            return Params.from_query(body)
        case _:
            raise InvalidRequest(f"the body must be {_FORM} or {_JSON}")


def content_type(request: Request) -> str:
    """The media type alone, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
