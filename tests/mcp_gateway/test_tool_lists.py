"""Lists of tools, in every form that answers have: what may be called is there, byte for byte, and nothing else."""

import gzip
import json
from typing import Any

import httpx
import pytest

from tests.support.callers import server_settings
from tests.support.gateway import GATEWAY, World
from tests.support.tool_server import EVENTS, TOOLS, ToolServer, listed, names_in, tool

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("PO-03")]

POLICY: dict[str, Any] = {
    "scopes": {"mcp": "Use", "write": "Write"},
    "tools": {
        "exclude_tools": ["get_secret"],
        "restricted": {"create_*": {"required_scopes": ["write"]}, "delete_*": {"allow": {"groups": ["admins"]}}},
    },
}
SEEN = ["search", "get_page"]
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


async def asked(server: ToolServer, body: Any = LIST, policy: Any = None, **options: Any) -> httpx.Response:
    """The answer to somebody with the scope `mcp` and no groups."""
    world = World(upstream=server, servers={"default": server_settings(**(policy or POLICY))})
    token = (await world.tokens(await world.register(), scope=options.pop("scope", "mcp")))["access_token"]
    method = options.pop("method", "POST")
    headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
    content = b"" if method == "GET" else json.dumps(body).encode()
    return await world.http.request(method, f"{GATEWAY}/mcp", content=content, headers=headers)


async def test_a_list_has_what_may_be_called() -> None:
    answer = await asked(ToolServer())
    assert (answer.status_code, names_in(answer.text)) == (200, SEEN)
    assert answer.headers["content-length"] == str(len(answer.content))
    assert names_in((await asked(ToolServer(), scope="mcp write")).text) == [*SEEN, "create_page"]


async def test_what_is_left_is_left_as_it_was_to_the_last_digit() -> None:
    text = listed(*TOOLS, nextCursor="page \u00e9 2", _meta={"x": 1.0}, message_id="id-\u00e9")
    kept = (await asked(ToolServer(text))).text
    assert [tool(name) in kept for name in TOOLS] == [name in SEEN for name in TOOLS]
    answer = json.loads(kept)
    assert (answer["id"], answer["result"]["nextCursor"]) == ("id-\u00e9", "page \u00e9 2")
    assert '{"x": 1.0}' in kept


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(listed(*SEEN), id="a list of which nothing is taken"),
        pytest.param(listed(), id="an empty list"),
        pytest.param('{ "jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no tools"} }', id="an error"),
        pytest.param(
            '{"jsonrpc":"2.0","id":1,"result":{ "resultType":"input_required" ,"x":"tools"}}', id="a question"
        ),
        pytest.param(
            '{"jsonrpc":"2.0","id":1,"method":"x","params":{"tools":[{"name":"get_secret"}]}}', id="no result"
        ),
        pytest.param('{"jsonrpc":"2.0","id":1,"result":[{"tools":[{"name":"get_secret"}]}]}', id="no list of tools"),
        pytest.param("", id="nothing"),
    ],
)
async def test_an_answer_from_which_nothing_is_taken_passes_byte_for_byte(text: str) -> None:
    assert (await asked(ToolServer(text))).text == text


async def test_every_page_keeps_its_cursor() -> None:
    first = await asked(ToolServer(listed("search", "get_secret", nextCursor="2")))
    second = await asked(ToolServer(listed("delete_space", nextCursor="3")), {**LIST, "params": {"cursor": "2"}})
    assert (names_in(first.text), first.json()["result"]["nextCursor"]) == (["search"], "2")
    assert (names_in(second.text), second.json()["result"]["nextCursor"]) == ([], "3")


async def test_each_answer_of_a_batch_is_looked_at() -> None:
    other = '{"jsonrpc":"2.0", "id":2,"result":{"content":[]}}'
    batch = f"[{listed(*TOOLS)}, {other} ,{listed(*TOOLS, message_id=3)}]"
    answer = await asked(ToolServer(batch), [LIST, {**LIST, "method": "ping", "id": 2}, {**LIST, "id": 3}])
    assert names_in(answer.text) == SEEN + SEEN
    assert other in answer.text
    untouched = f"[ {listed(*SEEN)} , {other} ]"
    assert (await asked(ToolServer(untouched), [LIST])).text == untouched


@pytest.mark.parametrize("key", ["\\u0074ools", "to\\u006Fls", "too\\u006cs", "tool\\u0073"], ids=["t", "o", "l", "s"])
async def test_a_list_is_one_however_its_member_is_spelt(key: str) -> None:
    assert names_in((await asked(ToolServer(listed(*TOOLS).replace("tools", key)))).text) == SEEN


