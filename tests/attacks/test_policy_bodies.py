"""Messages that a policy and an MCP server could read differently. The upstream here says what it received: nothing."""

import base64
import json
from typing import Any

import pytest

from tests.support.callers import server_settings
from tests.support.gateway import GATEWAY, World

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("PO-04")]

POLICY = {"tools": {"exclude_tools": ["delete"]}}
JSON = {"Content-Type": "application/json"}
_NOT_JSON, _NOT_A_MESSAGE, _MISMATCH = -32700, -32600, -32020


async def tried(body: bytes, headers: dict[str, str] | None = None, method: str = "POST") -> tuple[int, int, int]:
    """Status, code of the JSON-RPC error, and how many requests the MCP server got."""
    world = World(servers={"default": server_settings(**POLICY)})
    token = (await world.tokens(await world.register()))["access_token"]
    fields = {**JSON, **(headers or {}), "Authorization": f"Bearer {token}"}
    answer = await world.http.request(method, f"{GATEWAY}/mcp", headers=fields, content=body)
    if answer.status_code == 200:
        return 200, 0, len(world.upstream.received)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["error"]["data"]["request_id"] == answer.headers["x-request-id"]
    return answer.status_code, answer.json()["error"]["code"], len(world.upstream.received)


DELETE = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delete"}}'
UNREADABLE: list[Any] = [
    pytest.param(b"", id="nothing"),
    pytest.param(b"delete", id="no JSON"),
    pytest.param(DELETE[:-1], id="cut off"),
    pytest.param(DELETE + DELETE, id="two of them"),
    pytest.param(DELETE + b"\x00", id="a zero byte behind it"),
    pytest.param(b"\xef\xbb\xbf" + DELETE, id="a byte order mark"),
    pytest.param(DELETE.decode().encode("utf-16"), id="UTF-16"),
    pytest.param(DELETE.decode().encode("utf-16-le"), id="UTF-16 without a mark"),
    pytest.param(DELETE.decode().encode("utf-32"), id="UTF-32"),
    pytest.param(DELETE.replace(b"delete", b"\xff"), id="no UTF-8"),
    pytest.param(DELETE.replace(b"delete", b"del\xed\xa0\x80"), id="a surrogate in UTF-8"),
    pytest.param(DELETE.replace(b"delete", b"de\xc0\xac"), id="overlong UTF-8"),
    pytest.param(b'{"method":"ping","method":"tools/call","params":{"name":"delete"}}', id="the method twice"),
    pytest.param(b'{"method":"tools/call","params":{"name":"delete"},"method":"ping"}', id="the other way round"),
    pytest.param(b'{"method":"tools/call","params":{"name":"delete"},"params":{"name":"x"}}', id="params twice"),
    pytest.param(b'{"method":"tools/call","params":{"name":"delete","name":"x"}}', id="the name twice"),
    pytest.param(b'{"method":"tools/call","params":{"name":"delete","n\\u0061me":"x"}}', id="the name escaped once"),
    pytest.param(b'{"method":"tools/call","params":{"name":"x","arguments":{"a":1,"a":2}}}', id="an argument twice"),
    pytest.param(b'{"id":NaN,"method":"tools/call","params":{"name":"delete"}}', id="NaN"),
    pytest.param(b'{"id":-Infinity,"method":"tools/call","params":{"name":"delete"}}', id="minus infinity"),
    pytest.param(b'{"id":' + b"9" * 5000 + b',"method":"ping"}', id="a number beyond reason"),
    pytest.param(b'{"id":01,"method":"ping"}', id="a leading zero"),
    pytest.param(b'{"id":1,"method":"ping",}', id="a trailing comma"),
    pytest.param(b"{'id':1,'method':'ping'}", id="single quotes"),
    pytest.param(b'{"id":1,/**/"method":"ping"}', id="a comment"),
    pytest.param(b'{"id":1,"method":"pi\nng"}', id="a line break in text"),
    pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, id="nested beyond reason"),
    pytest.param(b"[" * 100_000 + b"]" * 100_000, id="lists nested beyond reason"),
]


