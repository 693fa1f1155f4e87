"""That the rig would notice: what is wrong in manifests, and what it must do with pods, it does."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.rig import images
from tests.deploy.rig.cluster import Cluster, running_cluster
from tests.deploy.rig.manifests import Manifests, NotRunnable
from tests.deploy.rig.network import Reach, attempt
from tests.deploy.rig.run import STATE, claimed_run, command
from tests.deploy.rig.sandbox import Image
from tests.support.servers import wait_until
from tests.support.stack import ROOT

pytestmark = [pytest.mark.rig, pytest.mark.requirement("DP-11")]

# A web server that is ready while a file is there, says what it is told to stop, and does not stop for a stubborn one.
_SERVER = """
import http.server, os, signal, sys
def stop(*_):
    print("asked to stop", flush=True)
    os.environ.get("STUBBORN") or sys.exit(0)
signal.signal(signal.SIGTERM, stop)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if os.path.exists(f"/tmp{self.path}") else 503)
        self.end_headers()
    def log_message(self, *_): pass
open("/tmp/ready", "w"); open("/tmp/live", "w")
http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
"""
_MANIFESTS = """
kind: Namespace
metadata: {name: web, labels: {team: a}}
---
kind: ConfigMap
metadata: {name: program, namespace: web}
---
kind: Service
metadata: {name: web, namespace: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]}
---
kind: Deployment
metadata: {name: web, namespace: web}
spec:
  replicas: 2
  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      securityContext: {runAsNonRoot: true, runAsUser: 65532}
      containers:
        - name: web
          image: registry.example.com/python:1
          command: [python, /program/server.py]
          env: []
          ports: [{name: http, containerPort: 8000}]
          readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 1, failureThreshold: 1}
          startupProbe: {httpGet: {path: /live, port: http}, periodSeconds: 1, failureThreshold: 100}
          livenessProbe: {httpGet: {path: /live, port: http}, periodSeconds: 1, failureThreshold: 1}
          volumeMounts: [{name: program, mountPath: /program}, {name: tmp, mountPath: /tmp}]
      volumes: [{name: program, configMap: {name: program}}, {name: tmp, emptyDir: {}}]
---
kind: NetworkPolicy
metadata: {name: web, namespace: web}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
    - from: [{namespaceSelector: {matchExpressions: [{key: team, operator: In, values: [b, c]}]}, podSelector: {}}]
      ports: [{port: http}]
    - from: [{ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.128/25]}}]
      ports: [{port: 8000, endPort: 8001}]
---
kind: Namespace
metadata: {name: friends, labels: {team: b}}
"""


def manifests() -> Manifests:
    parsed = Manifests.parse(_MANIFESTS)
    return parsed.edited("ConfigMap", "program", lambda each: each.update(data={"server.py": _SERVER}))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Of its own, and in a hurry."""
    with started(manifests(), pace=5) as running:
        running.apply()
        yield running


def test_a_pod_that_is_not_ready_is_no_endpoint_and_without_any_a_service_refuses(cluster: Cluster) -> None:
    address, port = cluster.services.place_of("web", "web", "http")
    reached = partial(attempt, cluster.create_idle_pod("friend", "friends").sandbox.namespace, address, port)
    assert reached() is Reach.OPEN
    for pod in cluster.pods_of("web"):
        remove(pod.pid, "/tmp/ready")
    wait_until(lambda: reached() is Reach.REFUSED)
    for pod in cluster.pods_of("web"):
        create(pod.pid, "/tmp/ready")
    wait_until(lambda: reached() is Reach.OPEN)
    assert [pod.starts for pod in cluster.pods_of("web")] == [1, 1]


def test_a_pod_that_is_not_alive_is_stopped_and_started_again(cluster: Cluster) -> None:
    (pod, _) = cluster.pods_of("web")
    remove(pod.pid, "/tmp/live")
    cluster.wait_until(lambda: pod.starts == 2 and pod.is_ready, "it is back", pod)
    assert "asked to stop" in pod.log()


@pytest.mark.parametrize(
    ("namespace", "outside", "reach"),
    [
        pytest.param("friends", None, Reach.OPEN, id="a namespace that is let in"),
        pytest.param("web", None, Reach.FORBIDDEN, id="its own"),
        pytest.param("others", None, Reach.FORBIDDEN, id="another"),
        pytest.param(None, "203.0.113.5", Reach.OPEN, id="an address that is let in"),
        pytest.param(None, "203.0.113.200", Reach.FORBIDDEN, id="one that is excepted"),
        pytest.param(None, "198.51.100.5", Reach.FORBIDDEN, id="another address"),
    ],
)
def test_a_policy_lets_in_whom_it_names(
    cluster: Cluster, namespace: str | None, outside: str | None, reach: Reach
) -> None:
    (pod, *_) = cluster.pods_of("web")
    if namespace:
        source = cluster.create_idle_pod("source", namespace)
    else:
        source = cluster.create_idle_outside("source", IPv4Address(str(outside)))
    assert attempt(source.sandbox.namespace, pod.address, 8000) is reach
    further = Reach.FORBIDDEN if namespace or reach is Reach.FORBIDDEN else Reach.REFUSED
    assert attempt(source.sandbox.namespace, pod.address, 8001) is further
    assert attempt(source.sandbox.namespace, pod.address, 8002) is Reach.FORBIDDEN


