"""Event streams taken apart: however a stream is cut, each event is looked at once and passes at its end."""

from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_gateway.proxy.event_streams import EventTooLong, rewritten

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("PO-03", "RS-06")]

LONGEST = 1000


async def pieces_of(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def passed(*pieces: bytes) -> tuple[list[bytes], list[bytes]]:
    """What came out after each piece, and the data that was looked at. Secrets become stars."""
    seen: list[bytes] = []

    def look(data: bytes) -> bytes:
        seen.append(data)
        return data.replace(b"secret", b"*")

    return [piece async for piece in rewritten(pieces_of(*pieces), look, LONGEST)], seen


ENDS = [b"\n", b"\r\n", b"\r"]
LINES = st.sampled_from(
    [b"data: secret", b"data:x", b"data", b"data:  y", b": a comment", b"id: 1", b"event: message", b"dat", b"\xff"]
)


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Any lines, any line ends, any empty lines among them, and maybe a byte order mark."""
    lines = draw(st.lists(st.one_of(LINES, st.just(b"")), max_size=12))
    written = b"".join(line + draw(st.sampled_from(ENDS)) for line in lines)
    return (
        draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + written + draw(st.sampled_from([b"", b"data: secret", b"\r"]))
    )


def by_the_standard(stream: bytes) -> list[bytes]:
    """The data of each event, worked out line by line as the standard has it, and of one that does not end."""
    text = stream.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    events: list[bytes] = []
    data: list[bytes] = []
    for line in text.split(b"\n"):
        if line.partition(b":")[0] == b"data":
            data.append(line.partition(b":")[2].removeprefix(b" "))
        if not line and data:
            events.append(b"\n".join(data))
            data = []
    return events + ([b"\n".join(data)] if data else [])


@given(streams(), st.lists(st.integers(0, 200), max_size=6))
async def test_however_a_stream_is_cut_its_events_are_those_of_the_standard(stream: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    out, seen = await passed(*(stream[a:b] for a, b in pairwise(places)))
    whole = b"".join(out)
    assert seen == by_the_standard(stream)
    assert by_the_standard(whole) == [data.replace(b"secret", b"*") for data in seen]
    if b"secret" not in stream:
        assert whole == stream


@pytest.mark.parametrize("end", ENDS, ids=["LF", "CRLF", "CR"])
async def test_an_event_passes_with_the_piece_that_ends_it(end: bytes) -> None:
    out, _ = await passed(b"data: 1" + end, end, b"data: 2" + end + end, b"id: 3" + end)
    assert b"".join(out[:1]) == b"data: 1" + end + end
    assert out[1] == b"data: 2" + end + end
    assert out[2:] == [b"id: 3" + end]


async def test_a_comment_in_front_of_an_event_waits_for_nothing() -> None:
    out, _ = await passed(b": ping\n", b": ping\r", b"\n", b"data: 1\n: within\n", b"\n")
    assert out == [b": ping\n", b": ping\r", b"\n", b"data: 1\n: within\n\n"]


async def test_data_that_changes_keeps_every_other_line_and_its_line_ends() -> None:
    out, seen = await passed(b": x\nid: 1\r\ndata: a secret\r\n: y\ndata:secret\nretry: 2\n\n")
    assert seen == [b"a secret\nsecret"]
    assert b"".join(out) == b": x\nid: 1\r\n: y\ndata: a *\ndata: *\nretry: 2\n\n"


async def test_an_event_that_does_not_end_is_not_kept_for_ever() -> None:
    with pytest.raises(EventTooLong):
        await passed(*[b"data: " + b"x" * 100] * 20)
