"""A browser without a screen: cookies, redirects and forms, over real sockets or an in-process transport."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import TracebackType
from urllib.parse import urljoin

import httpx

_MAX_REDIRECTS = 12


@dataclass
class Form:
    """A form of a page: where it goes, and what its hidden and submit fields say."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(attributes.get("action", ""), attributes.get("method", "get")))
        elif tag == "input" and self.forms and attributes.get("name"):
            self.forms[-1].fields[attributes["name"]] = attributes.get("value", "")
        elif tag == "button" and self.forms and attributes.get("name"):
            self.forms[-1].buttons.append((attributes["name"], attributes.get("value", "")))


@dataclass
class Page:
    """Where the browser ended up."""

    response: httpx.Response
    forms: list[Form]

    @property
    def url(self) -> str:
        return str(self.response.url)

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def text(self) -> str:
        return self.response.text

    @property
    def asks_for_consent(self) -> bool:
        """Whether this is the gateway's consent page."""
        return any(name == "decision" for form in self.forms for name, _ in form.buttons)


class Browser:
    """One person's browser.

    Args:
        http: How it reaches the world; its cookie jar is the browser's.
    """

    def __init__(self, http: httpx.AsyncClient | None = None) -> None:
        self.http = http or httpx.AsyncClient(timeout=30, trust_env=False)
        self.headers: dict[str, str] = {}
        self.visited: list[str] = []

    async def open(self, url: str) -> Page:
        """Go there, and wherever one is sent from there."""
        return await self._follow(httpx.Request("GET", url))

    async def submit(self, page: Page, values: dict[str, str], form: int = 0) -> Page:
        """Send a form of the page with `values` filled in."""
        chosen = page.forms[form]
        target = urljoin(page.url, chosen.action) if chosen.action else page.url
        return await self._follow(httpx.Request(chosen.method.upper(), target, data=chosen.fields | values))

    async def sign_in(self, url: str, person: str = "alice") -> Page:
        """The whole way of a person who agrees to everything: consent where it is due, then the provider's form."""
        page = await self.open(url)
        assert page.status == 200, page.text
        provider = await self.submit(page, {"decision": "approve"}) if page.asks_for_consent else page
        assert "sub" in provider.forms[0].fields, provider.text
        return await self.submit(provider, {"sub": person})

    async def __aenter__(self) -> "Browser":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.aclose()

    async def _follow(self, request: httpx.Request) -> Page:
        for _ in range(_MAX_REDIRECTS):
            self.visited.append(str(request.url))
            self.http.cookies.set_cookie_header(request)
            request.headers.update(self.headers)
            response = await self.http.send(request, follow_redirects=False)
            if not response.is_redirect:
                return Page(response, forms_of(response))
            request = httpx.Request("GET", urljoin(str(request.url), response.headers["location"]))
        raise AssertionError("redirected in circles")


def forms_of(response: httpx.Response) -> list[Form]:
    """The forms of a page."""
    parser = _Forms()
    if "html" in response.headers.get("content-type", ""):
        parser.feed(response.text)
    return parser.forms
