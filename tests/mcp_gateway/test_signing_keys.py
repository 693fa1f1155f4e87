"""The signing ring: how it is written, and which of its keys signs."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from authproxy_common.config import SettingsError
from authproxy_common.secret import Secret
from mcp_gateway.settings import load_settings
from mcp_gateway.tokens.signing_keys import (
    SigningKeys,
    generate_signing_key,
    in_utc,
    read_ring,
    signing_keys_problem,
)
from tests.support.clock import MovableClock
from tests.support.signing_rings import kids, ring_of
from tests.support.stack import ROOT

pytestmark = pytest.mark.requirement("TK-04")

NOON = MovableClock()()
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("beginnings", "at", "signs"),
    [
        pytest.param([None], NOON, 0, id="the only one"),
        pytest.param([None, None], NOON, 0, id="the newest, without times"),
        pytest.param([NOON + HOUR, None], NOON, 1, id="the old one, while the new one waits"),
        pytest.param([NOON + HOUR, None], NOON + HOUR - SECOND, 1, id="the old one, up to the last second"),
        pytest.param([NOON + HOUR, None], NOON + HOUR, 0, id="the new one, from its second on"),
        pytest.param([NOON + HOUR, NOON, NOON - HOUR], NOON, 1, id="the newest of those that have begun"),
        pytest.param([None, NOON + HOUR], NOON + 2 * HOUR, 0, id="the newest, also when an older one begins later"),
        pytest.param([NOON + HOUR, NOON], NOON - SECOND, 1, id="the oldest, where the clock was set back"),
    ],
)
def test_the_newest_key_that_has_begun_signs(beginnings: list[datetime | None], at: datetime, signs: int) -> None:
    ring = SigningKeys.from_pem(ring_of(*beginnings))
    assert ring.keys.index(ring.signing(at)) == signs


@pytest.mark.parametrize(
    "carry",
    [
        pytest.param(lambda text: text, id="as written"),
        pytest.param(lambda text: text.replace("\n", "\r\n"), id="CRLF"),
        pytest.param(lambda text: text.replace("\n", " "), id="folded into one line"),
        pytest.param(lambda text: text.rstrip("\n"), id="without the last line break"),
        pytest.param(lambda text: "\ufeff" + text, id="byte order mark"),
        pytest.param(lambda text: f"# our ring\n\n{text}# the end\n", id="with remarks"),
        pytest.param(lambda text: text.replace("signs-from: ", "\tsigns-from :"), id="spaces"),
        pytest.param(lambda text: text.replace(":00Z\n", ":00+00:00\n"), id="an offset from UTC"),
    ],
)
def test_a_ring_survives_how_it_is_carried(carry: Callable[[str], str]) -> None:
    text = ring_of(NOON + HOUR, NOON)
    carried = Secret(carry(text.reveal()))
    assert kids(carried) == kids(text)
    assert [key.signs_from for key in read_ring(carried)] == [NOON + HOUR, NOON]


@pytest.mark.requirement("CF-01")
@pytest.mark.parametrize("by_file", [True, False], ids=["mounted file", "variable"])
def test_a_ring_reaches_the_settings_whole(tmp_path: Path, by_file: bool) -> None:
    text, path = ring_of(NOON + HOUR, None), tmp_path / "ring.pem"
    path.write_text(text.reveal())
    ring = {"MCP_SIGNING_KEYS_FILE": str(path)} if by_file else {"MCP_SIGNING_KEYS": text.reveal()}
    config = load_settings(ROOT / "config/mcp_gateway.yaml", {"OAUTH2_DEV_MODE": "true", **ring}).settings
    assert kids(config.adapter_config.signing_keys) == kids(text)


WRONG_TIME = "something other than one line like `signs-from: 2026-11-26T15:10:00Z`"
KEY = generate_signing_key().reveal()
WRONG: list[Any] = [
    pytest.param("", "holds no PEM private key", id="nothing"),
    pytest.param(f"signs-from: tomorrow\n{KEY}", WRONG_TIME, id="no time"),
    pytest.param(f"signs-from: 2026-01-01T00:00:00\n{KEY}", WRONG_TIME, id="a time of no zone"),
    pytest.param(f"signs-from: 2026-13-26T15:10:00Z\n{KEY}", WRONG_TIME, id="a time of no calendar"),
    pytest.param(f"signs-from:\n{KEY}", WRONG_TIME, id="an empty time"),
    pytest.param(f"# signs-from: 2026-01-01T00:00:00Z\n{KEY}", WRONG_TIME, id="a remark that may be meant"),
    pytest.param(f"Signs-From: 2026-01-01T00:00:00Z\n{KEY}", WRONG_TIME, id="another spelling"),
    pytest.param("signs-from: 2026-01-01T00:00:00Z\n" * 2 + KEY, WRONG_TIME, id="two times"),
    pytest.param(f"{KEY}signs-from: 2026-01-01T00:00:00Z\n", "no key behind it", id="a time behind its key"),
    pytest.param(KEY + KEY[:100], "ends in the middle of a key", id="cut off"),
    pytest.param(KEY[:100] + KEY, "no PEM private key of an elliptic curve", id="cut off before another"),
]


@pytest.mark.requirement("CF-02", "OP-02")
@pytest.mark.parametrize(("text", "problem"), WRONG)
def test_what_is_wrong_with_a_ring_is_named_and_nothing_of_it_repeated(text: str, problem: str) -> None:
    found = signing_keys_problem(Secret(text))
    assert found
    assert problem in found
    assert not any(line in found for line in text.splitlines() if line not in WRONG_TIME)


@pytest.mark.requirement("CF-02")
def test_a_ring_of_which_no_key_has_begun_to_sign_is_refused_until_one_has() -> None:
    clock, ring = MovableClock(), ring_of(NOON + 2 * HOUR, NOON + HOUR)
    waiting = "holds no key that has begun to sign; the first one begins at 2026-01-01T13:00:00Z"
    assert signing_keys_problem(ring, clock) == waiting
    clock.advance(HOUR)
    assert signing_keys_problem(ring, clock) is None


@pytest.mark.requirement("CF-02", "CF-03")
def test_the_settings_check_looks_at_the_time() -> None:
    begins = datetime.fromisoformat("9999-01-01T00:00:00Z")
    variables = {"OAUTH2_DEV_MODE": "true", "MCP_SIGNING_KEYS": ring_of(begins).reveal()}
    with pytest.raises(SettingsError) as refused:
        load_settings(ROOT / "config/mcp_gateway.yaml", variables)
    (problem,) = refused.value.problems
    assert problem.key == "adapter_config.signing_keys"
    assert in_utc(begins) in problem.message


@pytest.mark.requirement("OP-02")
def test_a_key_of_the_ring_cannot_be_printed_by_accident() -> None:
    text = ring_of(NOON)
    shown = repr(read_ring(text))
    assert not any(line in shown for line in text.reveal().splitlines())
