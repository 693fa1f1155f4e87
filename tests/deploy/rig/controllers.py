"""Deployments and StatefulSets: how many pods there are, and how they are replaced."""

import math
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tests.deploy.rig.manifests import NotRunnable, Object, namespace_of
from tests.deploy.rig.pods import Pod


class Node(Protocol):
    """Where pods are made."""

    pace: float

    def create_pod(self, name: str, namespace: str, template: Object) -> Pod:
        """A pod that starts now."""
        ...

    def wait_until(self, is_so: Callable[[], bool], what: str, *pods: Pod) -> None:
        """Return once `is_so`; raise what one of the pods failed of."""
        ...


@dataclass
class Deployment:
    """A Deployment with the strategy RollingUpdate.

    Args:
        node: Where its pods run.
        manifest: As it was rendered.
        replicas: Of the manifest, or the autoscaler's least.
    """

    node: Node
    manifest: Object
    replicas: int
    pods: list[Pod] = field(default_factory=list)

    @property
    def name(self) -> str:
        return str(self.manifest["metadata"]["name"])

    def scale_up(self) -> None:
        """Start what is missing; not waiting for it."""
        while len(self.pods) < self.replicas:
            self.pods.append(self._new_pod())

    def restart(self) -> list[Pod]:
        """What `kubectl rollout restart` does; the pods that were there before, some of which may still be leaving."""
        before, self.pods = self.pods, []
        serving = list(before)
        while serving:
            # maxUnavailable 0 and maxSurge 1, which `_check_strategy` has seen: one more is ready before one goes.
            self.pods.append(self._new_pod())
            self.node.wait_until(self._newest_is_available, f"{self.name} rolls out", self.pods[-1])
            serving.pop(0).delete()
        return before

    def _newest_is_available(self) -> bool:
        newest = self.pods[-1]
        least = self.manifest["spec"].get("minReadySeconds", 0) / self.node.pace
        return newest.is_ready and time.monotonic() - newest.ready_since >= least

    def _new_pod(self) -> Pod:
        self._check_strategy()
        name = f"{self.name}-{secrets.token_hex(3)}"
        return self.node.create_pod(name, namespace_of(self.manifest), self.manifest["spec"]["template"])

    def _check_strategy(self) -> None:
        rolling = self.manifest["spec"].get("strategy", {}).get("rollingUpdate", {})
        surge, unavailable = (
            _of(rolling.get(key, "25%"), self.replicas, rounding)
            for key, rounding in (("maxSurge", math.ceil), ("maxUnavailable", math.floor))
        )
        if (surge, unavailable) != (1, 0):
            raise NotRunnable(f"{self.name} rolls out with maxSurge {surge} and maxUnavailable {unavailable}")


@dataclass
class StatefulSet:
    """A StatefulSet of one pod, whose name and claims stay when it is replaced."""

    node: Node
    manifest: Object
    pods: list[Pod] = field(default_factory=list)

    @property
    def name(self) -> str:
        return str(self.manifest["metadata"]["name"])

    def scale_up(self) -> None:
        """Start its pod; not waiting for it."""
        if self.manifest["spec"].get("replicas", 1) != 1:
            raise NotRunnable(f"{self.name} has several replicas")
        name, template = f"{self.name}-0", self.manifest["spec"]["template"]
        claims = [each["metadata"]["name"] for each in self.manifest["spec"].get("volumeClaimTemplates", [])]
        claimed = [{"name": each, "persistentVolumeClaim": {"claimName": f"{each}-{name}"}} for each in claims]
        spec = {**template["spec"], "volumes": [*template["spec"].get("volumes", []), *claimed]}
        self.pods = [self.node.create_pod(name, namespace_of(self.manifest), {**template, "spec": spec})]

    def stop(self) -> Pod:
        """Delete its pod and wait until it has ended; nothing replaces it before `scale_up`."""
        (pod,) = self.pods
        pod.delete()
        self.node.wait_until(lambda: pod.has_ended, f"{pod.name} ends", pod)
        return pod

    def restart(self) -> Sequence[Pod]:
        """What `kubectl rollout restart` does, to the end."""
        before = self.stop()
        self.scale_up()
        self.node.wait_until(lambda: self.pods[0].is_ready, f"{self.name} is back", *self.pods)
        return [before]


def _of(amount: int | str, replicas: int, rounding: Callable[[float], int]) -> int:
    return amount if isinstance(amount, int) else rounding(replicas * int(amount.removesuffix("%")) / 100)
