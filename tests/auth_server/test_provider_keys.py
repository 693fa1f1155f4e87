"""When a provider's metadata and keys are fetched, and how often."""

from datetime import timedelta

import pytest
from starlette.responses import HTMLResponse

from tests.support.auth_server import CODES, AuthServerWorld, answer_of, check_sent_back

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("BR-01")]

REFETCHED_AFTER = timedelta(seconds=30)
MAINTENANCE = HTMLResponse("<h1>Maintenance</h1>", 503)


async def test_metadata_and_keys_are_fetched_when_needed_and_kept(auth: AuthServerWorld) -> None:
    assert not auth.provider.asked
    for _ in range(3):
        await auth.tokens()

    assert auth.provider.times_asked("metadata") == 1
    assert auth.provider.times_asked("keys") == 1


async def test_metadata_and_keys_are_fetched_again_after_an_hour(auth: AuthServerWorld) -> None:
    await auth.tokens()
    auth.clock.advance(timedelta(minutes=59, seconds=59))
    await auth.tokens()
    assert (auth.provider.times_asked("metadata"), auth.provider.times_asked("keys")) == (1, 1)

    auth.clock.advance(timedelta(seconds=1))
    await auth.tokens()
    assert (auth.provider.times_asked("metadata"), auth.provider.times_asked("keys")) == (2, 2)


async def test_keys_that_the_provider_rotated_are_fetched_at_the_next_sign_in(auth: AuthServerWorld) -> None:
    await auth.tokens()
    auth.provider.rotate_keys("second")
    auth.clock.advance(REFETCHED_AFTER)

    assert (await auth.tokens())["user"]["sub"] == "248289761001"
    assert auth.provider.times_asked("keys") == 2


async def test_a_key_that_was_withdrawn_is_believed_no_longer(auth: AuthServerWorld) -> None:
    await auth.tokens()
    withdrawn = auth.provider.signing_key
    auth.provider.rotate_keys("second")
    auth.clock.advance(REFETCHED_AFTER)
    await auth.tokens()
    auth.provider.signing_key = withdrawn

    check_sent_back(await auth.complete(), "server_error")


async def test_unknown_key_ids_make_us_fetch_once_in_thirty_seconds_and_no_more(auth: AuthServerWorld) -> None:
    await auth.tokens()
    auth.provider.header = {"kid": "unknown"}

    for fetched in (1, 2, 3):
        for _ in range(4):
            check_sent_back(await auth.complete(), "server_error")
            assert auth.provider.times_asked("keys") == fetched
        auth.clock.advance(REFETCHED_AFTER - timedelta(seconds=1))
        check_sent_back(await auth.complete(), "server_error")
        assert auth.provider.times_asked("keys") == fetched
        auth.clock.advance(timedelta(seconds=1))

    assert len(auth.store.kept(CODES)) == 1


async def test_an_id_token_without_a_key_id_makes_us_fetch_nothing(auth: AuthServerWorld) -> None:
    auth.provider.header = {"kid": None}
    await auth.tokens()
    auth.clock.advance(REFETCHED_AFTER)
    await auth.tokens()

    assert auth.provider.times_asked("keys") == 1


@pytest.mark.requirement("OP-04")
@pytest.mark.parametrize("endpoint", ["metadata", "keys"])
async def test_a_failed_fetch_is_shared_for_a_moment_and_not_kept(auth: AuthServerWorld, endpoint: str) -> None:
    auth.provider.instead[endpoint] = MAINTENANCE
    for _ in range(4):
        login = await auth.login()
        failed = login if endpoint == "metadata" else await auth.get(await auth.approve(login))
        check_sent_back(failed, "temporarily_unavailable")
    assert auth.provider.times_asked(endpoint) == 1

    auth.provider.instead.clear()
    auth.clock.advance(timedelta(seconds=1))

    assert "code" in answer_of(await auth.complete())


@pytest.mark.requirement("OP-04")
async def test_documents_past_their_time_serve_while_the_provider_cannot_give_new_ones(auth: AuthServerWorld) -> None:
    await auth.tokens()
    auth.clock.advance(timedelta(hours=2))
    auth.provider.instead = {"metadata": MAINTENANCE, "keys": MAINTENANCE}

    assert (await auth.tokens())["user"]["sub"] == "248289761001"

    auth.provider.instead.clear()
    auth.provider.rotate_keys("second")
    auth.clock.advance(timedelta(seconds=1))
    assert (await auth.tokens())["user"]["sub"] == "248289761001"


async def test_unknown_key_ids_do_not_hurry_us_while_the_keys_cannot_be_had(auth: AuthServerWorld) -> None:
    await auth.tokens()
    auth.clock.advance(REFETCHED_AFTER)
    auth.provider.instead["keys"] = MAINTENANCE
    auth.provider.header = {"kid": "unknown"}

    for _ in range(4):
        answer = answer_of(await auth.complete())
        assert answer["error"] in {"server_error", "temporarily_unavailable"}
    assert auth.provider.times_asked("keys") == 2
    assert len(auth.store.kept(CODES)) == 1
