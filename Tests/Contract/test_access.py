"""Who may do what: tokens, users of Unix sockets and callers without credentials, by rules."""

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from support.client import Client, Space, fails, history
from support.processor import echo
from support.server import progressor
from support.stubs import automaton_pb2, automaton_pb2_grpc, event_sink_pb2_grpc
from support.stubs import namespaces_pb2, namespaces_pb2_grpc
from support.stubs import repair_jobs_pb2, repair_jobs_pb2_grpc, transfer_pb2
from support.waiting import eventually

BUF = Path(sys.executable).with_name("buf")
DEADLINE = 30.0

RULES = """
rules:
  - {principals: [admin], namespaces: ["*"], allow: [read, drive, operate, administer]}
  - {principals: [driver], groups: [drivers], namespaces: ["pay-*"], allow: [read, drive]}
  - {principals: [watcher], namespaces: ["pay-*"], allow: [read, drive, operate], payloads: hidden}
  - {principals: [anonymous], namespaces: ["public-*"], allow: [read]}
"""


ROLES = {role: {f"progressor.v1.{method}" for method in methods.split()} for role, methods in {
    "read": """Automaton/Get Automaton/Watch Automaton/List Automaton/Count
        Automaton/ListNotifications Automaton/ListMessages Automaton/Trace Automaton/Export
        Namespaces/Get Namespaces/List RepairJobs/Get RepairJobs/List RepairJobs/ListFailures
        RepairJobs/ListRemaining EventSink/Subscribe EventSink/ListConsumers""",
    "drive": """Automaton/Start Automaton/Call Automaton/Notify Automaton/StartOrCall
        Automaton/StartOrNotify""",
    "operate": """Automaton/Repair Automaton/SimpleRepair Automaton/Remove Automaton/Pause
        Automaton/Resume Automaton/DropNotification Automaton/DropMessage
        Automaton/RetryMessage RepairJobs/Create RepairJobs/Cancel
        Namespaces/Pause Namespaces/Resume EventSink/Acknowledge EventSink/ResetConsumer
        EventSink/DeleteConsumer""",
    "administer": """Namespaces/Create Namespaces/Update Namespaces/Delete Cluster/Status
        Automaton/Import""",
}.items()}


