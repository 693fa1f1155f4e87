"""HTML pages: one look for both services, no script, nothing from elsewhere."""

from collections.abc import Mapping
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse

from authproxy_common.http.security_headers import page_policy

if TYPE_CHECKING:
    from jinja2 import Environment

_CSS = files("authproxy_common.http").joinpath("templates/style.css").read_text(encoding="utf-8")


class Pages:
    """Renders the templates of one service, which may extend `base.html` and override `error.html`.

    Args:
        package: The package whose `pages/` directory has the service's own templates.
        service: How the service calls itself on a page.
    """

    def __init__(self, package: str, service: str) -> None:
        self._package, self._service = package, service
        self._headers = {"content-security-policy": page_policy(_CSS)}

    def render(
        self, template: str, status: int = 200, headers: Mapping[str, str] | None = None, **context: Any
    ) -> HTMLResponse:
        """The page that `template` makes of `context`."""
        html = self._environment.get_template(template).render(**context)
        return HTMLResponse(html, status, headers={**self._headers, **(headers or {})})

    @cached_property
    def _environment(self) -> "Environment":
        # Here, because it is the first page that reads and compiles templates too; calls of MCP servers have none.
        from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

        loaders = [PackageLoader(self._package, "pages"), PackageLoader("authproxy_common.http", "templates")]
        environment = Environment(
            loader=ChoiceLoader(loaders),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals.update(css=_CSS, service=self._service)
        return environment
