"""A pod's volumes: files of the owner and mode that the kubelet gives them."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.deploy.rig.manifests import Manifests, NotRunnable, Object, contents
from tests.deploy.rig.sandbox import parents

_UNITS = {"": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


@dataclass(frozen=True)
class Volumes:
    """Makes volumes.

    Args:
        manifests: Where ConfigMaps and Secrets are.
        pod: A directory of the pod's own, gone with it.
        claims: Where PersistentVolumeClaims are, which survive the pod.
        namespace: Whose they are.
        group: The pod's `fsGroup`, if it has one.
    """

    manifests: Manifests
    pod: Path
    claims: Path
    namespace: str
    group: int | None

    def arguments(self, spec: Object, container: Object) -> Iterator[str]:
        """Arguments of bubblewrap that put the pod's volumes where the container mounts them."""
        volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
        for mount in container.get("volumeMounts", []):
            if mount.keys() - {"name", "mountPath", "readOnly"}:
                raise NotRunnable(f"a mount with {sorted(mount)}")
            if mount["name"] not in volumes:
                raise NotRunnable(f"there is no volume {mount['name']}")
            yield from parents(Path(mount["mountPath"]))
            yield from self._mounted(volumes[mount["name"]], mount)

    def _mounted(self, volume: Object, mount: Object) -> Iterator[str]:
        path, is_read_only = mount["mountPath"], mount.get("readOnly", False)
        if "emptyDir" in volume:
            if limit := volume["emptyDir"].get("sizeLimit"):
                yield from ("--size", str(size(limit)))
            yield from ("--perms", "0777", "--tmpfs", path)
        elif "persistentVolumeClaim" in volume:
            claim = self._claim(volume["persistentVolumeClaim"]["claimName"])
            yield from ("--ro-bind" if is_read_only else "--bind", str(claim), path)
        elif "configMap" in volume:
            yield from ("--ro-bind", str(self._files(volume, "ConfigMap", volume["configMap"], "name")), path)
        elif "secret" in volume:
            yield from ("--ro-bind", str(self._files(volume, "Secret", volume["secret"], "secretName")), path)
        else:
            raise NotRunnable(f"a volume with {sorted(volume)}")

    def _files(self, volume: Object, kind: str, source: Object, key_of_name: str) -> Path:
        """A directory with the keys of a ConfigMap or a Secret as files, of root and the pod's group."""
        directory = self.pod / "volumes" / str(volume["name"])
        directory.mkdir(parents=True, exist_ok=True, mode=0o755)
        name, is_optional = source[key_of_name], source.get("optional", False)
        find = self.manifests.find if is_optional else self.manifests.require
        held = contents(found) if (found := find(kind, name, self.namespace)) else {}
        items = source.get("items") or [{"key": key, "path": key} for key in held]
        for item in items:
            if item["key"] not in held:
                if is_optional:
                    continue
                raise NotRunnable(f"{kind} {name} has no key {item['key']}")
            mode = item.get("mode", source.get("defaultMode", 0o644))
            self._write(directory / item["path"], held[item["key"]], mode)
        return directory

    def _write(self, path: Path, content: bytes, mode: int) -> None:
        path.write_bytes(content)
        if self.group is not None:
            os.chown(path, 0, self.group)
            mode |= 0o440  # what `fsGroup` adds to files of a volume that cannot be written
        path.chmod(mode)

    def _claim(self, name: str) -> Path:
        directory = self.claims / self.namespace / name
        directory.mkdir(parents=True, exist_ok=True)
        if self.group is not None:
            os.chown(directory, 0, self.group)
            directory.chmod(0o2775)
        return directory


def size(quantity: str) -> int:
    """Bytes of a Kubernetes quantity."""
    matched = re.fullmatch(r"(\d+)(|Ki|Mi|Gi)", str(quantity))
    if matched is None:
        raise NotRunnable(f"the quantity {quantity}")
    return int(matched[1]) * _UNITS[matched[2]]