@pytest.mark.parametrize("body", UNREADABLE)
async def test_what_is_not_json_to_everybody_is_refused(body: bytes) -> None:
    assert await tried(body) == (400, _NOT_JSON, 0)


AMBIGUOUS: list[Any] = [
    pytest.param('{"method":"tools/call","params":{"name":"' + "x" * 8193 + '"}}', id="a name longer than any"),
    pytest.param('"delete"', id="text"),
    pytest.param("[5]", id="a batch of numbers"),
    pytest.param('[[{"method":"tools/call","params":{"name":"delete"}}]]', id="a batch within a batch"),
    pytest.param('{"Method":"tools/call","method":"ping","params":{"name":"delete"}}', id="a method in capitals"),
    pytest.param('{"METHOD":"tools/call","params":{"name":"delete"}}', id="nothing but that"),
    pytest.param('{"method":"tools/call","Params":{"name":"delete"},"params":{"name":"x"}}', id="params in capitals"),
    pytest.param('{"method":"tools/call","params":{"name":"x","Name":"delete"}}', id="a name in capitals"),
    pytest.param('{"method":"tools/call","param\\u017f":{"name":"delete"},"params":{"name":"x"}}', id="a long s"),
    pytest.param('{"method":"tools/call","\\uff4dethod":"ping","params":{"name":"x"}}', id="a wide m"),
    pytest.param('{"method":"tools/call","method\\u0000":"ping","params":{"name":"x"}}', id="a zero behind a member"),
    pytest.param('{"method":"tools/call","params":{"name":"x","name\\u200b":"delete"}}', id="a space of no width"),
    pytest.param('{"method":"tools/call","params":{"name":"x","name\\ud800":"delete"}}', id="half a surrogate pair"),
    pytest.param('{"method":"Tools/Call","params":{"name":"delete"}}', id="the method's value in capitals"),
    pytest.param('{"method":"tools/LIST"}', id="so for lists"),
    pytest.param('{"method":"tools/call ","params":{"name":"delete"}}', id="a space behind the method"),
    pytest.param('{"method":"tools/call\\u0000","params":{"name":"delete"}}', id="a zero behind the method"),
    pytest.param('{"method":"","params":{"name":"delete"}}', id="no method"),
    pytest.param('{"method":null,"params":{"name":"delete"}}', id="null for a method"),
    pytest.param('{"method":["tools/call"],"params":{"name":"delete"}}', id="a list for a method"),
    pytest.param('{"method":"tools/call"}', id="no params"),
    pytest.param('{"method":"tools/call","params":["delete"]}', id="params by position"),
    pytest.param('{"method":"tools/call","params":{}}', id="no name"),
    pytest.param('{"method":"tools/call","params":{"name":""}}', id="an empty name"),
    pytest.param('{"method":"tools/call","params":{"name":["delete"]}}', id="a list for a name"),
    pytest.param('{"method":"tools/call","params":{"name":{"toString":"delete"}}}', id="an object for a name"),
    pytest.param('{"method":"tools/call","params":{"name":null}}', id="null for a name"),
    pytest.param('{"method":"tools/call","params":{"name":"del\\ud800ete"}}', id="half a surrogate pair in the name"),
]


@pytest.mark.parametrize("body", AMBIGUOUS)
async def test_what_two_programs_could_take_for_two_messages_is_refused(body: str) -> None:
    assert await tried(body.encode()) == (400, _NOT_A_MESSAGE, 0)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(DELETE.replace(b"tools/call", b"tools\\/call"), id="an escaped slash"),
        pytest.param(DELETE.replace(b"tools/call", b"\\u0074ools/call"), id="an escaped letter in the method"),
        pytest.param(DELETE.replace(b"delete", b"d\\u0065lete"), id="an escaped letter in the name"),
        pytest.param(DELETE.replace(b'"name"', b'"n\\u0061me"'), id="an escaped letter in a member"),
        pytest.param(b" \n\t" + DELETE + b"\r\n", id="space around it"),
        pytest.param(DELETE.replace(b'"id":1', b'"id":1.5'), id="a number that is no id"),
        pytest.param(DELETE.replace(b'"id":1', b'"id":true'), id="a boolean for an id"),
        pytest.param(DELETE.replace(b'"id":1', b'"result":{},"error":{}'), id="dressed up as an answer"),
        pytest.param(DELETE.replace(b'"jsonrpc":"2.0"', b'"jsonrpc":"1.0"'), id="of another JSON-RPC"),
        pytest.param(b"[" + DELETE + b"]", id="a batch of one"),
    ],
)
async def test_however_a_name_is_spelt_it_is_the_name(body: bytes) -> None:
    assert await tried(body) == (403, 403, 0)


