"""Images to build on and beside, made of Debian's packages: no registry is asked for any."""

import shutil
import sys
from pathlib import Path

from tests.deploy.image_test.workshop import Workshop

PYTHON = "localhost/python:debian"
# Python and shared libraries alone, as distroless images have them: no shell, no package manager.
BARE = "localhost/python:bare"
_RELEASE = "trixie"
_PACKAGES = "python3,python3-venv,ca-certificates"
_NOT_NEEDED = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale")
_VALKEY = """
apt-get update -qq
apt-get install -qq --no-install-recommends valkey-server
install --directory --owner=999 --group=999 /data
"""


def make(workshop: Workshop, valkey: str, caddy: str) -> None:
    """Make the base, the bare base, and what stands in for the images that Compose names."""
    _make_python(workshop)
    _make_bare(workshop)
    _make_valkey(workshop, valkey)
    _make_caddy(workshop, caddy)


def _make_python(workshop: Workshop) -> None:
    root = workshop.directory / "root"
    workshop.run("debootstrap", "--variant=minbase", f"--include={_PACKAGES}", _RELEASE, root, within=400)
    for name in _NOT_NEEDED:
        shutil.rmtree(root / name)
    # The machine may trust an authority of its own, through which the package index is reached.
    shutil.copy("/etc/ssl/certs/ca-certificates.crt", root / "etc/ssl/certs/ca-certificates.crt")
    _commit(workshop, [(root, "/")], PYTHON)


def _make_bare(workshop: Workshop) -> None:
    root, bare = workshop.directory / "root", workshop.directory / "bare"
    libraries = [path for pattern in ("python3*", "*-linux-gnu") for path in (root / "usr/lib").glob(pattern)]
    for path in [root / "lib", root / "lib64", root / "usr/lib64", *libraries, *(root / "usr/bin").glob("python3*")]:
        copy = bare / path.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir() and not path.is_symlink():
            shutil.copytree(path, copy, symlinks=True)
        else:
            shutil.copy2(path, copy, follow_symlinks=False)
    _commit(workshop, [(bare, "/")], BARE)


def _make_valkey(workshop: Workshop, name: str) -> None:
    container = workshop.run("buildah", "from", "--pull-never", PYTHON)
    workshop.run("buildah", "run", "--isolation", "chroot", container, "sh", "-ec", _VALKEY, within=300)
    workshop.run("buildah", "config", "--workingdir", "/data", container)
    workshop.run("buildah", "commit", "--quiet", "--rm", container, name)


def _make_caddy(workshop: Workshop, name: str) -> None:
    binary = workshop.directory / "caddy"
    shutil.copy(Path(sys.executable).parent / "caddy", binary)
    # As the official image has it; Compose has to live with that.
    workshop.run("setcap", "cap_net_bind_service=+ep", binary)
    _commit(workshop, [(binary, "/usr/bin/caddy")], name)


def _commit(workshop: Workshop, copied: list[tuple[Path, str]], name: str) -> None:
    container = workshop.run("buildah", "from", "scratch")
    for source, target in copied:
        workshop.run("buildah", "copy", "--quiet", container, source, target)
    workshop.run("buildah", "config", "--env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", container)
    workshop.run("buildah", "commit", "--quiet", "--rm", container, name)
