"""The Dockerfile's rules, and what it makes of a service: installed here as it is there, without an engine.

`make image-test` builds the images, and runs them.
"""

import os
import shutil
import subprocess
import sys
from functools import partial
from importlib.metadata import Distribution, distributions
from pathlib import Path

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts import image
from scripts.manifests import ROOT
from tests.deploy import dockerfile
from tests.support.servers import answers, free_port, running
from tests.support.stack import service_variables

pytestmark = pytest.mark.requirement("DP-02")

BINARIES = Path(sys.executable).parent
SERVICES = {"auth-server": "auth_server", "mcp-gateway": "mcp_gateway"}
STAGES = dockerfile.stages()
# Debian 12 and 13, and what is between them and after.
PYTHONS = ["3.11.2", "3.11.15", "3.12.12", "3.13.5", "3.14.2"]
SHIPPED = ["auth-server", "mcp-gateway", "examples"]
PIP_INSTALL = [each for stage in STAGES.values() for each in stage.all("RUN") if " install " in each.value]


def test_hadolint_finds_nothing() -> None:
    command = [str(path) for path in (BINARIES / "hadolint", "--config", ROOT / ".hadolint.yaml", dockerfile.PATH)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (found.stdout, found.returncode) == ("", 0)


@pytest.mark.parametrize("target", image.TARGETS)
def test_an_image_runs_as_nobody_and_without_a_shell(target: str) -> None:
    instructions = [each for stage in dockerfile.lineage(target) for each in stage.instructions]
    assert [each.value for each in instructions if each.keyword == "USER"] == ["65532:65532"]
    assert [each.value for each in instructions if each.keyword == "RUN"] == []
    started = {each.keyword: each.exec_form() for each in instructions if each.keyword in {"ENTRYPOINT", "CMD"}}
    assert started["ENTRYPOINT"]
    assert started["CMD"]
    check = next(each for each in instructions if each.keyword == "HEALTHCHECK")
    assert check.exec_form() if target in SERVICES else check.value == "NONE"


@pytest.mark.parametrize("target", SERVICES)
def test_a_health_check_asks_the_management_port(target: str) -> None:
    check = STAGES[target].all("HEALTHCHECK")[0].exec_form()
    assert check
    port = free_port()
    variable = {"auth-server": "OAUTH2_MANAGEMENT_PORT", "mcp-gateway": "MCP_MANAGEMENT_PORT"}[target]
    # A proxy that the environment names must not be asked.
    variables = {variable: str(port), "http_proxy": "http://127.0.0.1:1", "PATH": os.environ["PATH"]}
    ask = partial(subprocess.run, [sys.executable, *check[1:]], env=variables, capture_output=True, check=False)
    assert ask().returncode != 0
    with running([sys.executable, "-c", ANSWERING, str(port)], {}, partial(answers, port), "health"):
        assert ask().returncode == 0


ANSWERING = """
import http.server, sys
class Live(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health/live" else 404)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Live).serve_forever()
"""


def test_everything_is_installed_by_hash_or_from_here() -> None:
    commands = [part for each in PIP_INSTALL for part in each.value.split("&&") if " install " in part]
    assert len(commands) == 6
    for command in commands:
        words = command.split()
        assert "--no-deps" in words
        assert "--no-index" in words or {"--require-hashes", "--only-binary=:all:"} <= set(words)


def test_the_base_is_for_whoever_builds_to_name() -> None:
    assert dockerfile.PATH.read_text(encoding="utf-8").count("\nARG PYTHON_IMAGE\n") == 1
    bases = {stage.base for stage in STAGES.values()} - STAGES.keys()
    assert bases == {"${PYTHON_IMAGE}", "${RUNTIME_IMAGE}"}


@pytest.mark.parametrize("name", ["PYTHON_IMAGE", "RUNTIME_IMAGE"])
@pytest.mark.parametrize("value", ["", "python:3.13", f"python@sha256:{'0' * 63}", f"python@sha256:{'g' * 64}"])
def test_a_base_without_its_digest_is_refused(name: str, value: str) -> None:
    pinned = {"PYTHON_IMAGE": f"python:3.13-slim@sha256:{'0' * 64}"}
    assert image.bases(pinned) == pinned
    if value or name == "PYTHON_IMAGE":
        with pytest.raises(image.Unpinned, match=f"{name} has to name an image by its digest"):
            image.bases(pinned | {name: value})
    assert image.bases({name: value, "UNPINNED": "1"})["PYTHON_IMAGE"]


def test_only_what_is_needed_is_sent_to_the_engine() -> None:
    needed = {path for name in STAGES if name.startswith("build-") for path in dockerfile.copied(name)}
    assert all(path.is_file() for path in needed)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    sent = {ROOT / name for name in listed.split("\0") if name and dockerfile.is_allowed(ROOT / name)}
    assert sent - needed == set()
    for name in (".git/config", "deploy/secrets/redis/users.acl", "packages/common/src/x.egg-info/PKG-INFO", ".env"):
        assert not dockerfile.is_allowed(ROOT / name)


def listed(name: str, python: str) -> dict[str, str]:
    """The versions that a requirement file has for a version of Python, by distribution."""
    lines = (ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8").splitlines()
    found = [Requirement(line.removesuffix("\\").strip()) for line in lines if line[:1].isalnum()]
    return {canonicalize_name(each.name): str(each.specifier) for each in found if applies(each, python)}


def applies(requirement: Requirement, python: str) -> bool:
    """Whether it is one on Linux with that Python; those of extras that nobody asked for are none."""
    version = {"python_version": python.rpartition(".")[0], "python_full_version": python, "extra": ""}
    return requirement.marker is None or requirement.marker.evaluate(version)


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("python", PYTHONS)
def test_requirement_files_are_whole_for_every_python(name: str, python: str) -> None:
    """A file compiled for the Python at hand alone would lack async-timeout, which redis needs before 3.11.3."""
    have, missing = listed(name, python), set()
    for distribution in distributions(path=[str(site_packages())]):
        if canonicalize_name(distribution.name) in have:
            needs = [Requirement(each) for each in distribution.requires or []]
            missing |= {canonicalize_name(each.name) for each in needs if applies(each, python)} - have.keys()
    assert missing == set()


@pytest.mark.parametrize("name", [*SHIPPED, "build"])
@pytest.mark.parametrize("python", PYTHONS)
def test_what_is_shipped_is_what_was_tested(name: str, python: str) -> None:
    assert listed(name, python).items() - listed("dev", python).items() == set()


@pytest.fixture(scope="module", params=SERVICES)
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A service, and its virtual environment, in which the distributions of its requirement file are."""
    environment = dockerfile.install(request.param, tmp_path_factory.mktemp(request.param))
    there = environment / site_packages().relative_to(sys.prefix)
    names = listed(request.param, ".".join(map(str, sys.version_info[:3])))
    for distribution in distributions(path=[str(site_packages())]):
        if canonicalize_name(distribution.name) in names:
            for entry in top_level(distribution):
                (there / entry).symlink_to(site_packages() / entry)
    return request.param, environment


def site_packages() -> Path:
    return Path(pytest.__file__).parent.parent


def top_level(distribution: Distribution) -> set[str]:
    """What it put into site-packages."""
    return {file.parts[0] for file in distribution.files or [] if file.parts[0] not in {"..", "__pycache__"}}


def test_an_image_has_one_service(installed: tuple[str, Path]) -> None:
    service, environment = installed
    (other,) = SERVICES.keys() - {service}
    assert (environment / "bin" / service).exists()
    assert not (environment / "bin" / other).exists()
    there = environment / site_packages().relative_to(sys.prefix)
    assert {name for name in (*SERVICES.values(), "pip") if (there / name).exists()} == {SERVICES[service]}
    assert list((there / SERVICES[service]).rglob("*.html")) != []


def test_bytecode_is_not_compared_with_its_source(installed: tuple[str, Path]) -> None:
    service, environment = installed
    compiled = next(environment.rglob(f"{SERVICES[service]}/__pycache__/cli.*.pyc")).read_bytes()
    # PEP 552: hash-based, and unchecked.
    assert compiled[4:8] == (1).to_bytes(4, "little")


def test_a_service_serves_on_a_root_that_cannot_be_written(installed: tuple[str, Path]) -> None:
    if not (bwrap := shutil.which("bwrap")):
        pytest.skip("bubblewrap is not installed: that a service needs no root that can be written was not proven here")
    service, environment = installed
    sandbox = [bwrap, *SANDBOX, *bound(environment, ROOT / "config", site_packages()), "--remount-ro", "/"]
    python = environment / "bin/python3"
    assert subprocess.run([*sandbox, python, "-c", IS_NOBODY], check=False).returncode == 0
    port = free_port()
    variables = {
        **service_variables(f"http://localhost:{port}", f"http://localhost:{port}"),
        **dict.fromkeys(("OAUTH2_PORT", "MCP_PORT"), str(port)),
        **{f"DEVELOPMENT_{name}": value for name, value in PROVIDER.items()},
    }
    command = [*map(str, sandbox), str(environment / "bin" / service), "serve", "--config", str(CONFIGURATION[service])]
    with running(command, variables, partial(answers, port), service) as program:
        ready = httpx.get(f"http://127.0.0.1:{port}/health/ready", trust_env=False)
        assert (ready.status_code, program.failure()) == (200, None)


PROVIDER = {"ISSUER": "http://localhost:9400", "CLIENT_ID": "authproxy", "CLIENT_SECRET": "development"}
CONFIGURATION = {"auth-server": ROOT / "config/oauth2_config.yaml", "mcp-gateway": ROOT / "config/mcp_gateway.yaml"}
SANDBOX = [
    *("--unshare-user", "--uid", "65532", "--gid", "65532", "--unshare-pid", "--unshare-ipc", "--die-with-parent"),
    *("--cap-drop", "ALL", "--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc", "--proc", "/proc"),
    *("--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--symlink", "usr/bin", "/bin"),
    *("--dev", "/dev", "--tmpfs", "/tmp"),
]
IS_NOBODY = """
import os, pathlib, sys
assert (os.getuid(), os.getgid()) == (65532, 65532)
assert "CapEff:\\t0000000000000000" in pathlib.Path("/proc/self/status").read_text()
pathlib.Path("/tmp/x").write_text("")
for path in ("/x", sys.prefix + "/x", "/usr/x"):
    try:
        pathlib.Path(path).write_text("")
    except OSError:
        continue
    sys.exit(path)
"""


def bound(*paths: Path) -> list[str]:
    """Options that show `paths`, and the Python that is behind every virtual environment, where they are."""
    shown = [Path(sys.base_prefix), *paths]
    return [word for path in shown if not path.is_relative_to("/usr") for word in ("--ro-bind", str(path), str(path))]
