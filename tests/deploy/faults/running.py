"""Mistakes in how things run: stopping, replicas, who talks to whom, images, Redis."""

from tests.deploy.faults.fault import REMOVED, Fault, Faults, Whole, with_one_more, without

_POD = "spec template spec"
_CONTAINER = f"{_POD} containers 0"
_AUTH, _GATEWAY, _REDIS = "Deployment auth-server", "Deployment mcp-gateway", "StatefulSet redis"
_SPREAD = f"{_POD} topologySpreadConstraints"
_SCALER = "HorizontalPodAutoscaler auth-server"

LIFECYCLE: Faults = [
    Fault("there is no liveness probe", "point_17_probes", _AUTH, f"{_CONTAINER} livenessProbe", REMOVED),
    Fault("liveness asks for Redis", "point_17_probes", _GATEWAY, f"{_CONTAINER} livenessProbe httpGet path",
          "/health/ready"),
    Fault("a probe asks the public port", "point_17_probes", _GATEWAY, f"{_CONTAINER} readinessProbe httpGet port",
          "http"),
    Fault("there is no pause before SIGTERM", "point_18_stopping", _AUTH, f"{_CONTAINER} lifecycle", REMOVED),
    Fault("the grace is too short", "point_18_stopping", _GATEWAY, f"{_POD} terminationGracePeriodSeconds", 25),
    Fault("a rollout takes a pod away first", "point_19_rollout", _AUTH, "spec strategy rollingUpdate maxUnavailable",
          1),
    Fault("a rollout may hang for ever", "point_19_rollout", _GATEWAY, "spec progressDeadlineSeconds", REMOVED),
]  # fmt: skip

CAPACITY: Faults = [
    Fault("memory has no limit", "point_20_resources", _AUTH, f"{_CONTAINER} resources limits memory", REMOVED),
    Fault("a volume may fill the node", "point_20_resources", _GATEWAY, f"{_POD} volumes 2 emptyDir", {}),
    Fault("replicas are said twice", "point_21_replicas", _AUTH, "spec replicas", 3, "production"),
    Fault("a process is told another number", "point_21_replicas", _AUTH, "spec replicas", 3),
    Fault("the autoscaler leaves one", "point_21_autoscalers", _SCALER, "spec maxReplicas", 1, "production"),
    Fault("the autoscaler takes pods at once", "point_21_autoscalers", _SCALER, "spec behavior scaleDown", REMOVED,
          "production"),
    Fault("no pod may be drained", "point_22_disruptions", "PodDisruptionBudget auth-server", "spec maxUnavailable", 0),
    Fault("a broken pod keeps its node", "point_22_disruptions", "PodDisruptionBudget mcp-gateway",
          "spec unhealthyPodEvictionPolicy", REMOVED),
    Whole("there is no budget", "point_22_disruptions", without("PodDisruptionBudget", "mcp-gateway")),
    Fault("replicas share a host", "point_23_spread", _AUTH, f"{_SPREAD} 0 whenUnsatisfiable", "ScheduleAnyway",
          "production"),
    Fault("replicas share a zone", "point_23_spread", _AUTH, f"{_SPREAD} 1", REMOVED),
    Fault("other pods are counted", "point_23_spread", _GATEWAY, f"{_SPREAD} 0 labelSelector matchLabels",
          {"app.kubernetes.io/part-of": "authproxy"}),
    Fault("the old release is counted", "point_23_spread", _GATEWAY, f"{_SPREAD} 0 matchLabelKeys", REMOVED),
]  # fmt: skip

_TO_INTERNET = "NetworkPolicy services-to-internet"
_STRANGER = {"matchLabels": {"app.kubernetes.io/name": "auth-srever"}}

