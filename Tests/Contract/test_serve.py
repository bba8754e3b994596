"""`progressor serve`: its options, and bad ones."""

import os
import socket
import subprocess
import threading

import pytest
from support.client import BACKWARD, Client, Space, fails, history
from support.processor import echo
from support.server import BINARY, clean_environment, free_port, progressor
from support.stubs import namespaces_pb2
from support.waiting import eventually


def refused(result, *words: str) -> None:
    """It ended with an error for people: short, with these words, and no stack trace."""
    assert result.returncode not in (0, None) and result.returncode > 0, result
    for word in words:
        assert word.lower() in result.stderr.lower(), result.stderr
    assert "Fatal error" not in result.stderr and "Backtrace" not in result.stderr
    assert len(result.stderr.splitlines()) < 30, result.stderr


def test_version_and_help():
    version = progressor("--version")
    assert version.returncode == 0 and version.stdout.strip()
    help = progressor("serve", "--help")
    assert help.returncode == 0
    for option in ("--listen", "--database-url", "--data-dir", "--config", "--namespace"):
        assert option in help.stdout


def test_an_unknown_flag():
    refused(progressor("serve", "--lisen", "127.0.0.1:1"), "--lisen")


@pytest.mark.parametrize("value", ["nonsense", "127.0.0.1", "127.0.0.1:99999", "127.0.0.1:x", ""])
def test_an_impossible_address_to_listen_on(tmp_path, value):
    refused(progressor("serve", "--listen", value, "--data-dir", str(tmp_path)), "listen")


@pytest.mark.parametrize("value", ["orders", "orders=", "=127.0.0.1:1", "orders=nonsense"])
def test_an_impossible_namespace(tmp_path, value):
    refused(progressor("serve", "--listen", f"127.0.0.1:{free_port()}", "--namespace", value,
                       "--data-dir", str(tmp_path)), "namespace")


@pytest.mark.parametrize("text", [
    "listen: [unclosed", "lisen:\n  - 127.0.0.1:1\n", "\0\1\2", "- just\n- a list\n",
    "namespaces:\n  - name: a\n    retry_policy: {max_attempts: many}\n",
])
def test_a_malformed_configuration(tmp_path, text):
    path = tmp_path / "progressor.yaml"
    path.write_text(text)
    refused(progressor("serve", "--config", str(path), "--data-dir", str(tmp_path / "data")),
            "progressor.yaml")


def test_a_missing_configuration(tmp_path):
    refused(progressor("serve", "--config", str(tmp_path / "none.yaml")), "none.yaml")


def test_a_malformed_environment_variable(tmp_path):
    refused(progressor("serve", "--data-dir", str(tmp_path),
                       environment={"PROGRESSOR_LISTEN": "nonsense"}), "listen")


def test_a_port_in_use(servers):
    server = servers()
    with socket.socket() as other:
        other.bind(("127.0.0.1", server.port))
        other.listen()
        server.start(wait=False)
        assert server.wait() > 0
    log = server.log_tail()
    assert str(server.port) in log and "in use" in log.lower(), log


@pytest.mark.parametrize("url", [
    "postgresql://someone:s3cret@127.0.0.1:{port}/none?connect_timeout=2",
    "postgresql://someone:s3cret@%2Fno%2Fsuch%2Ffolder/none",
])
def test_an_unreachable_database(url):
    result = progressor("serve", "--listen", f"127.0.0.1:{free_port()}", "--database-url",
                        url.format(port=free_port()), timeout=120,
                        environment={"PROGRESSOR_START_TIMEOUT": "2s"})
    refused(result, "database")
    assert "s3cret" not in result.stderr + result.stdout, "passwords are not printed"


def test_a_database_url_that_is_none():
    refused(progressor("serve", "--listen", f"127.0.0.1:{free_port()}", "--database-url",
                       "mysql://localhost/x"), "database")


def test_a_second_server_on_the_data_directory(servers):
    first = servers().start()
    second = servers(directory=first.directory)
    second.log = first.directory / "second.log"
    second.start(wait=False)
    assert second.wait() > 0
    log = second.log.read_text()
    assert str(first.data) in log and "use" in log.lower(), log
    assert first.client.serving(), "the first is not disturbed"


def test_a_damaged_data_directory(servers, spaces):
    server = servers().start()
    server.terminate()
    (control,) = server.data.rglob("pg_control")
    saved = control.read_bytes()
    control.write_bytes(b"\0" * len(saved))
    server.start(wait=False)
    assert server.wait(120) > 0
    assert str(server.data) in server.log_tail() or "PostgreSQL" in server.log_tail()
    control.write_bytes(saved)
    server.start()


