"""Rotation of the signing keys: as text, and as clients of several replicas live through it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jws

from authproxy_common.secret import Secret
from mcp_gateway.tokens.key_rotation import Rotation, RotationRefused, first_ring, rotated
from mcp_gateway.tokens.signing_keys import SigningKeys, read_ring
from tests.support.clock import MovableClock
from tests.support.gateway import GATEWAY, ClientApp, World
from tests.support.network import virtual_network
from tests.support.signing_rings import kids, ring_of

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("TK-04")]

NOON = MovableClock()()
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
SIGNS_IN = 15 * MINUTE


def rotate(text: Secret, clock: MovableClock, signs_in: timedelta = SIGNS_IN) -> Rotation:
    return rotated(text, clock(), signs_in, DAY)


def test_the_first_key_signs_at_once() -> None:
    first = first_ring()
    assert first.ring.signing(NOON) is first.ring.keys[0]
    assert read_ring(first.text)[0].signs_from is None


def test_a_new_key_comes_in_front_and_waits() -> None:
    old, clock = ring_of(None), MovableClock(NOON + timedelta(milliseconds=700))
    rotation = rotate(old, clock)
    fresh, *rest = kids(rotation.text)
    assert rest == kids(old)
    assert rotation.ring.signing(NOON + SIGNS_IN - SECOND).kid == rest[0]
    assert rotation.ring.signing(NOON + SIGNS_IN).kid == fresh
    assert not rotation.dropped


def test_a_key_without_a_wait_signs_at_once() -> None:
    clock = MovableClock(NOON + timedelta(milliseconds=700))
    rotation = rotate(ring_of(None), clock, signs_in=timedelta(0))
    assert rotation.ring.signing(clock()) is rotation.ring.keys[0]


def test_while_a_key_waits_there_is_no_further_rotation() -> None:
    clock = MovableClock()
    waiting = rotate(ring_of(None), clock).text
    clock.advance(SIGNS_IN - SECOND)
    with pytest.raises(RotationRefused, match=r"still waiting to sign; rotate again after 2026-01-01T12:15:00Z"):
        rotate(waiting, clock)
    clock.advance(SECOND)
    assert len(kids(rotate(waiting, clock).text)) == 3


@pytest.mark.parametrize(
    ("beginnings", "kept"),
    [
        pytest.param([None], 1, id="a key that signs, however old"),
        pytest.param([NOON - 90 * DAY], 1, id="a key that signs, however old, with a time"),
        pytest.param([NOON - DAY + SECOND, None], 2, id="one superseded less than a day ago"),
        pytest.param([NOON - DAY, None], 1, id="one superseded a day ago"),
        pytest.param([NOON - DAY, NOON - 2 * DAY, None], 1, id="several"),
        pytest.param([NOON - SECOND, NOON - DAY, None], 2, id="of several, those whose successor is a day old"),
        pytest.param([None, None], 2, id="one superseded nobody knows when"),
        pytest.param([NOON - DAY, None, None], 1, id="one superseded at the latest by what is known"),
        pytest.param([None, NOON - DAY, None], 2, id="by hand, and by rotation before"),
    ],
)
def test_a_key_goes_when_it_was_superseded_long_enough_ago(beginnings: list[Any], kept: int) -> None:
    old = ring_of(*beginnings)
    rotation = rotate(old, MovableClock())
    assert kids(rotation.text)[1:] == kids(old)[:kept]
    assert [key.kid for key in rotation.dropped] == kids(old)[kept:]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_what_an_operator_wrote_between_keys_stays(line_end: str) -> None:
    newest, oldest = (ring_of(at).reveal() for at in (NOON - DAY, None))
    text = f"# the ring of production\n{newest}# made by hand\n{oldest}# the end\n".replace("\n", line_end)
    after = rotate(Secret(text), MovableClock()).text.reveal()
    assert after.endswith(f"# the ring of production\n{newest}# the end\n".replace("\n", line_end))


def test_a_text_that_is_no_ring_is_refused() -> None:
    with pytest.raises(RotationRefused, match=r"^holds no PEM private key$"):
        rotate(Secret("not a key"), MovableClock())


class Fleet:
    """Replicas of one gateway, behind each of which a client can find itself at any time."""

    def __init__(self, world: World, replicas: int) -> None:
        self.world = world
        self.replicas = [world.replica() for _ in range(replicas)]

    def restart(self, index: int, ring: SigningKeys) -> None:
        """Replace a replica by one that has read another ring."""
        self.replicas[index] = self.world.replica(ring)

    async def refreshed_everywhere(self, client: ClientApp, tokens: dict[str, Any]) -> list[dict[str, Any]]:
        """The tokens that each replica gives for the refresh token of the one before."""
        given = []
        for replica in self.replicas:
            self._turn_to(replica)
            answer = await self.world.token(client.refresh_form(tokens["refresh_token"]))
            assert answer.status_code == 200, answer.text
            tokens = answer.json()
            given.append(tokens)
        return given

    async def statuses(self, tokens: Sequence[dict[str, Any]]) -> set[int]:
        """What calls with these tokens get, at every replica."""
        got = set()
        for replica in self.replicas:
            self._turn_to(replica)
            got |= {(await self.world.call(each["access_token"])).status_code for each in tokens}
        return got

    def _turn_to(self, replica: Any) -> None:
        self.world.http = virtual_network({GATEWAY: replica})


def signed_by(tokens: Sequence[dict[str, Any]]) -> set[str]:
    return {jws.extract_compact(each["access_token"].encode()).headers()["kid"] for each in tokens}


@pytest.mark.requirement("RS-01", "TK-02")
async def test_nobody_is_signed_out_at_any_moment_of_a_rolling_update(world: World) -> None:
    rotation = rotate(world.signing_keys.keys[0].written, world.clock)
    fresh, old = kids(rotation.text)
    fleet, client = Fleet(world, 3), await world.register()
    alive = [await world.tokens(client)]
    restarted_at = {3: 0, 7: 1, 14: 2}
    for minute in range(30):
        if minute in restarted_at:
            fleet.restart(restarted_at[minute], rotation.ring)
        given = await fleet.refreshed_everywhere(client, alive[-1])
        assert signed_by(given) == {fresh if minute >= 15 else old}
        alive = [*alive, *given][-10 * len(given) :]  # a token lives for ten minutes
        assert await fleet.statuses(alive) == {200}, minute
        world.clock.advance(MINUTE)


@pytest.mark.requirement("RS-01")
async def test_a_key_verifies_until_it_is_dropped_and_not_longer(world: World) -> None:
    clock, client = world.clock, await world.register()
    tokens = await world.tokens(client)
    rotation = rotate(world.signing_keys.keys[0].written, clock)
    clock.advance(SIGNS_IN + DAY - SECOND)
    kept = rotate(rotation.text, clock)
    clock.advance(SECOND)
    dropped = rotate(rotation.text, clock)
    # Signed by the old key just now, as nobody does who has read the new ring.
    old = (await world.token(client.refresh_form(tokens["refresh_token"]))).json()
    assert signed_by([old]) == {kids(rotation.text)[1]} == {key.kid for key in dropped.dropped}
    for ring, status in ((rotation.ring, 200), (kept.ring, 200), (dropped.ring, 401)):
        async with virtual_network({GATEWAY: world.replica(ring)}) as world.http:
            assert (await world.call(old["access_token"])).status_code == status
    assert len(world.upstream.received) == 2


@pytest.mark.requirement("DI-05")
async def test_a_key_is_published_before_it_signs(world: World) -> None:
    rotation = rotate(world.signing_keys.keys[0].written, world.clock)
    async with virtual_network({GATEWAY: world.replica(rotation.ring)}) as http:
        published = (await http.get(f"{GATEWAY}/.well-known/jwks.json")).json()
    assert [key["kid"] for key in published["keys"]] == kids(rotation.text)
    assert not any("d" in key for key in published["keys"])
