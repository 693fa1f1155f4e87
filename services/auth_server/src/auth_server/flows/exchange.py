"""A gateway's backend exchanges its gateway code for the tokens."""

from typing import Any

from auth_server.domain.gateways import Gateway, Gateways
from auth_server.domain.sign_ins import GatewayCode
from authproxy_common.errors import InvalidGrant
from authproxy_common.events import Events
from authproxy_common.frozen import frozen
from authproxy_common.params import Params
from authproxy_common.records import Collection


@frozen
class ExchangeFlow:
    """One use per code, in one atomic command, before anything else is done with it.

    Args:
        codes: That wait for their exchange.
        gateways: Whose codes are for nobody else.
        events: Hears of every exchange.
    """

    codes: Collection[GatewayCode]
    gateways: Gateways
    events: Events

    async def redeem(self, params: Params, caller: Gateway | None) -> dict[str, Any]:
        """The body of the answer, `exchange.SignIn` as JSON, for `caller`, None if it did not authenticate.

        Raises:
            InvalidRequest: `code` or `gateway_uri` is missing.
            InvalidClient: The gateway has to authenticate.
            InvalidGrant: Of any number of concurrent calls, all but one; and whoever is not who the code was for.
        """
        code, gateway_uri = params.require("code"), params.require("gateway_uri")
        self.gateways.check_exchange(caller, gateway_uri)
        record = await self.codes.take(code)
        if record is None:
            raise InvalidGrant("the code is unknown, was used before, or has expired")
        record.check(gateway_uri, params.get("code_verifier"), params.get("provider"))
        self.events.note("gateway_code_exchanged", authenticated=caller.name if caller else None)
        return record.sign_in.to_json()