def test_who_does_not_stop_when_asked_is_killed() -> None:
    def stubborn(deployment: dict[str, Any]) -> None:
        container(deployment)["env"] = [{"name": "STUBBORN", "value": "yes"}]

    with started(manifests().edited("Deployment", "web", stubborn)) as cluster:
        cluster.apply()
        before = cluster.deployments["web"].restart()
        for pod in before:
            pod.join(30)
            assert pod.was_killed
            assert "asked to stop" in pod.log()


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        pytest.param(lambda d: container(d).update(image="web"), "image web", id="an image that nobody has"),
        pytest.param(
            lambda d: container(d).update(envFrom=[{"configMapRef": {"name": "typo"}}]),
            "no ConfigMap typo",
            id="a ConfigMap that is missing",
        ),
        pytest.param(
            lambda d: container(d).update(
                env=[{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "program", "key": "typo"}}}]
            ),
            "no key typo",
            id="a key that is missing",
        ),
        pytest.param(
            lambda d: container(d)["readinessProbe"]["httpGet"].update(port="typo"),
            "no port typo",
            id="a probe of a port that is missing",
        ),
        pytest.param(
            lambda d: d["spec"]["template"]["spec"].update(securityContext={"runAsNonRoot": True}),
            "must not run as root",
            id="no user",
        ),
        pytest.param(
            lambda d: container(d)["volumeMounts"].append({"name": "typo", "mountPath": "/x"}),
            "no volume typo",
            id="a volume that is missing",
        ),
        pytest.param(
            lambda d: d["spec"]["template"]["spec"].update(initContainers=[{}]), "initContainers", id="not modelled"
        ),
        pytest.param(
            lambda d: d["spec"]["strategy"].update(rollingUpdate={"maxUnavailable": 1}),
            "maxUnavailable",
            id="a rollout that takes one away",
        ),
    ],
)
def test_what_could_not_run_is_refused(edit: Callable[[dict[str, Any]], None], complaint: str) -> None:
    edited = manifests().edited("Deployment", "web", edit)
    with started(edited) as cluster, pytest.raises(NotRunnable, match=complaint):
        cluster.apply()


def test_a_kind_that_nobody_thought_of_is_refused() -> None:
    with pytest.raises(NotRunnable, match="Job"):
        Manifests.parse(yaml.safe_dump({"kind": "Job", "metadata": {"name": "x"}}))


def test_what_a_killed_run_left_behind_is_gone_after_the_next_one() -> None:
    program = "import tests.deploy.running.test_rig as t; t.run_forever()"
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    name, pid = process.stdout.readline().split()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert any(each.startswith(f"{name}-") for each in namespaces())
    assert (STATE / name).exists()
    with claimed_run():
        assert not any(each.startswith(f"{name}-") for each in namespaces())
        assert not (STATE / name).exists()
        assert not Path(f"/proc/{pid}/root/tmp/ready").exists()


@contextmanager
def started(chosen: Manifests, pace: float = 1) -> Iterator[Cluster]:
    """A cluster that knows the images; nothing is applied yet."""
    with running_cluster(chosen, pace=pace) as cluster:
        cluster.images.update(python=images.python(), idle=Image())
        yield cluster


def run_forever() -> None:
    """For the test above: a cluster whose process is about to be killed."""
    with started(manifests()) as cluster:
        cluster.apply()
        sys.stdout.write(f"{cluster.run.name} {cluster.pods_of('web')[0].pid}\n")
        sys.stdout.flush()
        signal.pause()


def container(deployment: dict[str, Any]) -> Any:
    return deployment["spec"]["template"]["spec"]["containers"][0]


def namespaces() -> list[str]:
    return [line.split()[0] for line in command("ip", "netns", "list").splitlines()]


def remove(pid: int, path: str) -> None:
    """Remove a file in the container of that process."""
    Path(f"/proc/{pid}/root{path}").unlink()


def create(pid: int, path: str) -> None:
    """Make a file there."""
    Path(f"/proc/{pid}/root{path}").touch()
