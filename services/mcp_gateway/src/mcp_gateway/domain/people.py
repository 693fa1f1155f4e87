"""What a provider's claims say of a person, as far as anybody may rely on it."""

import re
from collections.abc import Mapping
from typing import Any

from authproxy_common.frozen import frozen
from mcp_gateway.domain.header_values import header_list

# Something on either side of one @; what else an address may look like is for whoever sends mail.
_ADDRESS = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+")


def verified_email(user: Mapping[str, Any]) -> str | None:
    """The address, where the provider says that it is the person's own (OpenID Connect Core §5.1, `email_verified`).

    Without that word an address is whatever somebody wrote there, and may be anybody's. Some providers write the word
    as text.
    """
    email, verified = user.get("email"), user.get("email_verified")
    is_verified = verified is True or verified == "true"
    return email if is_verified and isinstance(email, str) and _ADDRESS.fullmatch(email) else None


def groups_of(user: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The names of the person's groups, each once; None where they are not known.

    They are not where the provider says nothing of groups, nor where it has more than it names (`groups_overage`):
    that is not the same as being in no group.
    """
    groups = user.get("groups")
    if user.get("groups_overage") or not isinstance(groups, list):
        return None
    return tuple(dict.fromkeys(name for name in groups if isinstance(name, str) and name))


# What every server takes in one line of a header, with room to spare: a quarter of what some take in all of them.
_LONGEST_LIST = 4096


@frozen
class KnownCaller:
    """Who calls, as MCP servers are told.

    Args:
        subject: The provider's name and its `sub`; a program that calls for itself has a name of its own.
        email: That the provider vouches for.
        groups: All of them; None where they are not known, or too many to be sent.
        has_more_groups: Whether there are more than are named.
    """

    subject: str
    email: str | None = None
    groups: tuple[str, ...] | None = None
    has_more_groups: bool = False

    @classmethod
    def of(cls, subject: str, user: Mapping[str, Any]) -> "KnownCaller":
        """Somebody of whom a provider says `user`."""
        groups, has_more = groups_of(user), bool(user.get("groups_overage"))
        if groups and len(header_list(groups)) > _LONGEST_LIST:
            groups, has_more = None, True
        return cls(subject, verified_email(user), groups, has_more)
