"""nginx and HAProxy as they stand in front of servers and of processors: HTTP/2 without TLS on both
sides. The programs come from Debian, not installed (scripts/lib/debian.sh)."""

import os
import shutil
import socket
import subprocess

from .debian import libraries, unpacked
from .ports import free_port
from .server import scratch_directory
from .waiting import eventually

NGINX = """
daemon off;
worker_processes 1;
{user}
error_log stderr;
pid {folder}/pid;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream target {{
    server 127.0.0.1:{target};
    keepalive 8;
  }}
  server {{
    listen 127.0.0.1:{port} http2;
    # Messages have up to 16 MiB, calls as long as their deadline.
    client_max_body_size 32m;
    http2_max_concurrent_streams 512;
    grpc_read_timeout 1h;
    # The head of an answer: status, text and details of an error.
    grpc_buffer_size 64k;
    location / {{
      grpc_pass grpc://target;
      # Nothing is sent a second time: nginx does not know whether a call took effect.
      grpc_next_upstream off;
    }}
  }}
}}
"""

HAPROXY = """
global
  maxconn 4096
  tune.bufsize 65536
defaults
  mode http
  timeout connect 2s
  timeout client 1h
  timeout server 1h
  retries 0
frontend front
  bind 127.0.0.1:{port} proto h2
  default_backend target
backend target
  server target 127.0.0.1:{target} proto h2
"""

KINDS = ["nginx", "haproxy"]


class Front:
    """A proxy on a port of its own that hands what comes to `target`, a port of 127.0.0.1."""

    def __init__(self, kind: str, target: int):
        self.kind = kind
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.directory = scratch_directory()
        configuration = self.directory / "configuration"
        text = {"nginx": NGINX, "haproxy": HAPROXY}[kind]
        configuration.write_text(text.format(
            port=self.port, target=target, folder=self.directory,
            user="user root;" if os.geteuid() == 0 else ""))
        command = {
            "nginx": ["nginx", "-p", str(self.directory), "-c", str(configuration)],
            "haproxy": ["haproxy", "-db", "-f", str(configuration)],
        }[kind]
        self.log = self.directory / "log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [unpacked() / "usr/sbin" / command[0], *command[1:]],
                env={**os.environ, "LD_LIBRARY_PATH": str(libraries())},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        eventually(self._listens, f"{kind} listens")

    def _listens(self) -> bool:
        assert self._process.poll() is None, self.log.read_text(errors="replace")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)
        shutil.rmtree(self.directory, ignore_errors=True)

