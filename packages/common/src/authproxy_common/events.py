"""Events: the steps of sign-ins and grants, each logged with its fields and counted by its name."""

from typing import Any

import structlog

from authproxy_common.frozen import frozen
from authproxy_common.http.metrics import Metrics

log = structlog.get_logger("events")

# What may be alarmed about. Counted from 0 on: to Prometheus a counter that appears with its first event has not risen.
ALARMS = (
    "browser_mismatch",
    "client_assertion_replayed",
    "client_authentication_failed",
    "code_misused",
    "code_replayed",
    "groups_overage",
    "identity_assertion_refused",
    "identity_assertion_replayed",
    "issuer_keys_unavailable",
    "provider_check_failed",
    "provider_refresh_failed",
    "provider_revocation_failed",
    "provider_token_not_taken",
    "provider_validation_failed",
    "redirect_uri_mismatch",
    "refresh_token_replayed",
    "sign_in_failed",
    "state_unknown",
    "token_exchange_failed",
    "token_exchange_not_allowed",
    "token_not_exchanged",
)


@frozen
class Events:
    """Where flows say what happened.

    Args:
        metrics: Counts them.
    """

    metrics: Metrics

    def __post_init__(self) -> None:
        for event in ALARMS:
            self.metrics.events.labels(event)

    def note(self, event: str, **fields: Any) -> None:
        """A step of the ordinary course."""
        self.metrics.events.labels(event).inc()
        log.info(event, **fields)

    def alarm(self, event: str, **fields: Any) -> None:
        """A step that an operator should look at: something that only an attack or a fault explains; one of ALARMS."""
        self.metrics.events.labels(event).inc()
        log.warning(event, audit=True, **fields)
