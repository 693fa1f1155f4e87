"""`make manifests`: what the overlays render to, kept beside the tests so that a review sees what a change changes."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KUBERNETES = ROOT / "deploy/k8s"
GOLDEN = ROOT / "tests/deploy/golden"
OVERLAYS = ("dev", "staging", "production", "production-gateway-api")
KUBECTL = Path(sys.executable).parent / "kubectl"


def render(directory: Path, kubectl: Path = KUBECTL) -> str:
    """What `kubectl apply -k` of `directory` would send.

    Raises:
        subprocess.CalledProcessError: It does not render; `stderr` says why.
    """
    command = [str(kubectl), "kustomize", str(directory)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def main() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for overlay in OVERLAYS:
        path = GOLDEN / f"{overlay}.yaml"
        path.write_text(render(KUBERNETES / "overlays" / overlay), encoding="utf-8")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
