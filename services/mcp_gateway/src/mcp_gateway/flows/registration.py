"""Dynamic client registration (RFC 7591)."""

from typing import Any

from authproxy_common.events import Events
from authproxy_common.frozen import frozen
from mcp_gateway.domain.client_metadata import read_metadata
from mcp_gateway.domain.client_policy import ClientPolicy
from mcp_gateway.flows.ports import Registrar


@frozen
class RegistrationFlow:
    """Anybody may register; a registration alone permits nothing but to ask a person."""

    registrar: Registrar
    policy: ClientPolicy
    events: Events

    def register(self, metadata: dict[str, Any]) -> dict[str, Any]:
        """The client information response (RFC 7591 §3.2.1).

        We issue no secrets, so `token_endpoint_auth_method` is answered `none` whatever was asked.

        Raises:
            InvalidRedirectUri, InvalidClientMetadata: §3.2.2.
        """
        registration = read_metadata(metadata)
        self.policy.check_redirect_uris(registration.redirect_uris)
        client_id, issued_at = self.registrar.register(registration)
        self.events.note("client_registered", client_name=registration.client_name)
        application_type = {"application_type": registration.application_type} if registration.application_type else {}
        return application_type | {
            "client_id": client_id,
            "client_id_issued_at": int(issued_at.timestamp()),
            "client_name": registration.client_name,
            "redirect_uris": list(registration.redirect_uris),
            "grant_types": list(registration.grant_types),
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        }
