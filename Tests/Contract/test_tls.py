"""TLS of listeners: who is let in, as whom, and what a change of the files does to them."""

import contextlib
import json
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2
from support.certificates import Authority, credentials, replace
from support.client import DEADLINE, Client, Space, fails
from support.secured import Secured, der
from support.server import Server, fastest_folder, progressor, scratch_directory
from support.stubs import namespaces_pb2
from support.waiting import eventually

BUF = Path(sys.executable).with_name("buf")


@pytest.fixture(scope="module")
def shared(new_data: Path) -> Iterator[Secured]:
    server = Server(directory=scratch_directory(fastest_folder()), template=new_data)
    secured = Secured(server)
    server.start()
    yield secured
    secured.close_clients()
    server.close()


@pytest.fixture
def secured(shared: Secured) -> Iterator[Secured]:
    """The shared server; its files are as they were, before the next test."""
    yield shared
    shared.close_clients()
    if shared.presented() != der(shared.shown) or shared.folder.joinpath(
            "ca.pem").read_bytes() != shared.authority.pem:
        shared.restore()
        shared.server.send_signal(signal.SIGHUP)
        eventually(lambda: shared.presented() == der(shared.shown), "the files are restored")


def listed(client: Client) -> list[str]:
    reply = client.namespaces.List(namespaces_pb2.ListNamespacesRequest(), timeout=DEADLINE)
    return [namespace.name for namespace in reply.namespaces]


# Who is let in, and as whom


def test_a_certificate_names_its_client(secured, processor):
    """By a URI before a DNS name before the common name, of several by the first."""
    space = secured.space("named", processor)
    for name, alternative_names in (("dns", ["DNS:worker.example", "DNS:nobody.example"]),
                                    ("common", [])):
        shown = secured.authority.sign(name, *alternative_names, subject="/O=Test/CN=person")
        for listener in ("required", "optional"):
            client = secured.client(listener, shown, host="127.0.0.1")
            space.on(client).start(f"{name}-{listener}")
            with fails("PERMISSION_DENIED", "NOT_ALLOWED"):
                space.on(client).remove(f"{name}-{listener}")


@pytest.mark.parametrize("names", [
    ["URI:anonymous"], ["URI:uid:0"], ["DNS:" + ".".join(["a" * 60] * 5)], []])
def test_a_name_that_no_principal_may_have_is_bad_credentials(secured, names):
    shown = secured.authority.sign("unfit", *names)
    for listener in ("required", "optional"):
        with fails("UNAUTHENTICATED"):
            client = secured.client(listener, shown)
            Space(client, None, "any").get("m")


def test_without_a_certificate_a_client_is_anonymous_where_none_is_demanded(secured, processor):
    space = secured.space("public", processor)
    space.start("m")
    for listener in ("tls", "optional"):
        anonymous = space.on(secured.client(listener))
        assert anonymous.status("m") == "working"
        with fails("UNAUTHENTICATED"):
            anonymous.call("m")


def test_no_strange_and_no_expired_certificate_is_let_in(secured):
    stranger = secured.stranger.sign("foreign", "URI:spiffe://test/admin")
    expired = secured.authority.sign(
        "expired", "URI:spiffe://test/admin", dates=("200101000000Z", "200201000000Z"))
    for shown in (None, stranger, expired):
        with fails("UNAVAILABLE"):
            listed(secured.client("required", shown))
    for shown in (stranger, expired):
        with fails("UNAVAILABLE"):
            secured.client("optional", shown).health.Check(
                health_pb2.HealthCheckRequest(), timeout=DEADLINE)
    assert secured.client("required", secured.admin).serving()


def test_a_listener_has_the_services_that_it_is_to_have(secured):
    with fails("UNIMPLEMENTED"):
        listed(secured.client("optional", secured.admin))
    assert secured.client("optional").serving()
    listed(secured.client("required", secured.admin))


# What is no TLS, or not the TLS that is demanded


