"""deploy/compose.yaml runs what Kubernetes runs, with the same variables, files and limits, for this machine alone."""

import hashlib
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from scripts import compose_secrets, image
from scripts.manifests import KUBERNETES, ROOT
from tests.deploy.lint.overlay import SERVICES, Workload, quantity
from tests.deploy.overlays import installation, overlay

pytestmark = pytest.mark.requirement("DP-02")

BINARIES = Path(sys.executable).parent
# An installation as staging is, and the trial that is shipped.
OVERLAY = {
    name: {
        "PUBLIC_BASE_URL": installation(name)["PUBLIC_BASE_URL"],
        "TRUSTED_PROXIES": installation(name)["TRUSTED_PROXIES"],
        "AUTH_SERVER_ENV": f"./k8s/overlays/{name}/auth-server.env",
        "MCP_GATEWAY_ENV": f"./k8s/overlays/{name}/mcp-gateway.env",
    }
    for name in ("dev", "staging")
}
INSTALLED = {"COMPOSE_PROFILES": "", "DEVELOPMENT_ISSUER": ""}
TENANT = "5f1f2a3b-0000-4000-8000-000000000000"
CONFIGURATION = {"auth-server": "oauth2_config.yaml", "mcp-gateway": "mcp_gateway.yaml"}


def compose(**variables: str) -> dict[str, Any]:
    """What Compose makes of the file, with the shipped variables and others in their place."""
    command = [str(BINARIES / "docker-compose"), "--env-file", "deploy/compose.env", "--file", "deploy/compose.yaml"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(ROOT), **variables}
    options: dict[str, Any] = {"cwd": ROOT, "env": environment, "capture_output": True, "text": True, "timeout": 60}
    quiet = subprocess.run([*command, "config", "--quiet"], check=False, **options)
    assert (quiet.stdout, quiet.stderr, quiet.returncode) == ("", "", 0)
    shown = subprocess.run([*command, "config", "--format", "json"], check=True, **options)
    model: dict[str, Any] = json.loads(shown.stdout)
    return model


@pytest.fixture(scope="module")
def trial() -> dict[str, Any]:
    return dict(compose()["services"])


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return dict(compose(**INSTALLED, **OVERLAY["staging"])["services"])


def deployed(name: str, where: str = "staging") -> Workload:
    return next(workload for workload in overlay(where).workloads if workload.name == name)


@pytest.mark.parametrize("where", OVERLAY)
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_the_variables_that_it_has_on_kubernetes(service: str, where: str) -> None:
    kubernetes = overlay(where).variables(deployed(service, where))
    issuer = kubernetes.get("DEVELOPMENT_ISSUER", "")
    found = compose(**INSTALLED | {"DEVELOPMENT_ISSUER": issuer}, **OVERLAY[where])["services"][service]["environment"]
    assert {name: value for name, value in found.items() if value} == {n: v for n, v in kubernetes.items() if v}


@pytest.mark.parametrize("name", [*SERVICES, "redis"])
def test_a_container_has_its_files_where_kubernetes_has_them(services: dict[str, Any], name: str) -> None:
    workload, container = deployed(name), deployed(name).containers[0]
    mounted = {mount["mountPath"]: workload.volume(mount["name"]) or {} for mount in container["volumeMounts"]}
    service = services[name]
    bound = {volume["target"]: volume for volume in service["volumes"]}
    configs = {str(Path(config["target"]).parent) for config in service["configs"]}
    assert bound.keys() | configs | {"/tmp"} == mounted.keys() | {"/tmp"}
    for path, volume in bound.items():
        if path != "/data":
            assert volume["read_only"]
            assert not volume["bind"]["create_host_path"]
            assert "secret" in mounted[path]
    assert service.get("command") in (None, container.get("command"))
    assert int(service["mem_limit"]) == quantity(container["resources"]["limits"]["memory"])


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reads_the_configuration_that_its_image_names(services: dict[str, Any], service: str) -> None:
    [config] = services[service]["configs"]
    assert [config["target"]] == deployed(service).containers[0]["args"][2:]
    assert config["target"].endswith(CONFIGURATION[service])


def test_nothing_listens_but_at_the_loopback_address(trial: dict[str, Any], services: dict[str, Any]) -> None:
    for chosen, expected in ((services, {"edge"}), (trial, {"edge", "development-edge"})):
        published = {name: service["ports"] for name, service in chosen.items() if service.get("ports")}
        assert published.keys() == expected
        assert {port["host_ip"] for ports in published.values() for port in ports} == {"127.0.0.1"}
        assert not [name for name, service in chosen.items() if service.get("network_mode") == "host"]


