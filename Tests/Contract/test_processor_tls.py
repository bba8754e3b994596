"""TLS to processors: whose certificate is taken, and which files a namespace may name."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from support.certificates import replace
from support.client import DEADLINE, fails
from support.processor import ScriptedProcessor
from support.secured import Secured
from support.server import Server, fastest_folder, progressor, scratch_directory
from support.stubs import namespaces_pb2


@pytest.fixture(scope="module")
def secured(new_data: Path) -> Iterator[Secured]:
    server = Server(directory=scratch_directory(fastest_folder()), template=new_data)
    secured = Secured(server)
    server.start()
    yield secured
    secured.close_clients()
    server.close()


@pytest.fixture
def secure_processor(secured: Secured) -> Iterator[ScriptedProcessor]:
    """Demands certificates."""
    pair = (secured.shown.key.read_bytes(), secured.shown.pem)
    processor = ScriptedProcessor(credentials=grpc.ssl_server_credentials(
        [pair], root_certificates=secured.authority.pem, require_client_auth=True))
    for name, contents in (("client.pem", secured.admin.pem),
                           ("client.key", secured.admin.key.read_bytes())):
        replace(secured.processors / name, contents)
    yield processor
    processor.stop()


def processor_tls(secured: Secured, **fields) -> namespaces_pb2.ProcessorTls:
    folder = secured.processors
    return namespaces_pb2.ProcessorTls(**{
        "ca_file": str(folder / "ca.pem"), "certificate_file": str(folder / "client.pem"),
        "key_file": str(folder / "client.key"), **fields})


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_processor_is_asked_by_tls(secured, secure_processor, host):
    tls = processor_tls(secured)
    space = secured.space(f"by-{host}", secure_processor,
                          f"{host}:{secure_processor.port}", tls)
    space.start("m")
    assert space.call("m", b"x") == b"x"
    stored = space.client.namespaces.Get(
        namespaces_pb2.GetNamespaceRequest(name=space.name), timeout=DEADLINE).namespace
    assert stored.processor.tls == tls
    assert stored.processor.endpoint == f"{host}:{secure_processor.port}"


@pytest.mark.parametrize(("fields", "problem"), [
    ({"server_name": "other.example"}, "has not the DNS name other.example"),
    ({"ca_file": ""}, "certificate verify failed"),
    ({"ca_file": "missing.pem"}, "missing.pem: is not there"),
    ({"ca_file": "link.pem"}, "leads out of processor_tls_directory"),
    ({"key_file": "open.key"}, "may be read by others than its owner"),
])
def test_a_processor_without_trust_or_files_is_one_that_is_away(
        secured, secure_processor, fields, problem):
    """It costs no machine, and goes on when it is mended."""
    name = f"away-{problem[:20].replace(' ', '-').replace('.', '-')}"
    link = secured.processors / "link.pem"
    if not link.is_symlink():
        link.symlink_to(secured.authority.file)
    replace(secured.processors / "open.key", secured.admin.key.read_bytes())
    (secured.processors / "open.key").chmod(0o640 if os.geteuid() else 0o644)
    paths = {key: value if key == "server_name" or not value else str(secured.processors / value)
             for key, value in fields.items()}
    space = secured.space(name, secure_processor, f"localhost:{secure_processor.port}",
                          processor_tls(secured, **paths))
    with fails("UNAVAILABLE", "PROCESSOR_UNAVAILABLE") as failure:
        space.start("m", timeout=4)
    assert problem in failure[0].message
    current = space.client.namespaces.Get(
        namespaces_pb2.GetNamespaceRequest(name=name), timeout=DEADLINE).namespace
    current.processor.tls.CopyFrom(processor_tls(secured))
    space.client.namespaces.Update(
        namespaces_pb2.UpdateNamespaceRequest(namespace=current), timeout=DEADLINE)
    space.start("m")


def test_files_are_named_below_the_folder_only(secured, processor, client):
    for path in ("/etc/passwd", f"{secured.processors}/../server.key", "ca.pem",
                 str(secured.processors), f"{secured.processors}x/ca.pem"):
        with fails("INVALID_ARGUMENT") as failure:
            secured.space("outside", processor, tls=namespaces_pb2.ProcessorTls(ca_file=path))
        assert "processor.tls.ca_file" in failure[0].message
    # A server that has no such folder.
    with fails("INVALID_ARGUMENT") as failure:
        client.namespaces.Create(namespaces_pb2.CreateNamespaceRequest(
            namespace=namespaces_pb2.Namespace(
                name="outside", processor=namespaces_pb2.ProcessorOptions(
                    endpoint="localhost:1", tls=namespaces_pb2.ProcessorTls(ca_file="/a")))),
            timeout=DEADLINE)
    assert "processor.tls.ca_file" in failure[0].message


def test_the_command_line_sets_and_shows_the_tls_of_a_processor(server):
    asked = ["--server", server.address]
    made = progressor("namespace", "create", "tls-shown", "localhost:1", "--processor-tls",
                      "--processor-tls-server-name", "p.example", "--json", *asked)
    assert json.loads(made.stdout)["processor"]["tls"]["serverName"] == "p.example"
    shown = progressor("namespace", "get", "tls-shown", *asked)
    assert "trusts the system's authorities, name p.example" in shown.stdout
    reset = progressor(
        "namespace", "update", "tls-shown", "--reset", "processor-tls", "--json", *asked)
    assert "tls" not in json.loads(reset.stdout)["processor"]