def test_a_data_directory_that_is_somebody_elses(servers):
    server = servers()
    thesis = server.data / "postgres" / "thesis.txt"
    thesis.parent.mkdir(parents=True)
    thesis.write_text("precious")
    server.start(wait=False)
    assert server.wait(120) > 0
    assert str(thesis.parent) in server.log_tail()
    assert thesis.read_text() == "precious"


def test_a_data_directory_that_is_a_file(servers):
    server = servers()
    server.data.write_text("a file")
    server.start(wait=False)
    assert server.wait(120) > 0
    assert str(server.data) in server.log_tail()


def test_a_namespace_from_the_command_line(servers, processor):
    processor.behave("from-flag", echo)
    server = servers("--namespace", f"from-flag={processor.endpoint}").start()
    space = Space(server.client, processor, "from-flag")
    space.start("m", b"x")
    assert space.events("m") == [b"x"]


def test_the_flag_changes_the_endpoint_and_nothing_else(servers, processor):
    server = servers("--namespace", f"ns={processor.endpoint}")
    server.start()
    server.terminate()
    server.arguments[server.arguments.index("--namespace") + 1] = "ns=127.0.0.1:1"
    server.start()
    request = namespaces_pb2.GetNamespaceRequest(name="ns")
    namespace = server.client.namespaces.Get(request, timeout=30).namespace
    assert (namespace.processor.endpoint, namespace.version) == ("127.0.0.1:1", 2)
    server.terminate()
    server.start()
    assert server.client.namespaces.Get(request, timeout=30).namespace == namespace


def test_a_namespace_from_the_configuration_file(servers, processor):
    processor.behave("from-file", echo)
    server = servers()
    path = server.directory / "progressor.yaml"
    path.write_text(f"""
namespaces:
  - name: from-file
    processor: {{endpoint: "{processor.endpoint}", timeout: 5s}}
    retry_policy: {{initial_interval: 250ms, max_attempts: 0, non_retryable: [ABORTED]}}
    default_history_range: {{limit: 10, direction: backward}}
""")
    server.arguments += ["--config", str(path)]
    server.start()
    request = namespaces_pb2.GetNamespaceRequest(name="from-file")
    namespace = server.client.namespaces.Get(request, timeout=30).namespace
    assert namespace.processor.timeout.seconds == 5
    assert namespace.retry_policy.initial_interval.nanos == 250_000_000
    assert namespace.retry_policy.HasField("max_attempts")
    assert list(namespace.retry_policy.non_retryable) == ["ABORTED"]
    assert namespace.default_history_range == history(limit=10, direction=BACKWARD)
    space = Space(server.client, processor, "from-file")
    space.start("m", b"x")
    assert space.events("m") == [b"x"]


def test_settings_from_the_environment(servers, processor):
    environment = {"PROGRESSOR_NAMESPACES": f"from-env={processor.endpoint}"}
    server = servers(environment=environment)
    other = free_port()
    server.arguments = ["serve"]
    environment["PROGRESSOR_LISTEN"] = f"{server.address},127.0.0.1:{other}"
    environment["PROGRESSOR_DATA_DIR"] = str(server.data)
    server.start()
    second = Client(f"127.0.0.1:{other}")
    assert second.serving()
    space = Space(second, processor, "from-env")
    space.start("m", b"x")
    assert space.events("m") == [b"x"]
    second.close()


def test_a_unix_socket(servers, processor):
    server = servers()
    path = server.directory / "api.sock"
    server.arguments += ["--listen", f"unix:{path}"]
    server.start()
    client = Client(f"unix:{path}")
    assert client.serving()
    client.close()
    server.kill()
    server.start()
    client = Client(f"unix:{path}")
    assert client.serving(), "the socket file of the killed server does not hinder"
    client.close()
    server.terminate()
    assert not path.exists()


def test_it_says_that_it_is_ready(servers):
    server = servers().start()
    server.says("listening on")
    server.says(str(server.port))


def test_a_log_reader_that_went_away_does_not_stop_it(servers):
    server = servers()
    read, write = os.pipe()
    lines = []

    def reader():
        with os.fdopen(read, "rb") as pipe:
            lines.append(pipe.readline())

    thread = threading.Thread(target=reader)
    thread.start()
    process = subprocess.Popen([str(BINARY), *server.arguments], stdout=write, stderr=write,
                               env=clean_environment())
    os.close(write)
    try:
        eventually(server.client.serving, "it serves", timeout=60)
        thread.join(10)
        client = server.client
        with fails("NOT_FOUND", "NAMESPACE_NOT_FOUND"):
            Space(client, None, "none").get("m")
    finally:
        process.terminate()
        assert process.wait(60) == 0
