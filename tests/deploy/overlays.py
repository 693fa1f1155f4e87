"""The overlays as they render, and what their installation.env says."""

import pickle
from functools import cache
from pathlib import Path

from scripts.manifests import KUBERNETES, render
from tests.deploy.lint import Overlay


@cache
def rendered(name: str) -> str:
    """What `kubectl apply -k` of the overlay would send."""
    return render(KUBERNETES / "overlays" / name)


@cache
def _objects(name: str) -> bytes:
    return pickle.dumps(Overlay.parse(name, installation(name), rendered(name)))


def overlay(name: str) -> Overlay:
    """The overlay, for the caller alone, who may change it."""
    parsed: Overlay = pickle.loads(_objects(name))
    return parsed


def installation(name: str) -> dict[str, str]:
    """The values of its installation.env, after those of the overlay that it is built on."""
    inherited = installation("production") if name == "production-gateway-api" else {}
    return inherited | variables(KUBERNETES / "overlays" / name / "installation.env")


def variables(path: Path) -> dict[str, str]:
    """An env file, as kustomize and compose read it."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)