class Bearer(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Adds `authorization` to every call."""

    def __init__(self, *values: str):
        self._values = values

    def intercept_unary_unary(self, continuation, details, request):
        metadata = [*(details.metadata or ()), *(("authorization", v) for v in self._values)]
        return continuation(details._replace(metadata=metadata), request)

    intercept_unary_stream = intercept_unary_unary


class Access:
    """A server with tokens and rules, and its callers."""

    def __init__(self, server, processor):
        self.server, self.processor = server, processor
        self.tokens = server.directory / "tokens"
        self.rules = server.directory / "rules.yaml"
        self.socket = f"unix:{server.directory}/s"
        names = ["admin", "driver", "watcher", "nobody"]
        self.write_tokens(*(f"{name} {self.digest(name)}" for name in names),
                          f"grouped {self.digest('grouped')} x,drivers")
        self.rules.write_text(RULES)
        server.arguments += ["--authentication-tokens", str(self.tokens), "--listen", self.socket]
        self._clients: list[Client] = []

    @staticmethod
    def digest(token: str) -> str:
        return "sha256:" + hashlib.sha256(f"{token}-token".encode()).hexdigest()

    def write_tokens(self, *lines: str) -> None:
        """As editors do it: a new file in place of the old one."""
        other = self.tokens.with_suffix(".new")
        other.write_text("".join(f"{line}\n" for line in lines))
        other.replace(self.tokens)

    def showing(self, *values: str, address: str | None = None) -> Client:
        client = Client(address or self.server.address)
        self._clients.append(client)
        channel = grpc.intercept_channel(client.channel, Bearer(*values)) if values \
            else client.channel
        client.automaton = automaton_pb2_grpc.AutomatonStub(channel)
        client.namespaces = namespaces_pb2_grpc.NamespacesStub(channel)
        client.repair_jobs = repair_jobs_pb2_grpc.RepairJobsStub(channel)
        client.event_sink = event_sink_pb2_grpc.EventSinkStub(channel)
        return client

    def client(self, name: str) -> Client:
        return self.showing(f"Bearer {name}-token")

    def space(self, name: str, namespace: str) -> Space:
        return Space(self.client(name), self.processor, namespace)

    def create(self, namespace: str, **options) -> None:
        self.processor.behave(namespace, echo)
        self.client("admin").create_namespace(namespace, self.processor.endpoint, **options)

    def close(self) -> None:
        for client in self._clients:
            client.close()


@pytest.fixture
def access(servers, processor):
    access = Access(servers(), processor)
    access.server.arguments += ["--authorization-file", str(access.rules)]
    access.server.start()
    for namespace in ("pay-cards", "other", "public-a"):
        access.create(namespace)
    yield access
    access.close()


def names(client: Client) -> list[str]:
    reply = client.namespaces.List(namespaces_pb2.ListNamespacesRequest(), timeout=DEADLINE)
    return [namespace.name for namespace in reply.namespaces]


def test_rules_allow_and_nothing_else_does(access):
    for name in ("driver", "grouped", "admin"):
        space = access.space(name, "pay-cards")
        space.start(name, b"x")
        assert space.call(name, b"y") == b"y"
        assert space.ids(prefix=name) == [name]
    driver = access.space("driver", "pay-cards")
    with fails("PERMISSION_DENIED", "NOT_ALLOWED"):
        driver.remove("driver")
    with fails("PERMISSION_DENIED", "NOT_ALLOWED"):
        driver.pause_all()
    with fails("PERMISSION_DENIED", "NOT_ALLOWED"):
        access.client("driver").create_namespace("pay-new", "127.0.0.1:1")
    with fails("PERMISSION_DENIED", "NOT_ALLOWED"):
        access.space("nobody", "pay-cards").get("driver")


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_its_methods_and_no_others(servers, processor, role):
    """Every method that is served, by the server's own description of itself, with bytes that are
    no message: what is refused is refused before they are read."""
    access = Access(servers(), processor)
    access.rules.write_text(
        f"rules: [{{principals: [driver], namespaces: ['*'], allow: [{role}]}}]")
    access.server.arguments += ["--authorization-file", str(access.rules)]
    access.server.start()
    channel = access.server.client.channel
    seen = {}
    for method in served_methods(access.server):
        for token, refusal in (("driver", "PERMISSION_DENIED"), (None, "UNAUTHENTICATED")):
            metadata = [("authorization", f"Bearer {token}-token")] if token else []
            call = channel.unary_unary(f"/{method}", lambda m: m, lambda m: m)
            with pytest.raises(grpc.RpcError) as caught:
                call(b"\xff\xff", timeout=DEADLINE, metadata=metadata)
            seen[method, token] = caught.value.code().name != refusal
    assert len(seen) > 40
    for (method, token), passed in seen.items():
        assert passed == (token is not None and method in ROLES[role]), (method, token)
    access.close()


def served_methods(server) -> list[str]:
    """The methods of progressor.v1, as reflection has them."""
    listed = subprocess.run(
        [str(BUF), "curl", "--protocol", "grpc", "--http2-prior-knowledge", "--list-methods",
         f"http://{server.address}"], capture_output=True, text=True, timeout=60, check=True)
    return [method for method in listed.stdout.split() if method.startswith("progressor.v1.")]


def test_nothing_tells_whether_something_exists(access):
    access.space("admin", "other").start("there")
    answers = set()
    for namespace, id in [("other", "there"), ("other", "not"), ("no-such", "there")]:
        space = access.space("driver", namespace)
        for ask in (lambda s=space, i=id: s.get(i), lambda s=space, i=id: s.call(i),
                    lambda s=space: s.ids(),
                    lambda s=space: s.client.namespaces.Get(
                        namespaces_pb2.GetNamespaceRequest(name=s.name), timeout=DEADLINE)):
            with fails("PERMISSION_DENIED", "NOT_ALLOWED") as seen:
                ask()
            answers.add((seen[0].message, str(seen[0].info)))
    assert len(answers) == 1
    assert names(access.client("driver")) == ["pay-cards"]
    assert set(names(access.client("admin"))) == {"pay-cards", "other", "public-a"}


def test_what_is_wrong_is_told_to_those_who_may_ask_about_the_namespace(access):
    """Of another one a request that cannot be used is denied like any other, there or not."""
    def unusable(namespace):
        driver, limited = access.space("driver", namespace), access.client("limited")
        yield lambda: driver.get("")
        yield lambda: driver.call("m", range=history(after=-1))
        yield lambda: driver.notify("m" * 300)
        yield lambda: limited.repair_jobs.Create(repair_jobs_pb2.CreateRepairJobRequest(
            spec=repair_jobs_pb2.RepairJobSpec(namespace=namespace)), timeout=DEADLINE)
        yield lambda: limited.create_namespace(namespace, "")

    def is_known() -> bool:
        try:
            return access.client("limited").create_namespace("pay-limited", "h:1") is not None
        except grpc.RpcError:
            return False

    access.rules.write_text(RULES + (
        '  - {principals: [limited], namespaces: ["pay-*"], allow: [operate, administer]}\n'))
    access.write_tokens(*(f"{name} {access.digest(name)}"
                          for name in ("admin", "driver", "limited")))
    eventually(is_known, "the files are read again")
    for namespace in ("other", "no-such"):
        for ask in unusable(namespace):
            with fails("PERMISSION_DENIED", "NOT_ALLOWED"):
                ask()
    for ask in unusable("pay-cards"):
        with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT"):
            ask()


def test_credentials(access):
    anonymous = access.showing()
    assert names(anonymous) == ["public-a"]
    with fails("UNAUTHENTICATED", "UNAUTHENTICATED"):
        Space(anonymous, access.processor, "public-a").call("m")
    with fails("PERMISSION_DENIED", "NOT_ALLOWED"):
        Space(anonymous, access.processor, "pay-cards").get("m")
    for bad in (["Bearer wrong"], ["Bearer"], ["Basic YTpi"], ["admin-token"],
                ["Bearer admin-token", "Bearer admin-token"], ["Bearer " + "a" * 9_000]):
        with fails("UNAUTHENTICATED", "UNAUTHENTICATED"):
            names(access.showing(*bad))
    assert names(access.showing("bearer driver-token")) == ["pay-cards"]
    log = access.server.log.read_text()
    assert "-token" not in log and "wrong" not in log


def test_the_user_of_a_unix_socket(access):
    client = access.showing(address=access.socket)
    with fails("PERMISSION_DENIED", "NOT_ALLOWED"):
        names(client)
    access.rules.write_text(
        RULES + f"  - {{principals: ['uid:{os.geteuid()}'], namespaces: [other], allow: [read]}}\n")
    eventually(lambda: "rules were read again" in access.server.log.read_text(), "they are read")
    assert names(client) == ["other"]


def test_hidden_payloads(access):
    admin, watcher = (access.space(name, "pay-cards") for name in ("admin", "watcher"))
    admin.start("m", b"four")
    admin.call("m", b"and more")
    request = automaton_pb2.GetRequest(namespace="pay-cards", id="m")
    reply, call = watcher.client.automaton.Get.with_call(request, timeout=DEADLINE)
    assert [event.body.data for event in reply.machine.history] == [b"", b""]
    assert [event.id for event in reply.machine.history] == [1, 2]
    assert ("progressor-hidden-bytes", "12") in [tuple(m) for m in call.initial_metadata()]
    assert watcher.call("m", b"secret") == b""
    assert admin.events("m") == [b"four", b"and more", b"secret"]
    admin.pause("m")
    notification = admin.notify("m", b"hide me")
    queue = automaton_pb2.ListNotificationsRequest(namespace="pay-cards", id="m")
    reply, call = watcher.client.automaton.ListNotifications.with_call(queue, timeout=DEADLINE)
    assert [(n.notification_id, n.args) for n in reply.notifications] == [(notification, b"")]
    assert ("progressor-hidden-bytes", "7") in [tuple(m) for m in call.initial_metadata()]
    # Without its payloads a machine is not itself: it is not exported.
    export = transfer_pb2.ExportRequest(namespace="pay-cards")
    with fails("PERMISSION_DENIED", "NOT_ALLOWED"):
        watcher.client.automaton.Export(export, timeout=DEADLINE)
    assert len(admin.client.automaton.Export(export, timeout=DEADLINE).parts) >= 3
    _, call = admin.client.automaton.Get.with_call(request, timeout=DEADLINE)
    assert "progressor-hidden-bytes" not in dict(call.initial_metadata())


def test_repair_jobs_follow_their_namespace(access):
    spec = repair_jobs_pb2.RepairJobSpec(
        namespace="other", reason="r", requested_by="somebody else", dry_run=True,
        simple=repair_jobs_pb2.SimpleRepairMethod())
    spec.failed_since.GetCurrentTime()
    admin, watcher = access.client("admin"), access.client("watcher")
    create = repair_jobs_pb2.CreateRepairJobRequest(id="j", spec=spec)
    with fails("PERMISSION_DENIED", "NOT_ALLOWED"):
        watcher.repair_jobs.Create(create, timeout=DEADLINE)
    job = admin.repair_jobs.Create(create, timeout=DEADLINE).job
    assert job.spec.requested_by == "admin"
    for id in ("j", "no-such"):
        for ask, message in (
                (watcher.repair_jobs.Get, repair_jobs_pb2.GetRepairJobRequest(id=id)),
                (watcher.repair_jobs.Cancel, repair_jobs_pb2.CancelRepairJobRequest(id=id)),
                (watcher.repair_jobs.ListFailures,
                 repair_jobs_pb2.ListRepairJobFailuresRequest(id=id)),
                (watcher.repair_jobs.ListRemaining,
                 repair_jobs_pb2.ListRepairJobRemainingRequest(id=id))):
            with fails("PERMISSION_DENIED", "NOT_ALLOWED"):
                ask(message, timeout=DEADLINE)
    with fails("NOT_FOUND", "REPAIR_JOB_NOT_FOUND"):
        admin.repair_jobs.Get(repair_jobs_pb2.GetRepairJobRequest(id="no-such"), timeout=DEADLINE)
    everything = repair_jobs_pb2.ListRepairJobsRequest()
    assert [j.id for j in admin.repair_jobs.List(everything, timeout=DEADLINE).jobs] == ["j"]
    assert not watcher.repair_jobs.List(everything, timeout=DEADLINE).jobs


def test_files_are_read_again_when_they_change(access):
    def log(text: str) -> bool:
        return text in access.server.log.read_text()

    access.write_tokens(f"driver {access.digest('fresh')}")
    eventually(lambda: log("tokens were read again"), "the tokens are read")
    assert names(access.client("fresh")) == ["pay-cards"]
    with fails("UNAUTHENTICATED"):
        names(access.client("driver"))
    access.write_tokens("driver fresh-token")
    eventually(lambda: log("tokens cannot be used"), "the tokens are refused")
    assert names(access.client("fresh")) == ["pay-cards"]
    assert not log("fresh-token")
    away = access.rules.rename(access.rules.with_suffix(".away"))
    access.rules.mkdir()
    eventually(lambda: log("rules cannot be used"), "the rules are missed")
    assert names(access.client("fresh")) == ["pay-cards"]
    # The same file, unchanged, is what was missed.
    access.rules.rmdir()
    away.rename(access.rules)
    eventually(lambda: log("rules were read again"), "the rules are read")


def test_rules_of_the_configuration(servers, processor):
    access = Access(servers(), processor)
    path = access.server.directory / "progressor.yaml"
    access.server.arguments += ["--config", str(path)]
    rule = "authorization:\n  rules:\n  - {principals: [driver], namespaces: ['*'], allow: [%s]}\n"
    path.write_text(rule % "read")
    access.server.start()
    assert names(access.client("driver")) == []
    with fails("PERMISSION_DENIED", "NOT_ALLOWED"):
        access.client("driver").create_namespace("n", processor.endpoint)
    path.write_text(rule % "read, administer")
    access.server.send_signal(signal.SIGHUP)
    eventually(lambda: "read again" in access.server.log.read_text(), "it is read")
    access.client("driver").create_namespace("n", processor.endpoint)
    access.close()


def test_tokens_without_rules_allow_nothing(servers, processor):
    access = Access(servers(), processor)
    access.server.start()
    with fails("PERMISSION_DENIED", "NOT_ALLOWED"):
        names(access.client("admin"))
    with fails("UNAUTHENTICATED"):
        names(access.showing())
    access.close()


@pytest.mark.parametrize(("flag", "text", "message"), [
    ("--authentication-tokens", "# nobody\nalice hunter2\n", "file:2: digest"),
    ("--authorization-file", "rules: [{}]\n", "file:1: rules[0]"),
    ("--authorization-file", None, "file: is not readable"),
])
def test_a_file_that_cannot_be_used_ends_the_start(tmp_path, flag, text, message):
    path = tmp_path / "file"
    if text is not None:
        path.write_text(text)
    result = progressor("serve", "--listen", "127.0.0.1:0", "--data-dir", str(tmp_path / "data"),
                        flag, str(path))
    assert result.returncode == 78 and message in result.stderr, result
    assert "hunter2" not in result.stderr