@pytest.mark.parametrize(
    "items",
    [
        pytest.param('{"title":"nameless"}', id="no name"),
        pytest.param('{"name":null},{"name":7},{"name":["get_secret"]},{"name":{"a":"get_secret"}}', id="no text"),
        pytest.param('"get_secret",null,7,["get_secret"]', id="no objects"),
    ],
)
async def test_what_nobody_could_call_by_a_name_is_not_shown(items: str) -> None:
    text = '{"jsonrpc":"2.0","id":1,"result":{"tools":[' + items + ',{"name":"search"}]}}'
    answer = await asked(ToolServer(text))
    assert answer.text == '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"search"}]}}'


UNREADABLE: list[Any] = [
    pytest.param(listed(*TOOLS)[:-1], "application/json", id="cut off"),
    pytest.param(listed(*TOOLS) + " x", "application/json", id="something behind it"),
    pytest.param('{"result":{"tools":[]},"result":' + listed("get_secret") + "}", "application/json", id="two results"),
    pytest.param(listed(*TOOLS).replace('"tools" :', '"tools":[],"tools" :'), "application/json", id="two lists"),
    pytest.param('{"result":{"tools":{"get_secret":{}}}}', "application/json", id="an object of tools"),
    pytest.param('{"result":{"tools":null}}', "application/json", id="null"),
    pytest.param('{"result":{"tools":"get_secret"}}', "application/json", id="text for a list"),
    pytest.param('{"result":{"tools":[NaN]}}', "application/json", id="NaN"),
    pytest.param(listed(*TOOLS).encode("utf-16"), "application/json", id="UTF-16"),
    pytest.param(listed(*TOOLS).encode("utf-16-be"), "application/json", id="UTF-16 without a mark"),
    pytest.param(listed(*TOOLS), "application/json; charset=utf-7", id="said to be UTF-7"),
    pytest.param(listed(*TOOLS), "application/json; charset=utf-8; charset=utf-7", id="said to be both"),
    pytest.param("data: " + listed(*TOOLS) + "\n\n", "text/event-stream;charset=utf-16", id="a stream in UTF-16"),
    pytest.param("\ufeff" + listed(*TOOLS), "application/json", id="a byte order mark"),
    pytest.param(b'{"result":{"tools":[{"name":"\xff"}]}}', "application/json", id="no UTF-8"),
    pytest.param('{"tools":' + "[" * 100_000, "application/json", id="nested beyond reason"),
    pytest.param(listed(*TOOLS), "text/plain", id="text"),
    pytest.param(listed(*TOOLS), "text/html", id="a page"),
    pytest.param(listed(*TOOLS), None, id="of no type"),
    pytest.param(listed(*TOOLS), "application/xml", id="XML"),
]


@pytest.mark.parametrize(("body", "media_type"), UNREADABLE)
async def test_a_list_that_cannot_be_read_is_a_bad_gateway(body: str | bytes, media_type: str | None) -> None:
    answer = await asked(ToolServer(body=body, media_type=media_type))
    assert (answer.status_code, answer.json()["error"]) == (502, "bad_gateway")
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "get_secret" not in answer.text


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON", "application/x+json"])
async def test_json_has_several_names(media_type: str) -> None:
    assert names_in((await asked(ToolServer(media_type=media_type))).text) == SEEN


@pytest.mark.parametrize(("status", "media_type"), [(404, "text/plain"), (500, "text/html"), (503, None)])
async def test_an_error_of_the_mcp_server_that_is_no_json_passes(status: int, media_type: str | None) -> None:
    answer = await asked(ToolServer(body="out of order", media_type=media_type, status=status))
    assert (answer.status_code, answer.text) == (status, "out of order")


async def test_a_list_is_one_whatever_its_status() -> None:
    answer = await asked(ToolServer(status=400))
    assert (answer.status_code, names_in(answer.text)) == (400, SEEN)


async def test_a_compressed_list_is_not_asked_for_and_not_believed() -> None:
    server = ToolServer(body=gzip.compress(listed(*TOOLS).encode()), headers={"Content-Encoding": "gzip"})
    answer = await asked(server, headers={"Accept-Encoding": "gzip, br"})
    assert (answer.status_code, answer.json()["error"]) == (502, "bad_gateway")
    assert server.received[0].headers.getlist("accept-encoding") == ["identity"]


async def test_a_list_longer_than_what_is_read_is_a_bad_gateway() -> None:
    pieces = [b" " * 2**20 for _ in range(17)]
    answer = await asked(ToolServer(body=pieces))
    assert (answer.status_code, answer.json()["error"]) == (502, "bad_gateway")


async def test_other_answers_are_not_read() -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "search"}}
    answer = await asked(ToolServer(body='{"result":{"tools":[{"name":"get_secret"}]}, no JSON'), call)
    assert answer.text == '{"result":{"tools":[{"name":"get_secret"}]}, no JSON'


