"""Mistakes in what refers to what, who a pod is, and where its secrets are."""

from tests.deploy.faults.fault import REMOVED, Fault, Faults, Whole, with_one_more

_POD = "spec template spec"
_CONTAINER = f"{_POD} containers 0"
_AUTH, _GATEWAY, _REDIS = "Deployment auth-server", "Deployment mcp-gateway", "StatefulSet redis"
_SERVER = {"app.kubernetes.io/name": "auth-srever"}
_SECRET_VOLUME = f"{_POD} volumes 1 secret"

REFERENCES: Faults = [
    Fault("a Service selects nobody", "point_05_selectors", "Service auth-server", "spec selector", _SERVER),
    Fault("a Deployment does not select its pods", "point_05_selectors", _AUTH, "spec selector matchLabels", _SERVER),
    Fault("a probe asks a port that is not there", "point_05_ports_of_a_pod", _REDIS, f"{_CONTAINER} livenessProbe",
          {"tcpSocket": {"port": "rediss"}}),
    Fault("a Service leads to a port that is not there", "point_05_ports", "Service mcp-gateway",
          "spec ports 0 targetPort", "htpp"),
    Fault("two ports have one name", "point_05_ports_of_a_pod", _REDIS, f"{_CONTAINER} ports",
          [{"name": "redis", "containerPort": 6379}, {"name": "redis", "containerPort": 6380}]),
    Fault("monitoring asks a port that is not there", "point_05_ports", "PodMonitor authproxy",
          "spec podMetricsEndpoints 0 port", "metrics", "production"),
    Fault("an Ingress leads to a port that is not there", "point_05_backends", "Ingress mcp-gateway",
          "spec rules 0 http paths 0 backend service port name", "https"),
    Fault("a route leads to a port that is not there", "point_05_backends", "HTTPRoute mcp-gateway",
          "spec rules 0 backendRefs 0 port", 8091, "production-gateway-api"),
    Fault("a ConfigMap's name is mistyped", "point_05_mounts", _GATEWAY, f"{_CONTAINER} envFrom",
          lambda sources: [*sources, {"configMapRef": {"name": "mcp-gateway-evn"}}]),
    Fault("a volume is not mounted", "point_05_mounts", _AUTH, f"{_CONTAINER} volumeMounts 2", REMOVED),
    Fault("a ServiceAccount is not there", "point_05_accounts_and_targets", _AUTH, f"{_POD} serviceAccountName",
          "auth"),
    Fault("an autoscaler scales nothing", "point_05_accounts_and_targets", "HorizontalPodAutoscaler auth-server",
          "spec scaleTargetRef name", "auth", "production"),
    Fault("a quantity is none", "point_05_quantities", _AUTH, f"{_CONTAINER} resources limits memory", "1x"),
    Fault("a request is above its limit", "point_05_quantities", _AUTH, f"{_CONTAINER} resources requests memory",
          "1Gi"),
]  # fmt: skip

IDENTITY: Faults = [
    Fault("an object is in another namespace", "point_06_one_namespace", "Service redis", "metadata namespace",
          "default"),
    Fault("the namespace enforces nothing", "point_06_one_namespace", "Namespace authproxy",
          "metadata labels pod-security.kubernetes.io/enforce", REMOVED),
    Fault("a pod may be root", "point_14_restricted", _AUTH, f"{_POD} securityContext runAsNonRoot", REMOVED),
    Fault("a pod is a user of the host", "point_14_restricted", _AUTH, f"{_POD} securityContext runAsUser", 1000),
    Fault("a pod has every system call", "point_14_restricted", _AUTH, f"{_POD} securityContext seccompProfile",
          REMOVED),
    Fault("a root can be written", "point_14_restricted", _GATEWAY,
          f"{_CONTAINER} securityContext readOnlyRootFilesystem", REMOVED),
    Fault("privileges can be gained", "point_14_restricted", _GATEWAY,
          f"{_CONTAINER} securityContext allowPrivilegeEscalation", True),
    Fault("capabilities are kept", "point_14_restricted", _REDIS, f"{_CONTAINER} securityContext capabilities",
          {"drop": ["NET_RAW"]}),
    Fault("a volume is of the host", "point_14_nothing_of_the_host", _AUTH, f"{_POD} volumes 2",
          {"name": "tmp", "hostPath": {"path": "/tmp"}}),
    Fault("a pod is on the host's network", "point_14_nothing_of_the_host", _AUTH, f"{_POD} hostNetwork", True),
    Fault("a pod gets a token", "point_15_no_rights", _AUTH, f"{_POD} automountServiceAccountToken", REMOVED),
    Fault("an account gives tokens", "point_15_no_rights", "ServiceAccount redis", "automountServiceAccountToken",
          True),
    Fault("two share an account", "point_15_no_rights", _AUTH, f"{_POD} serviceAccountName", "mcp-gateway"),
    Whole("somebody gets rights", "point_15_no_rights", with_one_more("Role", "reader", rules=[])),
    Fault("Services are variables", "point_16_no_service_links", _AUTH, f"{_POD} enableServiceLinks", REMOVED),
]  # fmt: skip

SECRETS: Faults = [
    Whole("a Secret is among the manifests", "point_07_no_secret_in_manifests", with_one_more("Secret", "spare")),
    Fault("a key that is read is not made", "point_07_every_key_is_made", "ExternalSecret mcp-gateway",
          "spec data 2", REMOVED),
    Fault("a key's name is mistyped", "point_07_every_key_is_made", "ExternalSecret auth-server",
          "spec data 0 secretKey", "redis-url"),
    Fault("a variable comes from a Secret", "point_08_secrets_are_files", _AUTH, f"{_CONTAINER} env",
          [{"name": "LOG_LEVEL", "valueFrom": {"secretKeyRef": {"name": "auth-server", "key": "redis_url"}}}]),
    Fault("a secret is a variable", "point_08_secrets_are_files", "ConfigMap auth-server-env", "data",
          lambda data: {**data, "AZURE_CLIENT_SECRET": "hunter2"}),
    Fault("a password is an argument", "point_08_secrets_are_files", _REDIS, f"{_CONTAINER} command",
          lambda command: [*command, "redis://app:hunter2@redis"]),
    Fault("a key is in a ConfigMap", "point_08_no_secret_in_config_maps", "ConfigMap redis-config", "data redis.conf",
          lambda text: text + "# -----BEGIN PRIVATE KEY-----\n"),
    Fault("everybody reads the secrets", "point_08_mode", _AUTH, f"{_SECRET_VOLUME} defaultMode", 0o444),
    Fault("secrets can be written", "point_08_mode", _AUTH, f"{_CONTAINER} volumeMounts 1 readOnly", REMOVED),
]  # fmt: skip
