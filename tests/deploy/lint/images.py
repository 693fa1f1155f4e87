"""What runs, and how the Redis among it does (25, 26)."""

import re
from collections.abc import Iterator, Mapping

from tests.deploy.lint.overlay import Overlay, Workload, quantity

_DIGEST = re.compile(r"[^@]+@sha256:[0-9a-f]{64}")
_RELEASE = re.compile(r"[^@:]+(:\d+/[^@:]+)?:v?\d+\.\d+\.\d+([.-][0-9A-Za-z.-]+)?")
_DIRECTIVES = {"appendonly": "yes", "appendfsync": "everysec", "save": '""', "maxmemory-policy": "noeviction"}
_MEGABYTE = 2**20
# Of the limit, for rewriting the journal forks.
_SHARE = 0.65


def point_25_images(overlay: Overlay) -> Iterator[str]:
    """Digests in production, and elsewhere the tag of a whole release, which is never pushed anew."""
    wanted = _DIGEST if overlay.name.startswith("production") else _RELEASE
    for workload, container in overlay.containers():
        if not wanted.fullmatch(container["image"]):
            kind = "digest" if wanted is _DIGEST else "release"
            yield f"{workload}: the image {container['image']} has no {kind}"


def point_26_redis(overlay: Overlay) -> Iterator[str]:
    """A Redis of our own keeps a journal on a volume, evicts nothing, and lets strangers PING."""
    redis = next((workload for workload in overlay.workloads if workload.name == "redis"), None)
    if redis is None:
        return
    if not redis.spec.get("volumeClaimTemplates"):
        yield "redis: has no volume"
    yield from _directive_problems(_directives(overlay, redis), redis)
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        command = redis.containers[0].get(probe, {}).get("exec", {}).get("command")
        if command and command[1:] != ["-e", "ping"]:
            yield f"redis: {probe} does more than PING"


def _directive_problems(directives: Mapping[str, str], redis: Workload) -> Iterator[str]:
    for name, value in _DIRECTIVES.items():
        if directives.get(name) != value:
            yield f"redis: {name} is {directives.get(name)}, not {value}"
    if "aclfile" not in directives or "requirepass" in directives:
        yield "redis: its users are not those of an ACL file"
    limit = quantity(redis.containers[0].get("resources", {}).get("limits", {}).get("memory", 0)) or 0
    memory = float(directives.get("maxmemory", "0mb").removesuffix("mb")) * _MEGABYTE
    if not 0 < memory <= _SHARE * limit:
        yield f"redis: maxmemory is {directives.get('maxmemory')}, too much for its limit"


def _directives(overlay: Overlay, redis: Workload) -> dict[str, str]:
    names = [each["configMap"]["name"] for each in redis.pod.get("volumes", []) if "configMap" in each]
    texts = [text for name in names for text in (overlay.find("ConfigMap", name) or {"data": {}})["data"].values()]
    lines = [line.split(maxsplit=1) for text in texts for line in text.splitlines() if line and line[0] != "#"]
    return {line[0]: line[1] for line in lines}