@pytest.mark.parametrize("options", [{"method": "GET"}, {"headers": {"Last-Event-ID": "7"}}], ids=["GET", "resumed"])
async def test_an_answer_that_may_be_one_to_an_earlier_request_is_read(options: dict[str, Any]) -> None:
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    assert names_in((await asked(ToolServer(), ping, **options)).text) == SEEN


@pytest.mark.parametrize(
    ("policy", "written", "shown"),
    [
        pytest.param(POLICY, "public", "private", id="lists differ"),
        pytest.param(POLICY, "private", "private", id="it is private already"),
        pytest.param({"tools": {"exclude_tools": ["get_secret"]}}, "public", "public", id="everybody sees the same"),
    ],
)
async def test_a_list_of_ones_own_is_for_no_shared_cache(policy: Any, written: str, shown: str) -> None:
    text = listed(*SEEN, ttlMs=300000, cacheScope=written)
    answer = await asked(ToolServer(text), policy=policy)
    assert answer.json()["result"]["cacheScope"] == shown
    assert answer.json()["result"]["ttlMs"] == 300000
    assert (answer.text == text) is (written == shown)


def event(data: str, end: str = "\n", **fields: str) -> str:
    lines = [f"{name}: {value}" for name, value in fields.items()]
    return end.join([*lines, *(f"data: {line}" for line in data.split("\n")), "", ""])


PROGRESS = event('{"jsonrpc":"2.0", "method":"notifications/progress"}', id="1")
CHANGED = event('{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}', event="message")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_list_in_a_stream_is_one_and_everything_around_it_passes(end: str, method: str) -> None:
    around = f": hello{end}{end}" + PROGRESS.replace("\n", end), CHANGED.replace("\n", end)
    message = event(listed(*TOOLS), end, event="message", id="7", retry="5")
    answer = await asked(ToolServer(around[0] + message + around[1], EVENTS), method=method)
    shown = answer.text.removeprefix(around[0]).removesuffix(around[1])
    assert answer.text.startswith(around[0])
    assert answer.text.endswith(around[1])
    assert names_in(shown.replace("\r", "\n")) == SEEN
    assert shown.startswith(f"event: message{end}id: 7{end}retry: 5{end}data: {{")
    assert shown.endswith(f"}}{end}{end}")


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(event(listed(*TOOLS).replace(" ,{", " ,\n{").replace('"id"', '\n"id"')), id="over many lines"),
        pytest.param(event(listed(*TOOLS)).replace("data: ", "data:"), id="without a space"),
        pytest.param("\ufeff" + event(listed(*TOOLS)), id="behind a byte order mark"),
        pytest.param(event(listed(*TOOLS))[:-1], id="without its empty line, at the end"),
        pytest.param(event(listed(*TOOLS))[:-2], id="without any line end, at the end"),
        pytest.param("data\n" + event(listed(*TOOLS)), id="behind a line of no data"),
        pytest.param(": a comment\nid: 1\n: another\n" + event(listed(*TOOLS)), id="among comments"),
        pytest.param(event(f"[{listed(*TOOLS)}]"), id="in a batch"),
        pytest.param(event(listed(*TOOLS, message_id="of-nobody")), id="with another id"),
    ],
)
async def test_a_list_in_a_stream_is_one_however_it_is_written(stream: str) -> None:
    answer = await asked(ToolServer(stream, EVENTS))
    assert (answer.status_code, names_in(answer.text.removeprefix("\ufeff"))) == (200, SEEN)


async def test_a_call_may_be_answered_by_a_stream_in_which_no_list_is_left_as_it_was() -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "search"}}
    assert names_in((await asked(ToolServer(event(listed(*TOOLS)), EVENTS), call)).text) == SEEN


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(PROGRESS + CHANGED, id="notifications"),
        pytest.param(": ping - 1\n\n: tools\n\n\n", id="comments"),
        pytest.param("id: 4\ndata:\n\n", id="the event that opens a stream"),
        pytest.param("event: endpoint\ndata: /messages?tools=1\n\n", id="what is no message"),
        pytest.param(event(listed(*SEEN)), id="a list of which nothing is taken"),
        pytest.param("retry: 1000\n\n", id="an event without data"),
        pytest.param("datatools: [\n\n", id="another field"),
        pytest.param(PROGRESS[:-1], id="an event that does not end"),
        pytest.param(event('{"result":{"content":"half a pair: \\ud83d, and no list"}}'), id="half a surrogate pair"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
async def test_every_other_event_passes_byte_for_byte(stream: str, end: str) -> None:
    written = stream.replace("\n", end)
    assert (await asked(ToolServer(written, EVENTS))).text == written


async def test_a_stream_that_is_compressed_is_a_bad_gateway() -> None:
    packed = gzip.compress(event(listed(*TOOLS)).encode())
    answer = await asked(ToolServer(packed, EVENTS, headers={"Content-Encoding": "gzip"}))
    assert (answer.status_code, answer.json()["error"]) == (502, "bad_gateway")