def test_every_container_is_hardened(trial: dict[str, Any]) -> None:
    assert len(trial) == 7
    for name, service in trial.items():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not {"0", "root", ""} & set(service["user"].split(":")), name
        assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name.endswith("edge") else []), name
        assert all("noexec" in mount for mount in service["tmpfs"]), name
        assert not service.get("privileged"), name


def test_redis_is_seen_by_the_two_services_alone() -> None:
    model = compose()
    members = {name: set(service.get("networks", {})) for name, service in model["services"].items()}
    assert {name for name, networks in members.items() if "store" in networks} == {*SERVICES, "redis"}
    assert members["redis"] == {"store"}
    assert model["networks"]["store"]["internal"]
    assert members["sample-server"] == {"servers"}
    assert "servers" not in members["auth-server"]


def test_the_development_provider_is_in_a_trial_alone(trial: dict[str, Any], services: dict[str, Any]) -> None:
    assert trial.keys() - services.keys() == {"development-provider", "development-edge", "sample-server"}
    assert services["auth-server"]["environment"]["DEVELOPMENT_ISSUER"] == ""


def test_images_are_those_that_are_made_and_those_of_kubernetes(trial: dict[str, Any]) -> None:
    made = [command[command.index("--tag") + 1] for command in image.commands({}, {})]
    assert made == [f"{target}:{image.project_version()}" for target in image.TARGETS]
    assert made == [trial[name]["image"] for name in (*SERVICES, "sample-server")]
    assert trial["redis"]["image"] == deployed("redis", "dev").containers[0]["image"]


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("compose") / "secrets"
    compose_secrets.main(directory)
    return directory


@pytest.mark.requirement("OP-02")
def test_secrets_are_kept_from_others_on_this_machine_and_readable_in_a_container(secrets: Path) -> None:
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    files = [path for path in secrets.rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o444}
    assert {stat.S_IMODE(path.parent.stat().st_mode) for path in files} == {0o755}
    assert len({path.read_text(encoding="utf-8") for path in files}) == len(files)


def test_secrets_that_are_there_are_left_alone(secrets: Path) -> None:
    before = {path: path.read_bytes() for path in secrets.rglob("*") if path.is_file()}
    with pytest.raises(SystemExit, match="is there already"):
        compose_secrets.main(secrets)
    assert {path: path.read_bytes() for path in secrets.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("service", SERVICES)
def test_redis_knows_each_service_by_its_password(secrets: Path, service: str) -> None:
    url = urlsplit((secrets / service / "redis_url").read_text(encoding="utf-8"))
    digest = hashlib.sha256((url.password or "").encode()).hexdigest()
    given = (secrets / "redis/users.acl").read_text(encoding="utf-8")
    example = (KUBERNETES / "components/redis/users.acl.example").read_text(encoding="utf-8")
    line, shipped = (
        next(each for each in text.splitlines() if f"user {service} " in each) for text in (given, example)
    )
    assert (url.username, url.hostname, url.port) == (service, "redis", 6379)
    assert line == shipped.replace("0" * 64, digest)
    assert "0" * 64 not in given


@pytest.mark.parametrize("overlay_name", OVERLAY)
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_accepts_what_it_is_given(secrets: Path, service: str, overlay_name: str) -> None:
    given = {} if overlay_name == "dev" else INSTALLED | OVERLAY[overlay_name]
    variables = compose(**given)["services"][service]["environment"]
    provider = {
        "AZURE_TENANT_ID_FILE": TENANT,
        "AZURE_CLIENT_ID_FILE": "client",
        "AZURE_CLIENT_SECRET_FILE": "s" * 32,
    }
    here = {name: value.replace("/run/secrets", str(secrets)) for name, value in variables.items()}
    # Those of the provider are the operator's own.
    here = {name.removesuffix("_FILE") if name in provider else name: provider.get(name, v) for name, v in here.items()}
    command = [str(BINARIES / service), "check", "--config", str(ROOT / "config" / CONFIGURATION[service])]
    said = subprocess.run(command, env=here, capture_output=True, text=True, check=False, timeout=60)
    assert (said.returncode, said.stderr if said.returncode else "") == (0, "")


@pytest.mark.requirement("OP-02")
def test_no_variable_holds_a_secret(trial: dict[str, Any], services: dict[str, Any]) -> None:
    given = [pair for each in (trial, services) for service in each.values() for pair in environment(service)]
    secret = [(name, value) for name, value in given if re.search("SECRET|PASSWORD|KEYS|REDIS_URL", name) and value]
    assert len(secret) > 4
    assert [name for name, value in secret if not (name.endswith("_FILE") and value.startswith("/run/secrets/"))] == []


def environment(service: dict[str, Any]) -> list[tuple[str, str]]:
    return list((service.get("environment") or {}).items())