ENCODINGS: list[Any] = [
    pytest.param({"Content-Type": "application/json; charset=utf-7"}, id="UTF-7"),
    pytest.param({"Content-Type": "application/json; charset=utf-16"}, id="UTF-16"),
    pytest.param({"Content-Type": 'application/json; charset="ISO-8859-1"'}, id="ISO 8859"),
    pytest.param({"Content-Type": "application/json; charset=utf-8; charset=utf-7"}, id="two"),
    pytest.param({"Content-Type": "text/plain"}, id="text"),
    pytest.param({"Content-Type": "application/x-www-form-urlencoded"}, id="a form"),
    pytest.param({"Content-Type": "multipart/form-data; boundary=x"}, id="a form in parts"),
    pytest.param({"Content-Encoding": "gzip"}, id="compressed"),
    pytest.param({"Content-Encoding": "identity, gzip"}, id="twice encoded"),
]


@pytest.mark.parametrize("headers", ENCODINGS)
async def test_a_body_that_says_it_is_something_else_is_refused(headers: dict[str, str]) -> None:
    search = DELETE.replace(b"delete", b"search")
    assert await tried(search) == (200, 0, 1)
    assert await tried(search, headers) == (400, _NOT_JSON, 0)


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf-8"', "utf8"])
async def test_a_body_may_say_that_it_is_utf_8(charset: str) -> None:
    headers = {"Content-Type": f"application/json; charset={charset}"}
    assert await tried(DELETE.replace(b"delete", b"search"), headers) == (200, 0, 1)


def encoded(text: str) -> str:
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


def message(method: str, **params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()


SEARCH = message("tools/call", name="search")
MISMATCHES: list[Any] = [
    pytest.param(SEARCH, {"Mcp-Method": "ping"}, id="another method"),
    pytest.param(SEARCH, {"Mcp-Method": "Tools/call"}, id="another case"),
    pytest.param(SEARCH, {"Mcp-Method": "tools/call", "Mcp-Name": "delete"}, id="another tool"),
    pytest.param(SEARCH, {"Mcp-Name": "Search"}, id="a tool in another case"),
    pytest.param(SEARCH, {"Mcp-Name": ""}, id="an empty name"),
    pytest.param(SEARCH, {"Mcp-Name": encoded("delete")}, id="another tool, encoded"),
    pytest.param(SEARCH, {"Mcp-Name": "=?base64?c2VhcmNo"}, id="half encoded"),
    pytest.param(SEARCH, {"Mcp-Name": "=?base64?c2VhcmN?="}, id="badly encoded"),
    pytest.param(message("tools/call", name="a"), {"Mcp-Name": "=?base64?YR==?="}, id="encoded with other bits"),
    pytest.param(SEARCH, {"Mcp-Name": "=?base64?/w==?="}, id="encoded what is no UTF-8"),
    pytest.param(SEARCH, {"Mcp-Name": "=?BASE64?c2VhcmNo?="}, id="marked in another case"),
    pytest.param(message("tools/call", name="caf\u00e9"), {"Mcp-Name": "caf\u00e9"}, id="not ASCII"),
    pytest.param(message("resources/read", uri="file:///a"), {"Mcp-Name": "file:///b"}, id="another resource"),
    pytest.param(message("prompts/get", name="a"), {"Mcp-Name": "b"}, id="another prompt"),
    pytest.param(b'{"jsonrpc":"2.0","id":1,"result":{}}', {"Mcp-Method": "tools/call"}, id="an answer"),
    pytest.param(b"[" + SEARCH + b"]", {"Mcp-Method": "tools/call"}, id="a batch with a method"),
    pytest.param(b"[" + SEARCH + b"]", {"Mcp-Name": "search"}, id="a batch with a name"),
]


@pytest.mark.parametrize(("body", "headers"), MISMATCHES)
async def test_headers_that_say_something_else_than_the_body_are_a_mismatch(
    body: bytes, headers: dict[str, str]
) -> None:
    encoded_headers: Any = {name: value.encode("utf-8") for name, value in headers.items()}
    assert await tried(body, encoded_headers) == (400, _MISMATCH, 0)


@pytest.mark.parametrize("name", ["Mcp-Method", "Mcp-Name"])
async def test_a_header_that_is_there_twice_is_a_mismatch(name: str) -> None:
    world = World(servers={"default": server_settings(**POLICY)})
    token = (await world.tokens(await world.register()))["access_token"]
    value = {"Mcp-Method": "tools/call", "Mcp-Name": "search"}[name]
    headers = [("Authorization", f"Bearer {token}"), *JSON.items(), (name, value), (name.upper(), value)]
    answer = await world.http.post(f"{GATEWAY}/mcp", headers=headers, content=SEARCH)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, _MISMATCH)
    assert answer.json()["id"] == 1
    assert world.upstream.received == []


