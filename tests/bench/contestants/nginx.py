"""nginx: a plain proxy that asks nobody, and one that asks `auth_request`."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.accounting import with_children
from tests.bench.contestants import Contestant, Course, Running
from tests.bench.contestants.processes import pinned
from tests.support.servers import free_port

_CONFIG = """
worker_processes 1; daemon off; pid {directory}/nginx.pid; error_log {directory}/error.log;
worker_rlimit_nofile 20000;
events {{ worker_connections 8192; }}
http {{
  access_log off; client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
  keepalive_requests 100000000;
  upstream mcp {{ server {upstream}; keepalive 256; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      {auth}
      proxy_pass http://mcp; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
      proxy_read_timeout 3600;
    }}
    location = /auth {{ internal; proxy_pass http://mcp/auth; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_pass_request_body off; proxy_set_header Content-Length ""; }}
  }}
}}
"""


@contextmanager
def _started(course: Course, auth: str) -> Iterator[Running]:
    port = free_port()
    course.directory.mkdir(parents=True, exist_ok=True)
    file = course.directory / "nginx.conf"
    upstream = course.upstream.removeprefix("http://")
    file.write_text(_CONFIG.format(directory=course.directory, upstream=upstream, port=port, auth=auth))
    with pinned(["nginx", "-c", str(file)], course.core, port, course.directory / "nginx.log") as pid:
        yield Running(f"http://127.0.0.1:{port}", with_children(pid), lambda kind: {})


CONTESTANTS = [
    Contestant("nginx, no authentication", lambda course: _started(course, "")),
    Contestant("nginx, auth_request", lambda course: _started(course, "auth_request /auth;")),
]
