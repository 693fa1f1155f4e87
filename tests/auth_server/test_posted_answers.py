"""`POST /callback`: answers that come as a form from the provider's site, where no cookie of ours comes along."""

from datetime import timedelta
from html.parser import HTMLParser
from urllib.parse import urlencode

import httpx
import pytest

from tests.support.auth_server import (
    ATTEMPTS,
    CODES,
    STATE,
    AuthServerWorld,
    answer_of,
    asked_of,
    check_page,
    check_sent_back,
)

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("BR-06")]

POSTED = "auth-server:posted-answer"


class _Form(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.action, self.fields = "", dict[str, str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = found["action"]
        elif tag == "input":
            self.fields[found["name"]] = found["value"]


@pytest.fixture
def auth() -> AuthServerWorld:
    return AuthServerWorld(configured={"response_mode": "form_post"})


async def form_of(auth: AuthServerWorld) -> _Form:
    """The form that the provider's page sends by itself once a person has signed in."""
    login = await auth.login()
    page = await auth.internet.get(login.headers["location"])
    form = _Form()
    form.feed(page.text)
    return form


async def post(auth: AuthServerWorld, fields: dict[str, str], path: str = "/callback") -> httpx.Response:
    """What a browser does with a form from another site: it sends no `SameSite=Lax` cookie."""
    return await auth.post(path, data=fields, headers={"Origin": "https://idp.test", "Sec-Fetch-Site": "cross-site"})


async def follow(
    auth: AuthServerWorld, answer: httpx.Response, browser: httpx.AsyncClient | None = None
) -> httpx.Response:
    """The redirect, with the cookie: a top-level GET."""
    return await auth.get(str(answer.url.join(answer.headers["location"])), browser)


async def test_an_answer_that_was_posted_completes_the_sign_in(auth: AuthServerWorld) -> None:
    form = await form_of(auth)
    assert form.action == "https://auth.test/callback"

    posted = await post(auth, form.fields)
    answer = answer_of(await follow(auth, posted))

    assert posted.status_code == 303
    assert "set-cookie" not in posted.headers
    assert answer["state"] == STATE
    assert (await auth.exchange(answer["code"])).json()["user"]["sub"] == "248289761001"


async def test_the_provider_is_asked_for_a_form_only_where_the_configuration_says(auth: AuthServerWorld) -> None:
    assert asked_of(await auth.login())["response_mode"] == "form_post"
    assert "response_mode" not in asked_of(await AuthServerWorld().login())


@pytest.mark.requirement("OP-02", "ST-03")
async def test_neither_code_nor_state_is_in_the_url_or_readable_in_the_store(auth: AuthServerWorld) -> None:
    form = await form_of(auth)

    posted = await post(auth, form.fields)

    [kept] = auth.store.kept(POSTED)
    assert kept.ttl == timedelta(minutes=1)
    for secret in (form.fields["code"], form.fields["state"]):
        assert secret not in posted.headers["location"]
        assert secret.encode() not in kept.value
    handle = posted.headers["location"].removeprefix("?answer=")
    assert handle not in kept.key
    assert handle.startswith("pa_")


@pytest.mark.parametrize("prefix", ["", "/gateway-oauth"])
async def test_the_browser_stays_at_the_path_that_the_form_came_to(auth: AuthServerWorld, prefix: str) -> None:
    posted = await post(auth, (await form_of(auth)).fields, f"{prefix}/callback")

    assert posted.url.join(posted.headers["location"]).path == f"{prefix}/callback"
    assert "code" in answer_of(await follow(auth, posted))


async def test_a_provider_that_refuses_by_form_is_reported_to_the_gateway(auth: AuthServerWorld) -> None:
    auth.provider.denies_with = "access_denied"

    check_sent_back(await follow(auth, await post(auth, (await form_of(auth)).fields)), "access_denied")


async def test_only_the_browser_that_began_can_use_the_handle(auth: AuthServerWorld) -> None:
    posted = await post(auth, (await form_of(auth)).fields)

    check_page(await follow(auth, posted, auth.another_browser()), 400, "another browser")
    assert auth.provider.times_asked("token") == 0
    assert not auth.store.kept(CODES)


async def test_a_handle_is_used_once_and_soon(auth: AuthServerWorld) -> None:
    once = await post(auth, (await form_of(auth)).fields)
    assert "code" in answer_of(await follow(auth, once))
    check_page(await follow(auth, once), 400, "already finished")
    [kept] = auth.store.kept(POSTED)
    assert await auth.store.get(kept.key) is None

    late = await post(auth, (await form_of(auth)).fields)
    auth.clock.advance(timedelta(minutes=1))
    check_page(await follow(auth, late), 400, "took too long")
    assert len(auth.store.kept(CODES)) == 1


async def test_a_second_form_of_the_same_answer_gets_no_second_code(auth: AuthServerWorld) -> None:
    form = await form_of(auth)
    first, second = await post(auth, form.fields), await post(auth, form.fields)

    assert "code" in answer_of(await follow(auth, first))
    check_page(await follow(auth, second), 400, "already finished")
    assert auth.provider.times_asked("token") == 1


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"code": "x", "state": "st_unknown"}, id="unknown state"),
        pytest.param({"code": "x"}, id="no state"),
        pytest.param({}, id="nothing"),
    ],
)
async def test_a_form_that_answers_nothing_is_an_error_page_and_not_kept(
    auth: AuthServerWorld, fields: dict[str, str]
) -> None:
    check_page(await post(auth, fields), 400, "invalid_request")
    assert not auth.store.kept(POSTED)


@pytest.mark.requirement("AZ-08")
async def test_a_form_out_of_form_is_an_error_page_and_the_sign_in_goes_on(auth: AuthServerWorld) -> None:
    form = await form_of(auth)
    twice = urlencode([*form.fields.items(), ("state", "x")])

    check_page(await auth.post("/callback", content=twice, headers=_FORM), 400, "parameter state is repeated")
    check_page(await auth.post("/callback", json=form.fields), 400, "invalid_request")
    assert "code" in answer_of(await follow(auth, await post(auth, form.fields)))


async def test_an_invented_handle_finds_nothing(auth: AuthServerWorld) -> None:
    await auth.login()

    check_page(await auth.get("/callback?answer=pa_invented"), 400, "invalid_request")
    check_page(await auth.get("/callback?answer="), 400, "invalid_request")


@pytest.mark.requirement("BR-02")
async def test_the_issuer_of_a_posted_answer_is_checked(auth: AuthServerWorld) -> None:
    fields = (await form_of(auth)).fields | {"iss": "https://evil.test"}

    check_sent_back(await follow(auth, await post(auth, fields)), "server_error")
    assert not auth.store.kept(CODES)


@pytest.mark.requirement("ST-04")
async def test_another_replica_takes_the_answer(auth: AuthServerWorld) -> None:
    posted = await post(auth, (await form_of(auth)).fields)
    elsewhere = auth.another_browser(auth.replica())
    elsewhere.cookies = auth.browser.cookies

    assert "code" in answer_of(await follow(auth, posted, elsewhere))
    assert len(auth.store.kept(ATTEMPTS)) == 1


_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
