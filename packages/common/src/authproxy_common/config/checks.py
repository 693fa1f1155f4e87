"""Checks that several settings share. Each says what is wrong, or None."""

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from authproxy_common.secret import Secret
from authproxy_common.uri import MalformedURI, parse_http_uri


def is_url(value: str) -> str | None:
    """An absolute http or https URL."""
    try:
        parse_http_uri(value)
    except MalformedURI as error:
        return f"must be an http or https URL: {error}"
    return None


def is_origin(value: str) -> str | None:
    """An http or https URL of nothing but scheme, host and port: no path, and no slash at the end."""
    try:
        uri = parse_http_uri(value)
    except MalformedURI as error:
        return f"must be an http or https URL: {error}"
    if value.endswith("/") or uri.path != "/" or uri.query:
        return "must be scheme, host and port alone, without a path and without a slash at the end"
    return None


def is_port(value: int) -> str | None:
    """A TCP port to listen at."""
    return None if 0 < value < 65536 else "must be a port between 1 and 65535"


def is_management_port(value: int) -> str | None:
    """A TCP port, or 0 for none."""
    return None if 0 <= value < 65536 else "must be a port between 1 and 65535, or 0 for none"


def is_positive(value: int) -> str | None:
    """At least one."""
    return None if value > 0 else "must be at least 1"


def is_not_negative(value: int) -> str | None:
    """Zero or more."""
    return None if value >= 0 else "must not be negative"


def is_log_level(value: str) -> str | None:
    """A level of the standard library's logging."""
    return None if value in {"DEBUG", "INFO", "WARNING", "ERROR"} else "must be DEBUG, INFO, WARNING or ERROR"


def is_one_of(*values: str) -> Callable[[str], str | None]:
    """A check for one of `values`."""
    return lambda value: None if value in values else f"must be one of {', '.join(values)}"


def unusable_origins(origins: Iterable[str], setting: str) -> Iterator[tuple[str, str]]:
    """What in a list is no origin, each with its place below the key `setting`."""
    for index, origin in enumerate(origins):
        if problem := is_origin(origin):
            yield f"{setting}[{index}]", problem


def unusable_networks(networks: Iterable[str], setting: str) -> Iterator[tuple[str, str]]:
    """What in a list is neither an address nor a network, each with its place below the key `setting`."""
    for index, network in enumerate(networks):
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            yield f"{setting}[{index}]", "must be an address or a network such as 10.0.0.0/8"


def unshared_store(redis_url: Secret, replicas: int) -> Iterator[tuple[str, str]]:
    """Whether there is more than one replica, and a store that no other one sees: what one issues, no other takes."""
    if replicas > 1 and redis_url.reveal().startswith("memory://"):
        yield "redis_url", f"memory:// is one process's own, and replicas says {replicas}; name a Redis they all share"


def hidden_metrics(management_port: int, *, public_metrics: bool) -> Iterator[tuple[str, str]]:
    """Whether `/metrics` answers nowhere."""
    if not management_port and not public_metrics:
        yield "public_metrics", "false and management_port 0 leave /metrics nowhere; change one of them"


def unfit_for_production(
    urls: Mapping[str, str], redis_url: Secret, encryption_keys: Sequence[Secret]
) -> Iterator[tuple[str, str]]:
    """What may not be so outside development, each by its key.

    Plain http gives away every credential that travels on it, an embedded store is one replica's alone, and a key that
    nobody chose is gone with the store.
    """
    for key, url in urls.items():
        if not url.startswith("https://"):
            yield key, f"must be https:// {_UNLESS}"
    if redis_url.reveal().startswith("memory://"):
        yield "redis_url", f"must name a Redis, redis:// or rediss://, {_UNLESS}"
    if not encryption_keys:
        yield "encryption_keys", f"is needed {_UNLESS}; make a key with `openssl rand -base64 32`"


_UNLESS = "unless development_mode is true"
