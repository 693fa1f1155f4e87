"""Sealing: opens for its own purpose under a key of the ring, and in no other case."""

import base64
import secrets

import pytest

from authproxy_common.records import SealingKeys, Unsealable, generate_key
from authproxy_common.records.sealing import ring_problems
from authproxy_common.secret import Secret

pytestmark = pytest.mark.requirement("ST-03")

RAW = bytes(range(220, 252))


def test_what_was_sealed_opens_for_its_purpose_and_does_not_show() -> None:
    ring = SealingKeys([generate_key()])

    sealed = ring.seal(b"provider-access-token", "codes:1")

    assert ring.open(sealed, "codes:1") == b"provider-access-token"
    assert b"provider" not in sealed


def test_the_same_text_is_sealed_differently_every_time() -> None:
    ring = SealingKeys([generate_key()])

    assert len({ring.seal(b"text", "p") for _ in range(50)}) == 50


def test_what_was_sealed_opens_for_no_other_purpose() -> None:
    ring = SealingKeys([generate_key()])
    sealed = ring.seal(b"text", "codes:1")

    with pytest.raises(Unsealable):
        ring.open(sealed, "codes:2")


@pytest.mark.parametrize("position", [0, 4, 15, 16, 20, -17, -1])
def test_one_changed_bit_anywhere_is_noticed(position: int) -> None:
    ring = SealingKeys([generate_key()])
    sealed = bytearray(ring.seal(b"a text of some length", "p"))
    sealed[position] ^= 1

    with pytest.raises(Unsealable):
        ring.open(bytes(sealed), "p")


@pytest.mark.parametrize("length", [0, 3, 4, 15, 16, 17, 31, 32])
def test_what_was_cut_short_does_not_open(length: int) -> None:
    ring = SealingKeys([generate_key()])
    sealed = ring.seal(b"a text", "p")

    with pytest.raises(Unsealable):
        ring.open(sealed[:length], "p")


def test_a_stranger_s_key_opens_nothing() -> None:
    sealed = SealingKeys([generate_key()]).seal(b"text", "p")

    with pytest.raises(Unsealable):
        SealingKeys([generate_key()]).open(sealed, "p")


@pytest.mark.requirement("ST-04")
def test_after_a_rotation_the_newest_key_seals_and_the_old_one_still_opens() -> None:
    old, new = generate_key(), generate_key()
    before, rotated, after = SealingKeys([old]), SealingKeys([new, old]), SealingKeys([new])

    assert rotated.open(before.seal(b"text", "p"), "p") == b"text"
    assert after.open(rotated.seal(b"text", "p"), "p") == b"text"
    with pytest.raises(Unsealable):
        before.open(rotated.seal(b"text", "p"), "p")
    with pytest.raises(Unsealable):
        after.open(before.seal(b"text", "p"), "p")


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(base64.urlsafe_b64encode(RAW).decode(), id="base64url"),
        pytest.param(base64.urlsafe_b64encode(RAW).decode().rstrip("="), id="base64url without padding"),
        pytest.param(base64.b64encode(RAW).decode(), id="base64, as openssl writes it"),
        pytest.param(base64.b64encode(RAW).decode().rstrip("="), id="base64 without padding"),
    ],
)
def test_a_key_is_the_same_in_either_alphabet_and_with_or_without_padding(written: str) -> None:
    sealed = SealingKeys([Secret(base64.urlsafe_b64encode(RAW).decode())]).seal(b"text", "p")

    assert SealingKeys([Secret(written)]).open(sealed, "p") == b"text"
    assert list(ring_problems([Secret(written)], "keys")) == []


WRONG_KEYS = [
    pytest.param("", id="empty"),
    pytest.param("hunter2", id="password"),
    pytest.param(base64.b64encode(secrets.token_bytes(31)).decode(), id="too short"),
    pytest.param(base64.b64encode(secrets.token_bytes(33)).decode(), id="too long"),
    pytest.param(secrets.token_hex(32), id="hex"),
    pytest.param("A" * 42 + "é", id="not ASCII"),
    pytest.param("A" * 20 + "\n" + "A" * 23, id="line feed within"),
    pytest.param("A" * 20 + "!!!!" + "A" * 23, id="characters that some decoders skip"),
]


@pytest.mark.parametrize("written", WRONG_KEYS)
def test_a_key_that_is_not_32_bytes_of_base64_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="sealing key") as caught:
        SealingKeys([generate_key(), Secret(written)])

    assert not written or written not in str(caught.value)


def test_a_ring_has_at_least_one_key() -> None:
    with pytest.raises(ValueError, match="at least one key"):
        SealingKeys([])


@pytest.mark.requirement("CF-02")
@pytest.mark.parametrize("written", WRONG_KEYS)
def test_each_wrong_key_of_a_configuration_is_reported_at_its_place(written: str) -> None:
    found = list(ring_problems([Secret(written), generate_key(), Secret(written)], "encryption_keys"))

    assert [place for place, _ in found] == ["encryption_keys[0]", "encryption_keys[2]"]
    assert all("openssl rand -base64 32" in message for _, message in found)
    assert not written or not any(written in message for _, message in found)


def test_generated_keys_are_keys_and_never_the_same() -> None:
    assert len({generate_key() for _ in range(20)}) == 20
    assert list(ring_problems([generate_key()], "keys")) == []