def ended(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except OSError:
        return True


@pytest.mark.parametrize("alpn", [(), ("http/1.1",), ("h3", "spdy/3")])
def test_a_client_that_does_not_offer_http2_is_refused(secured, alpn):
    with contextlib.suppress(OSError), secured.connect("tls", alpn) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
        assert ended(connection)
    assert secured.client("tls").serving()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_tls_1_1_is_refused(secured):
    def old(context: ssl.SSLContext) -> None:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1

    with pytest.raises((ssl.SSLError, ConnectionError)):
        secured.connect("tls", change=old)
    with secured.connect("tls") as connection:
        assert connection.version() in ("TLSv1.2", "TLSv1.3")
        assert connection.selected_alpn_protocol() == "h2"


def test_plain_http_on_a_tls_port_is_closed(secured):
    failed = secured.metric("progressor_tls_handshakes_failed_total")
    plain = Client(f"127.0.0.1:{secured.ports['tls']}")
    with fails("UNAVAILABLE"):
        listed(plain)
    plain.close()
    with socket.create_connection(("127.0.0.1", secured.ports["tls"]), timeout=20) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert all(not byte.isalpha() for byte in iter(lambda: connection.recv(1).decode("latin1"),
                                                       ""))
    assert secured.metric("progressor_tls_handshakes_failed_total") >= failed + 2
    assert secured.client("tls").serving()
    secured.server.says("a handshake failed")


def test_handshakes_that_stop_half_way_keep_nobody_out(secured):
    """More of one address than it may have connections; each has begun to speak."""
    hello = bytes([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3])
    half_way = []
    try:
        for number in range(400):
            connection = socket.create_connection(("127.0.0.1", secured.ports["tls"]), timeout=20)
            connection.sendall(hello[:number % len(hello) + 1])
            half_way.append(connection)
            if number % 20 == 0:
                assert secured.client("tls").serving()
        assert secured.metric("progressor_tls_handshakes") <= 100
        assert secured.metric("progressor_tls_handshakes_dropped_total") >= 200
    finally:
        for connection in half_way:
            connection.close()


# Files that change


def test_a_renewed_certificate_is_shown_to_new_clients_and_drops_nobody(secured, processor):
    space = secured.space("renewed", processor)
    states = []
    space.client.channel.subscribe(states.append)
    space.start("m")
    renewed = secured.authority.sign("renewed", "DNS:localhost", "IP:127.0.0.1")
    renewed.put(secured.certificate, secured.key)
    eventually(lambda: secured.presented() == der(renewed), "the new one is shown", timeout=10)
    assert space.call("m", b"x") == b"x"
    assert states.count(grpc.ChannelConnectivity.READY) <= 1
    assert states[-1] == grpc.ChannelConnectivity.READY


def test_what_cannot_be_used_leaves_what_was(secured):
    name = "progressor_tls_listeners_with_unusable_files"
    assert secured.metric(name) == 0
    for contents, problem in ((b"garbage", "has no private key in PEM"),
                              (secured.admin.key.read_bytes(), "is not the key of")):
        replace(secured.key, contents)
        eventually(lambda: secured.metric(name) == 3, "the metric says so", timeout=10)
        eventually(lambda: problem in secured.server.log.read_text(), problem)
        assert secured.client("tls").serving()
    replace(secured.key, secured.shown.key.read_bytes())
    eventually(lambda: secured.metric(name) == 0, "the metric says so", timeout=10)
    secured.key.chmod(0o644)
    eventually(lambda: secured.metric(name) == 3, "a key that others may read", timeout=10)
    secured.server.says("may be read by others than its owner")
    assert secured.client("tls").serving()
    secured.key.chmod(0o600)
    eventually(lambda: secured.metric(name) == 0, "the metric says so", timeout=10)


def test_who_is_trusted_no_more_loses_the_connection(secured):
    admin = secured.client("required", secured.admin)
    listed(admin)
    replace(secured.folder / "ca.pem", secured.stranger.pem)

    def is_out() -> bool:
        try:
            listed(admin)
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.UNAVAILABLE
            return True
        return False

    eventually(is_out, "the client is out", timeout=15)
    assert secured.client("tls").serving()
    secured.restore()
    eventually(lambda: not is_out(), "it is let in again", timeout=15)


# Clients of the command line


def test_buf_curl_and_the_command_line_show_certificates(secured):
    port = secured.ports["required"]
    shown = ["--cert", str(secured.admin.certificate), "--key", str(secured.admin.key)]
    result = subprocess.run(
        [str(BUF), "curl", "--protocol", "grpc", "--cacert", str(secured.authority.file), *shown,
         "--data", "{}", f"https://localhost:{port}/progressor.v1.Namespaces/List"],
        capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert "namespaces" in json.loads(result.stdout) or json.loads(result.stdout) == {}
    asked = ["namespace", "list", "--server", f"localhost:{port}", "--timeout", "10s"]
    flags = ["--tls-ca", str(secured.authority.file), "--tls-certificate",
             str(secured.admin.certificate), "--tls-key", str(secured.admin.key)]
    assert progressor(*asked, *flags).returncode == 0
    variables = {f"PROGRESSOR_CLIENT_TLS_{name}": value for name, value in zip(
        ("CA", "CERTIFICATE", "KEY"), flags[1::2], strict=True)}
    assert progressor(*asked, environment=variables).returncode == 0
    for arguments in ([], ["--tls"], flags[:2], [*flags, "--tls-server-name", "other.example"]):
        result = progressor(*asked, *arguments)
        assert result.returncode == 69, result.stderr
    assert "certificate" in result.stderr


def test_the_command_line_says_in_words_why_there_is_no_tls(secured):
    ours = ["--tls-ca", str(secured.authority.file)]
    for port, arguments, problem, advice in [
        ("required", ours, "the peer demands a certificate", "--tls-certificate and --tls-key"),
        ("tls", ["--tls-ca", str(secured.stranger.file)], "certificate verify failed",
         "Name who signed the server's certificate with --tls-ca"),
        ("tls", [*ours, "--tls-server-name", "other.example"], "other.example",
         "--tls-server-name"),
    ]:
        result = progressor("namespace", "list", "--server",
                            f"localhost:{secured.ports[port]}", "--timeout", "10s", *arguments)
        assert result.returncode == 69, result.stderr
        said, advised = result.stderr.splitlines()
        assert problem in said and advice in advised, result.stderr
        assert "Is a server running" not in result.stderr
        assert ".cc" not in result.stderr and "BoringSSL" not in result.stderr
    plain = progressor("namespace", "list", "--server", secured.server.address, "--tls")
    assert plain.returncode == 69 and "Is a server running" not in plain.stderr, plain.stderr


# What everybody could reach


@pytest.mark.parametrize(("arguments", "named"), [
    (["--listen", "0.0.0.0:0"], "listen"), (["--listen", "[::]:0"], "listen"),
    (["--listen", "127.0.0.1:0", "--listen", "0:0"], "listen"),
    (["--metrics-listen", "0.0.0.0:0", "--listen", "localhost:0"], "metrics_listen"),
])
def test_nothing_is_open_to_everybody_unless_that_is_meant(arguments, named):
    result = progressor("serve", *arguments, "--data-dir", "/nonexistent/x")
    assert result.returncode == 78, result.stderr
    assert "--insecure" in result.stderr
    assert named in result.stderr
    # It goes on, to the next thing that is wrong.
    result = progressor("serve", *arguments, "--insecure", "--data-dir", "/dev/null/x")
    assert result.returncode != 78, result.stderr


def test_flags_are_for_tcp_and_need_each_other(servers):
    secured = servers()
    authority = Authority(secured.directory / "tls", "authority")
    shown = authority.sign("server", "DNS:localhost")
    for arguments in (["--tls-certificate", str(shown.certificate)], ["--tls-client-ca", "x"]):
        result = progressor("serve", *arguments)
        assert result.returncode == 78
        assert "--tls-" in result.stderr
    path = secured.directory / "s"
    secured.client = Client(f"unix:{path}")
    secured.arguments += [
        "--listen", f"unix:{path}", "--tls-certificate", str(shown.certificate), "--tls-key",
        str(shown.key)]
    shown.key.chmod(0o644)
    result = progressor(*secured.arguments)
    assert result.returncode == 78
    assert f"chmod 600 {shown.key}" in result.stderr
    shown.key.chmod(0o600)
    secured.start()
    client = Client(f"localhost:{secured.port}", credentials(authority))
    assert client.serving()
    client.close()
