"""Alerts are raised by what they say and by nothing less, read what the services export, and lead to what to do."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from authproxy_common.events import ALARMS
from scripts.manifests import ROOT
from tests.deploy.alarm_cases import CASES, Case, Series
from tests.deploy.overlays import overlay
from tests.support.auth_server import AuthServerWorld
from tests.support.gateway import GATEWAY, World

pytestmark = pytest.mark.requirement("DP-04")

[_PROMETHEUS_RULE] = overlay("production").of_kind("PrometheusRule")
RULES: list[dict[str, Any]] = [rule for group in _PROMETHEUS_RULE["spec"]["groups"] for rule in group["rules"]]
_SELECTOR = re.compile(r"(authproxy_\w+)\{([^}]*)\}")
_MATCHER = re.compile(r'(\w+)(=~|!~|=|!=)"((?:[^"\\]|\\.)*)"')


@pytest.fixture(scope="session")
def promtool() -> str:
    """Prometheus's own checker, of Debian's package `prometheus`."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed: the alerts were not tried here")
    return found


def told(promtool: str, directory: Path, *arguments: str, **files: Any) -> subprocess.CompletedProcess[str]:
    """What promtool says of `files`, in which the rules are rules.yaml."""
    for name, content in {"rules": _PROMETHEUS_RULE["spec"], **files}.items():
        (directory / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    command = [promtool, *arguments]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=60, check=False)


def rule_of(case: Case) -> dict[str, Any]:
    """The rule of a case; there is one for each service where an alert has two."""
    fits = [r for r in RULES if r["alert"] == case.alert and r["labels"].items() <= (case.labels | r["labels"]).items()]
    chosen = [rule for rule in fits if rule["labels"].get("service") == case.labels.get("service")]
    assert len(chosen) == 1
    return chosen[0]


def expected(case: Case) -> dict[str, Any]:
    """The alert as Prometheus sends it."""
    rule = rule_of(case)
    labels = {**rule["labels"], **case.labels}
    annotations = {
        key: re.sub(r"{{ \$labels\.(\w+) }}", lambda m: labels[m[1]], v) for key, v in rule["annotations"].items()
    }
    return {"exp_labels": labels, "exp_annotations": annotations}


def history(case: Case, series: Series, alerts: list[dict[str, Any]]) -> dict[str, Any]:
    """A test in promtool's form."""
    return {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "30s",
        "tests": [
            {
                "interval": "30s",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "alert_rule_test": [{"eval_time": "1h", "alertname": case.alert, "exp_alerts": alerts}],
            }
        ],
    }


def test_prometheus_takes_the_rules(promtool: str, tmp_path: Path) -> None:
    result = told(promtool, tmp_path, "check", "rules", "--lint=all", "--lint-fatal", "rules.yaml")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.alert} {' '.join(case.labels.values())}")
@pytest.mark.parametrize("is_raised", [True, False], ids=["raised", "quiet"])
def test_an_alert_is_raised_when_it_has_to_be(promtool: str, tmp_path: Path, case: Case, is_raised: bool) -> None:
    test = history(case, case.raised, [expected(case)]) if is_raised else history(case, case.quiet, [])
    result = told(promtool, tmp_path, "test", "rules", "test.yaml", test=test)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_alert_is_tried() -> None:
    assert {case.alert for case in CASES} == {rule["alert"] for rule in RULES}


def test_every_alarm_of_the_code_raises_an_alert() -> None:
    read = {name for rule in RULES for name in re.findall(r"\w+", rule["expr"])}
    assert set(ALARMS) <= read


def samples(text: str) -> dict[str, list[dict[str, str]]]:
    """The label sets of each metric, as a service exposes them."""
    found: dict[str, list[dict[str, str]]] = {}
    for line in text.splitlines():
        name, _, rest = line.partition("{")
        if rest and not line.startswith("#"):
            found.setdefault(name, []).append({m[0]: m[2] for m in _MATCHER.findall(rest)})
    return found


@pytest.mark.anyio
async def test_every_metric_that_is_read_is_exported_with_these_labels() -> None:
    auth, world = AuthServerWorld(), World()
    await auth.exchange(await auth.code())
    await world.tokens(await world.register())
    texts = []
    for http, origin in ((auth.browser, auth.settings.public_url), (world.http, GATEWAY)):
        await http.get(f"{origin}/health/ready")
        texts.append((await http.get(f"{origin}/metrics")).text)
    exported = samples("\n".join(texts))
    await auth.store.aclose()
    await world.store.aclose()

    for rule in RULES:
        for metric, matchers in _SELECTOR.findall(rule["expr"]):
            for label, operator, pattern in _MATCHER.findall(matchers):
                values = {labels[label] for labels in exported[metric]}
                assert not operator.startswith("=") or label == "status" or is_met(pattern, values), (metric, pattern)


def is_met(pattern: str, values: set[str]) -> bool:
    """Whether each alternative of a matcher is the value of something."""
    return all(any(re.fullmatch(each, value) for value in values) for each in pattern.split("|"))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_leads_to_what_to_do(rule: dict[str, Any]) -> None:
    path, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
    assert anchor == rule["alert"].lower()
    assert rule["alert"] in headings
