"""A pod's files and variables as the manifests have them, below a directory in place of the root."""

import base64
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.deploy.lint import Overlay
from tests.deploy.lint.overlay import Workload
from tests.support.stack import BINARIES


@dataclass(frozen=True)
class Pod:
    """One of the two services.

    Args:
        overlay: Where it is described.
        workload: Its Deployment.
        root: In which its volumes are.
    """

    overlay: Overlay
    workload: Workload
    root: Path

    @classmethod
    def mounted(cls, overlay: Overlay, name: str, root: Path, secrets: Path) -> "Pod":
        """The pod of the Deployment `name`.

        Args:
            overlay: Where it is described.
            name: Of the Deployment.
            root: An empty directory.
            secrets: Has a directory for each Secret that is not among the manifests, with a file for each key.
        """
        [workload] = [each for each in overlay.workloads if each.name == name]
        pod = cls(overlay, workload, root)
        for mount in workload.containers[0]["volumeMounts"]:
            volume = workload.volume(mount["name"]) or {}
            files = pod._files(volume, secrets)
            path = root / mount["mountPath"].lstrip("/")
            path.mkdir(parents=True)
            for file, content in files.items():
                (path / file).write_bytes(content)
        return pod

    def _files(self, volume: Mapping[str, Mapping[str, str]], secrets: Path) -> dict[str, bytes]:
        if config_map := self.overlay.find("ConfigMap", volume.get("configMap", {}).get("name", "")):
            return {key: value.encode() for key, value in config_map["data"].items()}
        name = volume.get("secret", {}).get("secretName", "")
        if secret := self.overlay.find("Secret", name):
            return {key: base64.b64decode(value) for key, value in secret["data"].items()}
        return {path.name: path.read_bytes() for path in (secrets / name).iterdir()} if name else {}

    @property
    def variables(self) -> dict[str, str]:
        """What the process finds in its environment."""
        return {name: self._here(value) for name, value in self.overlay.variables(self.workload).items()}

    @property
    def configuration(self) -> Path:
        """The file that the process is told to read."""
        command, option, path = self.workload.containers[0]["args"]
        assert (command, option) == ("serve", "--config")
        return Path(self._here(path))

    def check(self) -> tuple[int, str]:
        """How the program ends, and what it says, when it checks the settings that it would be started with."""
        result = subprocess.run(
            [str(BINARIES / self.workload.name), "check", "--config", str(self.configuration)],
            env={"PATH": os.environ["PATH"], **self.variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        return result.returncode, result.stdout

    def _here(self, value: str) -> str:
        mounts = self.workload.containers[0]["volumeMounts"]
        is_path = any(value.startswith(f"{mount['mountPath']}/") for mount in mounts)
        return f"{self.root}{value}" if is_path else value
