"""What stands for the images: this checkout's programs, in this environment, and Debian's."""

import sys
from pathlib import Path

import certifi

from tests.deploy.rig.sandbox import Image, program
from tests.support.stack import BINARIES, ROOT

_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
_PYTHON = (Path(sys.base_prefix), Path(sys.prefix))
_SOURCES = tuple(ROOT / name for name in ("packages", "services", "examples", "tests", "scripts"))


def service(name: str, trusts: Path) -> Image:
    """The image of one of our services: its console script, whose certificate authorities are those of `trusts`."""
    return Image((str(BINARIES / name),), (*_PYTHON, *_SOURCES[:2]), {"HOME": "/tmp"}, {certifi.where(): trusts})


def python(**files: Path) -> Image:
    """An image with Python, this environment and everything of this repository; `files` are in its /etc/given."""
    variables = {"PATH": f"{BINARIES}:{_SYSTEM_PATH}", "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    given = {f"/etc/given/{name}": path for name, path in files.items()}
    return Image((), (*_PYTHON, *_SOURCES), variables, given)


def valkey() -> Image:
    """Valkey's programs, which Debian 12 has as Redis'."""
    files = {f"/opt/valkey/valkey-{name}": Path(program(f"redis-{name}")).resolve() for name in ("server", "cli")}
    return Image((), (), {"PATH": f"/opt/valkey:{_SYSTEM_PATH}"}, files)


def nginx(configuration: Path, certificates: Path) -> Image:
    """An ingress controller's, with its configuration made."""
    files = {"/etc/nginx/nginx.conf": configuration}
    command = (program("nginx"), "-c", "/etc/nginx/nginx.conf", "-g", "daemon off;")
    return Image(command, (certificates,), {}, files)
