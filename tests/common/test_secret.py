"""Secrets that do not show, and values that cannot be guessed."""

import json
import logging
import re
import string
import traceback
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from authproxy_common.secret import Secret, digest, matches_digest, mint, trace

pytestmark = pytest.mark.requirement("OP-02")


@dataclass(frozen=True, slots=True)
class Holder:
    key: Secret


@pytest.mark.parametrize(
    "show",
    [
        pytest.param(repr, id="repr"),
        pytest.param(str, id="str"),
        pytest.param(lambda secret: f"{secret} {secret!r} {secret!s}", id="f-string"),
        pytest.param(lambda secret: "%s %r" % (secret, secret), id="percent"),  # noqa: UP031
        pytest.param(lambda secret: string.Template("$s").substitute(s=secret), id="template"),
        pytest.param(lambda secret: repr(Holder(secret)), id="in a dataclass"),
        pytest.param(lambda secret: repr({"k": [secret]}), id="in a container"),
        pytest.param(lambda secret: json.dumps({"k": secret}, default=str), id="JSON"),
    ],
)
def test_a_secret_does_not_show(show: Callable[[Secret], str]) -> None:
    shown = show(Secret("hunter2"))

    assert "hunter2" not in shown


def test_a_secret_does_not_show_in_a_log_or_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret("hunter2")
    error = ValueError(secret)

    logging.getLogger("test").error("failed with %s", secret, exc_info=error)
    shown = caplog.text + "".join(traceback.format_exception(error))

    assert shown.count("Secret(") == 3
    assert "hunter2" not in shown


def test_a_secret_is_not_json_by_accident() -> None:
    with pytest.raises(TypeError):
        json.dumps(Secret("hunter2"))


def test_a_secret_is_compared_and_revealed_on_request() -> None:
    secret = Secret("hünter2")

    assert secret.reveal() == "hünter2"
    assert secret.matches("hünter2")
    assert not secret.matches("hunter2")
    assert not secret.matches("")
    assert secret == Secret("hünter2") != Secret("x")
    assert secret != "hünter2"
    assert len({secret, Secret("hünter2")}) == 1


def test_an_empty_secret_is_false() -> None:
    assert not Secret("")
    assert Secret("0")


@pytest.mark.requirement("BR-05")
def test_a_minted_value_has_256_random_bits_and_its_prefix() -> None:
    values = {mint("gc") for _ in range(100)}

    assert len(values) == 100
    assert all(re.fullmatch(r"gc_[A-Za-z0-9_-]{43}", value) for value in values)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", mint())


@pytest.mark.requirement("ST-03")
def test_a_digest_is_sha_256_and_matches_only_its_own_value() -> None:
    assert digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert matches_digest("abc", digest("abc"))
    assert not matches_digest("abd", digest("abc"))
    assert not matches_digest(digest("abc"), digest("abc"))


def test_a_trace_joins_log_lines_and_is_too_little_to_use() -> None:
    assert trace("abc") == "ba7816bf"
    assert trace("abc") != trace("abd")
