"""A file that holds a signing ring: rotated as a whole or not at all, by one at a time."""

import contextlib
import os
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import IO

from authproxy_common.clock import Clock
from authproxy_common.secret import Secret
from mcp_gateway.tokens.key_rotation import Rotation, RotationRefused, first_ring, rotated

_OWNER_ALONE = 0o600


def rotate_key_file(path: Path, now: Clock, signs_in: timedelta, keep: timedelta) -> Rotation:
    """Rotate the ring in the file at `path`, or make the file with a ring of one key.

    Whoever reads the file meanwhile sees the old ring or the new one. A file that was there keeps its owner and its
    mode; a new one is its owner's alone. The other arguments are those of `rotated`.

    Raises:
        RotationRefused: The file is as it was.
    """
    try:
        _check_is_file(path)
        draft = path.parent / f".{path.name}.new"
        with _draft(draft) as file:
            rotation = _next_ring(path, now, signs_in, keep)
            _write_like(path, file, rotation.text)
            draft.replace(path)
    except RotationRefused as refusal:
        raise RotationRefused(f"{path} {refusal}") from refusal
    except OSError as error:
        raise RotationRefused(f"{path} cannot be rotated: {error.strerror}") from error
    _sync_directory(path.parent)
    return rotation


def _check_is_file(path: Path) -> None:
    # Renaming would put a file in the link's place, and what the link led to would stay as it was.
    if path.is_symlink():
        raise RotationRefused(
            "is a symbolic link; name the file itself (what Kubernetes mounts is rotated where its Secret is made from)"
        )
    if path.exists() and not path.is_file():
        raise RotationRefused("is no regular file")


@contextlib.contextmanager
def _draft(path: Path) -> Iterator[IO[str]]:
    """A new file at `path`, which is gone again if the context fails.

    It is the lock as well: whoever has it reads the ring and replaces it before anybody else can.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ALONE)
    except FileExistsError as error:
        raise RotationRefused(
            f"is being rotated by somebody else; if that was cut short, remove {path} and try again"
        ) from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _next_ring(path: Path, now: Clock, signs_in: timedelta, keep: timedelta) -> Rotation:
    try:
        text = Secret(path.read_bytes().decode())
    except FileNotFoundError:
        return first_ring()
    except UnicodeDecodeError as error:
        raise RotationRefused("holds something other than text") from error
    return rotated(text, now(), signs_in, keep)


def _write_like(path: Path, file: IO[str], text: Secret) -> None:
    """Write all of it to the disk, with the owner and mode of what is at `path`, if anything is."""
    if path.exists():
        status = path.stat()
        os.fchown(file.fileno(), status.st_uid, status.st_gid)
        os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode))
    file.write(text.reveal())
    file.flush()
    os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    # Not every file system can; the new ring is there already, and at worst a crash brings the old one back.
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
