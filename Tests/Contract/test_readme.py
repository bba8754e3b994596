"""What README tells a new user to do."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from support.client import DEADLINE, Client
from support.processor import echo
from support.server import BINARY
from support.stubs import automaton_pb2, namespaces_pb2

ROOT = Path(__file__).parents[2]
FOLDER = "secured"


def lines_of(heading: str) -> list[str]:
    """The commands below a heading."""
    section = re.split(r"^##+ ", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
    text = next(part for part in section if part.startswith(heading))
    return [line.strip() for line in text.splitlines() if line.startswith("    ")]


def test_a_server_with_tls_and_tokens_by_the_lines_of_readme(servers, processor, tmp_path):
    make, serve, *asking = lines_of("With TLS and tokens")
    server = servers()
    credentials = f"{make.replace(FOLDER, str(tmp_path / FOLDER))} {server.port}"
    subprocess.run(shlex.split(credentials), cwd=ROOT, check=True, timeout=60)
    words = shlex.split(serve.removesuffix(" &"))
    server.arguments = [*words[1:3], str(tmp_path / words[3]), "--data-dir", str(server.data)]
    root = (tmp_path / FOLDER / "ca.pem").read_bytes()
    token = (tmp_path / FOLDER / "token").read_text().strip()
    secret = grpc.composite_channel_credentials(
        grpc.ssl_channel_credentials(root), grpc.access_token_call_credentials(token))
    server.client = Client(f"localhost:{server.port}", secret)
    server.start()
    path = f"{Path(sys.executable).parent}:{BINARY.parent}:{os.environ['PATH']}"
    script = "\n".join(asking).replace("7070", str(server.port))
    shown = subprocess.run(
        ["bash", "-euc", script], cwd=tmp_path, env={"PATH": path, "HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=120)
    assert shown.returncode == 0, shown.stderr
    assert "127.0.0.1:7071" in shown.stdout and "STATUS_FILTER_FAILED" in shown.stdout
    # And with generated stubs.
    processor.behave("greetings", echo)
    server.client.create_namespace("greetings", processor.endpoint)
    server.client.automaton.Start(
        automaton_pb2.StartRequest(namespace="greetings", id="m"), timeout=DEADLINE)
    stranger = Client(f"localhost:{server.port}", grpc.ssl_channel_credentials(root))
    with pytest.raises(grpc.RpcError) as refused:
        stranger.namespaces.List(namespaces_pb2.ListNamespacesRequest(), timeout=DEADLINE)
    assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
    stranger.close()
