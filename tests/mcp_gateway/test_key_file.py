"""The file of a signing ring, and `mcp-gateway keys rotate` as an operator meets it."""

import os
import stat
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from authproxy_common.clock import Clock, utc_now
from authproxy_common.secret import Secret
from mcp_gateway.cli import main
from mcp_gateway.tokens.key_file import rotate_key_file
from mcp_gateway.tokens.key_rotation import RotationRefused
from mcp_gateway.tokens.signing_keys import in_utc
from tests.support.clock import MovableClock
from tests.support.signing_rings import kids, ring_of
from tests.support.stack import BINARIES

pytestmark = pytest.mark.requirement("TK-04")

NOON = MovableClock()()
SIGNS_IN, KEEP = timedelta(minutes=15), timedelta(days=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ring.pem"


@pytest.fixture
def ring_file(path: Path) -> Path:
    path.write_text(ring_of(None).reveal())
    return path


def rotate(path: Path, now: Clock = lambda: NOON) -> None:
    rotate_key_file(path, now, SIGNS_IN, KEEP)


def kids_in(path: Path) -> list[str]:
    return kids(Secret(path.read_text()))


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["keys", "rotate", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.requirement("OP-02")
def test_a_new_file_is_its_owners_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        rotate(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(kids_in(path)) == 1


def test_a_rotated_file_keeps_its_owner_and_mode(ring_file: Path) -> None:
    # Nobody but root can give a file away.
    owner = 65534 if os.geteuid() == 0 else os.geteuid()
    os.chown(ring_file, owner, -1)
    ring_file.chmod(0o440)
    rotate(ring_file)
    status = ring_file.stat()
    assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (owner, 0o440)
    assert len(kids_in(ring_file)) == 2


REFUSED: list[Any] = [
    pytest.param(b"", "holds no PEM private key", id="empty"),
    pytest.param(b"encryption key", "holds no PEM private key", id="another file"),
    pytest.param(b"\xff\xfe-\x00", "holds something other than text", id="no text"),
    pytest.param(ring_of(None).reveal()[:-60].encode(), "holds no PEM private key", id="cut off"),
    pytest.param(ring_of(NOON + KEEP, None).reveal().encode(), "still waiting to sign", id="a key that waits"),
]


@pytest.mark.parametrize(("content", "reason"), REFUSED)
def test_what_cannot_be_rotated_is_left_as_it_was(path: Path, content: bytes, reason: str) -> None:
    path.write_bytes(content)
    with pytest.raises(RotationRefused, match=f"^{path} .*{reason}"):
        rotate(path)
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("leads_to", ["ring.pem", "nowhere.pem"])
def test_a_symbolic_link_is_not_followed(ring_file: Path, leads_to: str) -> None:
    before, link = ring_file.read_bytes(), ring_file.with_name("link.pem")
    link.symlink_to(leads_to)
    with pytest.raises(RotationRefused, match="is a symbolic link"):
        rotate(link)
    assert link.readlink() == Path(leads_to)
    assert ring_file.read_bytes() == before
    assert set(ring_file.parent.iterdir()) == {ring_file, link}


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["directory", "pipe"])
def test_what_is_no_file_is_refused(path: Path, make: Callable[[Path], None]) -> None:
    make(path)
    with pytest.raises(RotationRefused, match="is no regular file"):
        rotate(path)


def test_a_directory_that_is_not_there_is_named(path: Path) -> None:
    missing = path.parent / "missing" / path.name
    assert run("--file", missing) == (1, "", f"Error: {missing} cannot be rotated: No such file or directory\n")


def test_a_disk_that_takes_nothing_more_leaves_the_old_ring(ring_file: Path) -> None:
    before = ring_file.read_bytes()
    command = [str(BINARIES / "mcp-gateway"), "keys", "rotate", "--file", str(ring_file)]
    # Holds for root too, whom no mode of a directory keeps from writing.
    result = subprocess.run(
        ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *command], capture_output=True, text=True, timeout=30, check=False
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"Error: {ring_file} cannot be rotated: File too large\n"
    assert ring_file.read_bytes() == before
    assert list(ring_file.parent.iterdir()) == [ring_file]


def test_of_two_rotations_at_once_the_second_is_refused(ring_file: Path) -> None:
    (old,) = kids_in(ring_file)

    def meanwhile() -> datetime:
        """The first one looks at the clock when it has read the ring and not yet replaced it."""
        with pytest.raises(RotationRefused, match="is being rotated by somebody else"):
            rotate(ring_file)
        return NOON

    rotate(ring_file, meanwhile)
    assert kids_in(ring_file)[1:] == [old]
    assert list(ring_file.parent.iterdir()) == [ring_file]


def test_a_rotation_that_was_cut_short_says_what_to_remove(ring_file: Path) -> None:
    draft = ring_file.with_name(".ring.pem.new")
    draft.write_text("half a ri")
    with pytest.raises(RotationRefused, match=f"if that was cut short, remove {draft} and try again"):
        rotate(ring_file)
    assert draft.exists()
    draft.unlink()
    rotate(ring_file)
    assert len(kids_in(ring_file)) == 2


@pytest.mark.requirement("OP-02")
def test_an_operator_is_told_of_each_key_by_its_public_name_and_of_nothing_else(path: Path) -> None:
    code, output, errors = run("--file", path)
    (first,) = kids_in(path)
    assert (code, output, errors) == (0, f"{first} signs\n", "")

    code, output, errors = run("--file", path, "--signs-in", 0)
    second, _ = kids_in(path)
    assert (code, output, errors) == (0, f"{second} signs\n{first} verifies\n", "")

    started = utc_now()
    code, output, errors = run("--file", path, "--keep", 0)
    third, *rest = kids_in(path)
    assert rest == [second]
    begins = {in_utc(started + SIGNS_IN + timedelta(seconds=late)) for late in range(30)}
    lines = output.splitlines()
    assert lines[0].removeprefix(f"{third} signs from ") in begins
    assert lines[1:] == [f"{second} signs", f"{first} dropped"]


def test_a_refusal_is_one_line_and_says_when_to_come_back(ring_file: Path) -> None:
    assert run("--file", ring_file)[0] == 0
    before = ring_file.read_bytes()
    code, output, errors = run("--file", ring_file)
    assert (code, output) == (1, "")
    assert errors.startswith(f"Error: {ring_file} has a key that is still waiting to sign; rotate again after ")
    assert errors.count("\n") == 1
    assert ring_file.read_bytes() == before


@pytest.mark.parametrize("wrong", [["--signs-in", "-1"], ["--keep", "-1"], ["--keep", "9" * 12], []])
def test_a_command_that_cannot_be_meant_touches_nothing(ring_file: Path, wrong: list[str]) -> None:
    before = ring_file.read_bytes()
    code, output, _ = run(*(["--file", ring_file, *wrong] if wrong else []))
    assert (code, output) == (2, "")
    assert ring_file.read_bytes() == before
