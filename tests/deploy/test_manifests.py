"""What the overlays render to is valid, and what was last agreed on."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.manifests import GOLDEN, KUBECTL, KUBERNETES, OVERLAYS, ROOT, render
from tests.deploy.lint import Overlay, findings
from tests.deploy.overlays import installation, rendered, variables

BINARIES = Path(sys.executable).parent
CHECKOV = ROOT / ".venv-checkov/bin/checkov"
# The project's own, and the machine's where there is one, which is usually older.
KUBECTLS = [KUBECTL, *(Path(found) for found in [shutil.which("kubectl")] if found and Path(found) != KUBECTL)]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """What a tool says, wherever it writes it."""
    return subprocess.run(
        command,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )


def checkov_skips(overlay: str) -> set[str]:
    """What the overlay's own file skips."""
    path = KUBERNETES / "overlays" / overlay / ".checkov.yaml"
    return set(yaml.safe_load(path.read_text(encoding="utf-8"))["skip-check"]) if path.exists() else set()


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of what the overlays are made of, to be changed; in it, deploy/k8s."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    shutil.copytree(KUBERNETES, tmp_path / "deploy/k8s")
    return tmp_path / "deploy/k8s"


def templates(text: str) -> dict[str, Any]:
    """The pod templates of what was rendered, by their workload's name."""
    overlay = Overlay.parse("staging", installation("staging"), text)
    return {workload.name: workload.spec["template"] for workload in overlay.workloads}


@pytest.mark.requirement("DP-01")
@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("kubectl", KUBECTLS, ids=str)
def test_an_overlay_renders_to_what_is_kept(kubectl: Path, overlay: str) -> None:
    kept = (GOLDEN / f"{overlay}.yaml").read_text(encoding="utf-8")
    assert render(KUBERNETES / "overlays" / overlay, kubectl) == kept, "if that is meant, `make manifests` keeps it"


@pytest.mark.requirement("DP-01")
def test_every_overlay_is_kept() -> None:
    assert {path.name for path in (KUBERNETES / "overlays").iterdir()} == set(OVERLAYS)
    assert {path.stem for path in GOLDEN.iterdir()} == set(OVERLAYS)


@pytest.mark.requirement("DP-01")
def test_yamllint_finds_nothing() -> None:
    assert run(str(BINARIES / "yamllint"), "--strict", "-c", ".yamllint.yaml", "deploy", "config").stdout == ""


@pytest.mark.requirement("DP-01")
@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("version", ["1.30", "1.34", "newest"])
def test_the_manifests_are_valid_for_kubernetes(version: str, overlay: str) -> None:
    chosen = [] if version == "newest" else ["-k", version]
    command = [str(BINARIES / "kubernetes-validate"), "--strict", "--no-warn", *chosen, str(GOLDEN / f"{overlay}.yaml")]
    result = run(*command)
    assert result.returncode == 0, result.stdout


@pytest.mark.requirement("DP-01")
def test_the_schemas_are_strict(tmp_path: Path) -> None:
    mistaken = tmp_path / "mistaken.yaml"
    mistaken.write_text(rendered("staging").replace("minReadySeconds", "minReadySecond"))
    assert run(str(BINARIES / "kubernetes-validate"), "--strict", "--no-warn", str(mistaken)).returncode != 0


@pytest.mark.requirement("DP-02")
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_checkov_finds_what_is_skipped_with_a_reason_and_in_production_nothing(overlay: str) -> None:
    assert CHECKOV.exists(), "`make checkov` installs it"
    options = ["--config-file", ".checkov.yaml", "--output", "json"]
    report = json.loads(run(str(CHECKOV), *options, "-f", str(GOLDEN / f"{overlay}.yaml")).stdout)
    assert {each["check_id"] for each in report["results"]["failed_checks"]} == checkov_skips(overlay)
    assert report["summary"]["passed"] > 150
    assert report["summary"]["skipped"] == report["summary"]["parsing_errors"] == 0


@pytest.mark.requirement("DP-02")
def test_production_skips_nothing() -> None:
    assert {overlay: bool(checkov_skips(overlay)) for overlay in OVERLAYS} == {
        "dev": True,
        "staging": True,
        "production": False,
        "production-gateway-api": False,
    }


@pytest.mark.requirement("DP-02")
@pytest.mark.parametrize(
    ("file", "rolled"),
    [
        ("overlays/staging/auth-server.env", {"auth-server"}),
        ("base/mcp-gateway/mcp-gateway.env", {"mcp-gateway"}),
        ("../../config/oauth2_config.yaml", {"auth-server"}),
        ("components/redis/redis.conf", {"redis"}),
        ("overlays/staging/installation.env", {"auth-server", "mcp-gateway"}),
    ],
)
def test_a_change_of_a_setting_rolls_out_the_pods_that_read_it(copied: Path, file: str, rolled: set[str]) -> None:
    path = copied / file
    text = path.read_text(encoding="utf-8").replace("mcp.staging.example.com", "mcp.example.org")
    path.write_text(text + ("\nLOG_LEVEL=DEBUG\n" if path.suffix == ".env" else "\n# changed\n"))
    before, after = templates(rendered("staging")), templates(render(copied / "overlays/staging"))
    assert {name for name in before if before[name] != after[name]} == rolled


@pytest.mark.requirement("DP-02")
@pytest.mark.parametrize("overlay", ["dev", "staging", "production"])
def test_the_public_url_stands_in_one_place(overlay: str) -> None:
    url = installation(overlay)["PUBLIC_BASE_URL"]
    sources = [KUBERNETES / "base", KUBERNETES / "components", KUBERNETES / "overlays" / overlay]
    files = [path for source in sources for path in source.rglob("*") if path.is_file()]
    places = [path.name for path in files for line in path.read_text().splitlines() if url in line]
    assert places == ["installation.env"]


@pytest.mark.requirement("DP-02")
@pytest.mark.parametrize(
    ("url", "rules"), [("https://tools.example.org", set()), ("https://tools.example.org:8443", {"point_10_one_host"})]
)
def test_another_public_url_arrives_everywhere_and_has_no_port(copied: Path, url: str, rules: set[str]) -> None:
    path = copied / "overlays/production/installation.env"
    path.write_text(path.read_text().replace("https://mcp.example.com", url))
    text = render(copied / "overlays/production")
    assert "mcp.example.com" not in text
    assert {each.rule for each in findings(Overlay.parse("production", variables(path), text))} == rules


@pytest.mark.requirement("DP-02")
def test_the_redis_of_our_own_goes_with_one_line(copied: Path) -> None:
    path = copied / "overlays/staging/kustomization.yaml"
    path.write_text(path.read_text().replace("  - ../../components/redis\n", ""))
    assert set(templates(render(copied / "overlays/staging"))) == {"auth-server", "mcp-gateway"}


@pytest.mark.requirement("DP-02")
def test_a_managed_redis_takes_its_place(copied: Path) -> None:
    path, names = copied / "overlays/staging/kustomization.yaml", copied / "overlays/staging/installation.env"
    text = path.read_text().replace("  - ../../components/redis\n", "")
    last = "components/external-secrets\n"
    text = text.replace(last, f"{last}  - ../../components/redis-external\n")
    path.write_text(f"{text}  - ../../components/redis-external/installation\n")
    names.write_text(f"{names.read_text()}\nREDIS_NETWORK=10.9.8.0/24\n")
    text = render(copied / "overlays/staging")
    assert set(templates(text)) == {"auth-server", "mcp-gateway"}
    assert findings(Overlay.parse("staging", variables(names), text)) == []