MATCHES: list[Any] = [
    pytest.param(SEARCH, {"Mcp-Method": "tools/call", "Mcp-Name": "search"}, id="as they are"),
    pytest.param(SEARCH, {"Mcp-Method": " tools/call\t", "Mcp-Name": "search "}, id="with space around"),
    pytest.param(SEARCH, {"Mcp-Name": encoded("search")}, id="encoded without need"),
    pytest.param(message("tools/call", name="caf\u00e9"), {"Mcp-Name": encoded("caf\u00e9")}, id="encoded"),
    pytest.param(message("tools/call", name="=?base64?x?="), {"Mcp-Name": encoded("=?base64?x?=")}, id="looks encoded"),
    pytest.param(message("resources/read", uri="file:///a"), {"Mcp-Name": "file:///a"}, id="a resource"),
    pytest.param(message("tools/list"), {"Mcp-Method": "tools/list", "Mcp-Name": "x"}, id="a name where none is due"),
    pytest.param(SEARCH, {"Mcp-Param-Name": "delete", "Mcp-Param-Tool": "delete"}, id="parameters that say otherwise"),
]


@pytest.mark.parametrize(("body", "headers"), MATCHES)
async def test_headers_that_say_what_the_body_says_pass(body: bytes, headers: dict[str, str]) -> None:
    assert await tried(body, headers) == (200, 0, 1)


@pytest.mark.parametrize(
    "headers",
    [
        {"Mcp-Method": "ping"},
        {"Mcp-Method": "tools/call", "Mcp-Name": "search", "Mcp-Param-Name": "search"},
        {"X-HTTP-Method-Override": "DELETE", "Mcp-Name": "search"},
        {"Mcp-Param-Name": "search", "MCP-Protocol-Version": "2026-07-28"},
    ],
    ids=", ".join,
)
async def test_no_header_makes_an_excluded_tool_another_one(headers: dict[str, str]) -> None:
    status, _, received = await tried(DELETE, headers)
    assert (status >= 400, received) == (True, 0)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_body_counts_on_whichever_method_it_comes(method: str) -> None:
    assert await tried(DELETE, method=method) == (403, 403, 0)
    assert await tried(b"", method=method) == (200, 0, 1)


async def test_the_query_names_no_tool() -> None:
    world = World(servers={"default": server_settings(**POLICY)})
    token = (await world.tokens(await world.register()))["access_token"]
    answer = await world.call(token, json=None, content=DELETE, headers=JSON, params={"name": "search"})
    assert (answer.status_code, world.upstream.received) == (403, [])
