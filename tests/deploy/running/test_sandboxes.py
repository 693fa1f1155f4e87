"""What the containers are, and what they hold."""

import stat
from pathlib import Path

import pytest

from tests.deploy.rig.installation import Installation

pytestmark = [pytest.mark.rig, pytest.mark.requirement("DP-11")]

SERVICES = ("auth-server", "mcp-gateway")
USER = 65532


@pytest.mark.parametrize("workload", [*SERVICES, "redis"])
def test_each_is_an_unprivileged_user_without_capabilities(staging: Installation, workload: str) -> None:
    (pod, *_) = staging.cluster.pods_of(workload)
    lines = Path(f"/proc/{pod.pid}/status").read_text().splitlines()
    status = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    assert {*status["Uid"], *status["Gid"], *status["Groups"]} == {str(USER)}
    assert {int(status[name][0], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert status["NoNewPrivs"] == ["1"]


@pytest.mark.parametrize(
    ("workload", "writable"), [("auth-server", "/tmp"), ("mcp-gateway", "/tmp"), ("redis", "/data")]
)
def test_each_writes_to_its_volume_and_nowhere_else(staging: Installation, workload: str, writable: str) -> None:
    (pod, *_) = staging.cluster.pods_of(workload)
    mounts = [mount["mountPath"] for mount in pod.sandbox.container["volumeMounts"]]
    tried = ["/", "/etc", "/run", "/usr/bin", "/var/tmp", "/proc/sys", *mounts]
    written = [path for path in tried if pod.sandbox.run(["touch", f"{path}/probe"], timeout=10) == 0]
    assert written == [writable]


@pytest.mark.requirement("OP-02")
@pytest.mark.parametrize("service", SERVICES)
def test_secrets_are_files_for_its_group_and_in_no_variable_or_argument(staging: Installation, service: str) -> None:
    (pod, *_) = staging.cluster.pods_of(service)
    secrets, process = staging.store[f"authproxy/{service}"], Path(f"/proc/{pod.pid}")
    files = {path.name: path for path in (process / "root/run/secrets" / service).iterdir()}
    assert {name: path.read_text() for name, path in files.items()} == secrets
    held = {(stat.S_IMODE(path.stat().st_mode), path.stat().st_uid, path.stat().st_gid) for path in files.values()}
    assert held == {(0o440, 0, USER)}
    shown = "".join((process / name).read_text() for name in ("environ", "cmdline"))
    assert not [name for name, value in secrets.items() if value.strip() in shown]


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_is_told_of_others_by_variables(staging: Installation, service: str) -> None:
    (pod, *_) = staging.cluster.pods_of(service)
    assert "=tcp://" not in Path(f"/proc/{pod.pid}/environ").read_text()
