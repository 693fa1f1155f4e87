"""Mistakes in what is seen from outside: settings, host names, routes."""

from tests.deploy.faults.fault import REMOVED, Fault, Faults, Whole, with_one_more, without_hash

_INGRESS = "Ingress auth-server"

SETTINGS: Faults = [
    Whole("a ConfigMap has no hash", "point_09_config_maps", without_hash("redis-config")),
    Whole("a ConfigMap is of no use", "point_09_config_maps", with_one_more("ConfigMap", "spare-0123456789", data={})),
    Fault("an Ingress has another host", "point_10_one_host", "Ingress mcp-gateway", "spec",
          lambda spec: {"rules": [{**spec["rules"][0], "host": "mcp.example.org"}],
                        "tls": [{**spec["tls"][0], "hosts": ["mcp.example.org"]}]}),
    Fault("TLS has another host", "point_10_one_host", "Ingress mcp-gateway", "spec tls 0 hosts",
          ["mcp.staging.example.com", "mcp.example.org"]),
    Fault("a route has another host", "point_10_one_host", "HTTPRoute auth-server", "spec hostnames 0",
          "mcp.example.org",
          "production-gateway-api"),
    Fault("a public URL is another", "point_10_one_url", "ConfigMap mcp-gateway-env", "data MCP_EXTERNAL_BASE_URL",
          "https://mcp.example.org"),
    Fault("a redirect URI is elsewhere", "point_10_one_url", "ConfigMap auth-server-env", "data AZURE_REDIRECT_URI",
          "https://mcp.staging.example.com.evil.example/callback"),
    Fault("a value did not arrive", "point_10_nothing_left_over", "ExternalSecret redis-acl",
          "spec secretStoreRef name",
          "installation.invalid"),
]  # fmt: skip

ROUTES: Faults = [
    Fault("a path is lost", "point_11_table", _INGRESS, "spec rules 0 http paths 2", REMOVED),
    Fault("a path leads to the other service", "point_11_table", "HTTPRoute auth-server",
          "spec rules 0 matches 1 path value", "/signin", "production-gateway-api"),
    Fault("a path is exact", "point_11_table", _INGRESS, "spec rules 0 http paths 0 pathType", "Exact"),
    Fault("a controller is named", "point_12_no_controller", _INGRESS, "spec ingressClassName", "nginx"),
    Fault("a controller is annotated", "point_12_no_controller", _INGRESS, "metadata annotations",
          {"nginx.ingress.kubernetes.io/proxy-buffering": "off"}),
    Fault("there is no TLS", "point_12_tls", _INGRESS, "spec tls 0 secretName", REMOVED),
    Fault("a route is at every listener", "point_12_tls", "HTTPRoute mcp-gateway", "spec parentRefs 0 sectionName",
          REMOVED, "production-gateway-api"),
    Fault("metrics are public", "point_13_metrics_inside", "ConfigMap mcp-gateway-env", "data MCP_PUBLIC_METRICS",
          "true"),
    Fault("a Service leads to the metrics", "point_13_metrics_inside", "Service auth-server", "spec ports",
          lambda ports: [*ports, {"name": "metrics", "port": 9464, "targetPort": "management"}]),
]  # fmt: skip