TRAFFIC: Faults = [
    Fault("what is not named is let out", "point_24_conversations", "NetworkPolicy default-deny", "spec policyTypes",
          ["Ingress"]),
    Whole("a policy selects nobody", "point_24_policies_select",
          with_one_more("NetworkPolicy", "more", spec={"podSelector": _STRANGER, "policyTypes": ["Egress"]})),
    Fault("a policy lets in who is not there", "point_24_policies_select", "NetworkPolicy redis", "spec ingress 0 from",
          lambda peers: [*peers, {"podSelector": _STRANGER}]),
    Fault("a policy forgets the gateway", "point_24_conversations", "NetworkPolicy redis", "spec ingress 0 from 1",
          REMOVED),
    Fault("everybody reaches Redis", "point_24_conversations", "NetworkPolicy redis", "spec ingress 0 from", REMOVED),
    Fault("metadata can be read", "point_24_conversations", _TO_INTERNET, "spec egress 0 to 0 ipBlock except 4",
          REMOVED),
    Fault("private networks can be reached", "point_24_conversations", _TO_INTERNET,
          "spec egress 0 to 0 ipBlock except", REMOVED),
    Fault("the internet can be reached at any port", "point_24_conversations", _TO_INTERNET, "spec egress 0 ports",
          REMOVED),
    Fault("the ingress controller is elsewhere", "point_24_conversations",
          "NetworkPolicy ingress-controller-to-auth-server",
          "spec ingress 0 from 0 namespaceSelector matchLabels", {"kubernetes.io/metadata.name": "ingress"}),
    Fault("Prometheus asks the public port", "point_24_conversations", "NetworkPolicy monitoring-to-mcp-gateway",
          "spec ingress 0 ports 0 port", 8090),
    Whole("names cannot be resolved", "point_24_conversations", without("NetworkPolicy", "services-to-dns")),
    Fault("the managed Redis is elsewhere", "point_24_conversations", "NetworkPolicy services-to-redis",
          "spec egress 0 to 0 ipBlock cidr", "10.20.31.0/24", "production"),
]  # fmt: skip

CUSTOM: Faults = [
    Fault("a field of an ExternalSecret is mistyped", "point_03_custom_resources", "ExternalSecret redis-acl",
          "spec target", {"name": "redis-acl", "creationPolcy": "Owner"}),
    Fault("a field of a rule is mistyped", "point_03_custom_resources", "PrometheusRule authproxy",
          "spec groups 0 rules 2", {"alert": "A", "expr": "up", "fore": "5m"}, "production"),
    Fault("a field of a monitor is mistyped", "point_03_custom_resources", "PodMonitor authproxy",
          "spec podMetricsEndpoints 0", {"port": "management", "metricsPath": "/metrics"}, "production"),
    Fault("a field of a route is mistyped", "point_03_custom_resources", "HTTPRoute mcp-gateway",
          "spec rules 0 timeouts", {"requests": "0s"}, "production-gateway-api"),
    Fault("an old version is used", "point_03_custom_resources", "ExternalSecret redis-acl", "apiVersion",
          "external-secrets.io/v1beta1"),
]  # fmt: skip

IMAGES: Faults = [
    Fault("an image is whatever is newest", "point_25_images", _AUTH, f"{_CONTAINER} image", "auth-server:latest"),
    Fault("an image has no tag", "point_25_images", _REDIS, f"{_CONTAINER} image", "valkey/valkey"),
    Fault("production runs a tag", "point_25_images", _GATEWAY, f"{_CONTAINER} image", "mcp-gateway:0.1.0",
          "production"),
    Fault("Redis evicts what it must not", "point_26_redis", "ConfigMap redis-config", "data redis.conf",
          lambda text: text.replace("noeviction", "allkeys-lru")),
    Fault("Redis keeps no journal", "point_26_redis", "ConfigMap redis-config", "data redis.conf",
          lambda text: text.replace("appendonly yes", "appendonly no")),
    Fault("Redis takes more than there is", "point_26_redis", "ConfigMap redis-config", "data redis.conf",
          lambda text: text.replace("307mb", "500mb")),
    Fault("a probe reads the keys", "point_26_redis", _REDIS, f"{_CONTAINER} livenessProbe exec command",
          ["valkey-cli", "-e", "dbsize"]),
]  # fmt: skip
