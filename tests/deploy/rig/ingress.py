"""Ingresses as the configuration of an nginx: what a controller makes of them, without annotations of its own."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.deploy.rig.manifests import NotRunnable, Object, namespace_of
from tests.deploy.rig.services import Place


@dataclass(frozen=True)
class IngressRoutes:
    """The routes of all Ingresses.

    Args:
        ingresses: As they were rendered.
        place_of: The address and the port of a Service's port, by namespace, name, and the port's name or number.
        certificates: The directory with NAMESPACE.SECRET.crt and .key.
    """

    ingresses: Sequence[Object]
    place_of: Callable[[str, str, str | int], Place]
    certificates: str

    def nginx_conf(self) -> str:
        """The whole file. Every request takes a new connection, to whichever endpoint; none is tried twice."""
        hosts = sorted({str(rule["host"]) for ingress in self.ingresses for rule in ingress["spec"]["rules"]})
        servers = "\n".join(line for host in hosts for line in self._server(host))
        return _NGINX.replace("CERTIFICATES", self.certificates).replace("SERVERS", servers)

    def _server(self, host: str) -> Iterator[str]:
        secret = self._secret(host)
        locations = [line for ingress in self.ingresses for line in self._locations(ingress, host)]
        if secret is None:
            yield f"server {{ listen 80; server_name {host};"
        else:
            yield f"server {{ listen 80; server_name {host}; return 308 https://$host$request_uri; }}"
            yield f"server {{ listen 443 ssl; server_name {host};"
            yield f"  ssl_certificate {self.certificates}/{secret}.crt;"
            yield f"  ssl_certificate_key {self.certificates}/{secret}.key;"
        yield from locations
        yield "}"

    def _secret(self, host: str) -> str | None:
        for ingress in self.ingresses:
            for tls in ingress["spec"].get("tls", []):
                if host in tls["hosts"]:
                    return f"{namespace_of(ingress)}.{tls['secretName']}"
        return None

    def _locations(self, ingress: Object, host: str) -> Iterator[str]:
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"] if rule["host"] == host else []:
                service = path["backend"]["service"]
                (port,) = service["port"].values()
                address, number = self.place_of(namespace_of(ingress), service["name"], port)
                for matched in _matches(path):
                    yield f"  location {matched} {{ proxy_pass http://{address}:{number}; }}"


def _matches(path: Object) -> tuple[str, ...]:
    """`Prefix` compares element by element: /login is /login and what is below it, and /loginx is another path."""
    route = path["path"]
    match path["pathType"]:
        case "Exact":
            return (f"= {route}",)
        case "Prefix":
            return ("/",) if route == "/" else (f"= {route.rstrip('/')}", f"{route.rstrip('/')}/")
        case other:
            raise NotRunnable(f"the pathType {other}")


_NGINX = """
worker_processes 1;
pid /tmp/nginx.pid;
error_log /dev/stderr warn;
events { worker_connections 4096; }
http {
  client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
  log_format routed '$status $upstream_addr $request_method $uri';
  access_log /dev/stdout routed;
  proxy_http_version 1.1;
  proxy_next_upstream off;
  proxy_connect_timeout 5s;
  proxy_read_timeout 3600s;
  proxy_buffering off;
  proxy_request_buffering off;
  client_max_body_size 8m;
  proxy_set_header Host $http_host;
  proxy_set_header Connection "";
  proxy_set_header X-Request-ID $request_id;
  proxy_set_header X-Real-IP $remote_addr;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Host $http_host;
  proxy_set_header X-Forwarded-Proto $scheme;
  server {
    listen 80 default_server; listen 443 ssl default_server;
    ssl_certificate CERTIFICATES/default.crt; ssl_certificate_key CERTIFICATES/default.key;
    return 404;
  }
  SERVERS
}
"""
