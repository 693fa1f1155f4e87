"""Who is let in: people, by what their identity provider says of them."""

from collections.abc import Callable, Mapping
from typing import Any

from authproxy_common.exchange import Person
from authproxy_common.frozen import frozen
from mcp_gateway.domain.people import groups_of, verified_email


@frozen
class Criterion:
    """One thing that has to be so.

    Args:
        name: What it is about, as the configuration calls it.
        said: What is known of a person in this respect.
        values: Of which one is enough.
    """

    name: str
    said: Callable[[Person], frozenset[str]]
    values: frozenset[str]

    def is_met_by(self, person: Person) -> bool:
        """Whether it is so."""
        return not self.values.isdisjoint(self.said(person))


@frozen(eq=False)
class Allowed:
    """Whom something is open to. Each is itself alone, whatever others say the same.

    Args:
        alternatives: Whoever meets every criterion of any of them is let in; where there is none, everybody.
    """

    alternatives: tuple[tuple[Criterion, ...], ...] = ()

    def admits(self, person: Person | None) -> bool:
        """Whether the person is let in; None for one of whom nothing is known."""
        if not self.alternatives:
            return True
        return person is not None and any(all(c.is_met_by(person) for c in each) for each in self.alternatives)

    def unmet(self, person: Person | None) -> list[str]:
        """The names of the criteria that the person does not meet, for whoever has to find out why."""
        criteria = {criterion for each in self.alternatives for criterion in each}
        return sorted({each.name for each in criteria if person is None or not each.is_met_by(person)})


EVERYBODY = Allowed()


def provider_of(person: Person) -> frozenset[str]:
    """The provider's name. What another one calls a group, or whose address it vouches for, is another matter."""
    return frozenset({person.provider})


def email_of(person: Person) -> frozenset[str]:
    """The verified address, in lower case.

    One that is not ASCII is nobody's here: its lower case may be another person's.
    """
    email = verified_email(person.user)
    return frozenset({email.lower()}) if email and email.isascii() else frozenset()


def email_domain_of(person: Person) -> frozenset[str]:
    """The domain of the verified address, in lower case. One above or below it is another domain."""
    return frozenset(email.rpartition("@")[2] for email in email_of(person))


def groups(person: Person) -> frozenset[str]:
    """The names of the groups, where the provider names all of them."""
    return frozenset(groups_of(person.user) or ())


def claim(path: str) -> Callable[[Person], frozenset[str]]:
    """What the claim at `path` says, or each member of a list there.

    A path is the name of a claim, dots and all, or names with dots between them.
    """

    def said(person: Person) -> frozenset[str]:
        value = _at(person.user, path)
        found = (_text(each) for each in (value if isinstance(value, list) else [value]))
        return frozenset(text for text in found if text is not None)

    return said


def _at(claims: Mapping[str, Any], path: str) -> Any:
    if path in claims:
        return claims[path]
    value: Any = claims
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _text(value: Any) -> str | None:
    """As a configuration spells it; None for what it could not."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
    return None
