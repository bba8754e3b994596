"""`progressor database`: the schema is migrated by one role, and served from by another."""

import json
import subprocess
import uuid

import pytest
from support.client import duration
from support.postgres import Postgres
from support.processor import Answer, timer_in
from support.repairs import COMPLETED, Mendable, create, ended, fail, failures, spec
from support.server import BINARY, progressor
from support.stubs import ROOT, automaton_pb2, cluster_pb2, namespaces_pb2, repair_jobs_pb2
from support.waiting import eventually

# The last migration: its number and its name.
LAST = sorted((ROOT / "Sources/ProgressorStorage/Migrations").glob("*.sql"))[-1].stem
NEWEST, NAME = int(LAST[:3]), LAST[4:]


class Roles:
    """The owner of the schema, and the role of the server, on the test's database."""

    def __init__(self, postgres: Postgres):
        self.postgres = postgres
        tag = uuid.uuid4().hex[:8]
        self.owner, self.server = f"owner_{tag}", f'Server "{tag}"'
        postgres.sql(f"create role {self.owner} login",
                     f'create role {self.quoted(self.server)} login',
                     f"revoke all on database {postgres.name} from public",
                     f"grant connect on database {postgres.name} to "
                     f"{self.owner}, {self.quoted(self.server)}",
                     f"grant create on database {postgres.name} to {self.owner}")

    @staticmethod
    def quoted(role: str) -> str:
        return '"' + role.replace('"', '""') + '"'

    def url(self, role: str) -> str:
        return f"host=127.0.0.1 port={self.postgres.port} dbname={self.postgres.name} " \
            f"user='{role}'"

    def run(self, command: str, role: str, *arguments: str, status: int = 0, **environment: str):
        """Runs `progressor database COMMAND` as the role."""
        result = progressor("database", command, *arguments,
                            environment={"PROGRESSOR_DATABASE_URL": self.url(role), **environment})
        assert result.returncode == status, result
        assert "Fatal error" not in result.stderr
        return result

    def migrated(self) -> "Roles":
        self.run("migrate", self.owner, "--grant-to", self.server)
        return self

    def forget(self, *numbers: int) -> None:
        """The schema is as before these migrations, as far as it says."""
        self.postgres.in_schema(
            f"delete from schema_migration where number in ({', '.join(map(str, numbers))})")


@pytest.fixture
def roles(postgres) -> Roles:
    return Roles(postgres)


def test_migrating_makes_the_schema_once(roles):
    first = roles.run("migrate", roles.owner)
    assert "001_leases" in first.stdout and "1024 shards" in first.stdout
    again = json.loads(roles.run("migrate", roles.owner, "--json").stdout)
    assert again == {"applied": [], "postponed": [], "shards": 1024}


def test_what_a_check_says(roles):
    report = json.loads(roles.run("check", roles.owner, "--json", status=5).stdout)
    assert not report["ready"] and report["mayMigrate"]
    assert "version" not in report["schema"] and report["schema"]["needed"] == NEWEST
    assert "progressor database migrate" in report["problems"][0]["text"]
    roles.migrated()
    shown = roles.run("check", roles.server).stdout
    assert f"version {NEWEST}" in shown and "1024 shards" in shown, shown
    assert f"127.0.0.1:{roles.postgres.port}" in shown and roles.server in shown
    assert "for serving, not for migrating" in shown and "problem" not in shown
    report = json.loads(roles.run("check", roles.owner, "--json").stdout)
    assert report["ready"] and report["mayMigrate"] and report["problems"] == []


def test_rights_that_are_missing(roles):
    roles.run("migrate", roles.owner)
    shown = roles.run("check", roles.server, status=77).stdout
    assert "the role lacks USAGE on the schema progressor" in shown
    roles.migrated()
    roles.postgres.in_schema(f"revoke delete on tombstone from {roles.quoted(roles.server)}")
    shown = roles.run("check", roles.server, status=77).stdout
    assert "the role lacks DELETE on the table tombstone" in shown
    assert shown.count("problem") == 1


def test_settings_that_matter(roles):
    roles.migrated()
    name, server = roles.postgres.name, roles.quoted(roles.server)
    roles.postgres.sql(f"alter role {server} set synchronous_commit = off",
                       f"alter role {server} connection limit 5")
    shown = roles.run("check", roles.server).stdout
    assert "synchronous_commit is off" in shown and "this role gets 5" in shown
    roles.postgres.sql(f"alter role {server} reset synchronous_commit",
                       f"alter role {server} connection limit -1",
                       "alter system set fsync = off", "select pg_reload_conf()")
    try:
        eventually(lambda: roles.postgres.sql("show fsync") == "off", "it is off")
        report = json.loads(roles.run("check", roles.server, "--json", status=78).stdout)
        assert report["problems"][0]["kind"] == "server"
        assert "fsync is off" in report["problems"][0]["text"]
        error = json.loads(roles.run("migrate", roles.owner, "--json", status=78).stderr)
        assert error["error"]["reason"] == "DATABASE_UNFIT"
    finally:
        roles.postgres.sql("alter system reset fsync", "select pg_reload_conf()")
    with roles.postgres.read_only():
        assert "read-only" in roles.run("check", roles.server, status=69).stderr
        assert "read-only" in roles.run("migrate", roles.owner, status=69,
                                        PROGRESSOR_START_TIMEOUT="1s").stderr


def test_a_schema_of_another_version(roles):
    roles.migrated()
    roles.forget(NEWEST)
    shown = roles.run("check", roles.server, status=5).stdout
    assert LAST in shown and "progressor database migrate" in shown
    roles.postgres.in_schema(f"insert into schema_migration values ({NEWEST}, 'x'), (99, 'future')")
    assert "newer version" in roles.run("check", roles.server, status=5).stdout
    assert "newer version" in roles.run("migrate", roles.owner, status=5).stderr


def test_a_wrong_way_to_say_which(tmp_path):
    def refused(*arguments: str, status: int = 78, **environment: str) -> str:
        result = progressor("database", "check", *arguments, environment=environment)
        assert result.returncode == status, result
        return result.stderr
    assert "PROGRESSOR_DATABASE_URL" in refused()
    assert "s3cret" not in refused("--database-url", "postgresql://u:s3cret@[h/d")
    assert "target_session_attrs" in refused(
        "--database-url", "postgresql://h/d?target_session_attrs=standby")
    nobody = refused("--database-url", "postgresql://127.0.0.1:1/none", "--json", status=69)
    assert json.loads(nobody)["error"]["reason"] == "DATABASE_UNREACHABLE"
    path = tmp_path / "progressor.yaml"
    path.write_text('database: {url: "postgresql://127.0.0.1:1/none"}\n')
    assert "127.0.0.1" in refused("--config", str(path), status=69)


def test_a_role_that_may_not_migrate_it(roles):
    assert "lacks a right" in roles.run("migrate", roles.server, status=77).stderr
    roles.migrated()
    roles.forget(NEWEST)
    assert "does not own its tables" in roles.run("migrate", roles.server, status=77).stderr
    roles.postgres.in_schema(f"insert into schema_migration values ({NEWEST}, '{NAME}')")
    wrong = roles.run("migrate", roles.owner, "--grant-to", "nobody there", status=77)
    assert "nobody there" in wrong.stderr and "not granted" in wrong.stderr


def test_serving_from_an_older_schema(roles, servers):
    """It cannot migrate, or is told not to: it says what to do, and changes nothing."""
    roles.migrated()
    roles.forget(NEWEST)
    for role, migrate in [(roles.server, "on-start"), (roles.owner, "never")]:
        server = servers("--database-url", roles.url(role), "--migrate", migrate, embedded=False)
        server.start(wait=False)
        assert server.wait() == 69
        log = server.log.read_text()
        assert "progressor database migrate" in log and LAST in log, log
        assert "applying a migration" not in log
    newest = int(roles.postgres.in_schema("select max(number) from schema_migration"))
    assert newest == NEWEST - 1


def test_never_on_an_empty_database(roles, servers):
    server = servers("--database-url", roles.url(roles.owner), "--migrate", "never",
                     embedded=False).start(wait=False)
    assert server.wait() == 69
    assert "progressor database migrate" in server.log.read_text()
    assert roles.postgres.sql("select to_regnamespace('progressor') is null") == "t"


def test_a_private_cluster_migrates_itself(servers):
    servers("--migrate", "never", directory=None).start()


def test_migrating_waits_for_locks_only_so_long(roles, postgres, servers):
    """What waits behind it goes on every two seconds; the log says who has them."""
    roles.migrated()
    postgres.in_schema("""
        drop table feed, feed_trimmed, feed_consumer, feed_cursor, feed_subscriber;
        alter table namespace drop feed_enabled, drop feed_bodies, drop feed_retention,
          drop feed_max_bytes""")
    roles.forget(NEWEST)
    with postgres.session(
            "begin", "lock table progressor.namespace in share mode", name="somebody"):
        with subprocess.Popen(
                _command(roles), stderr=subprocess.PIPE, text=True) as migrate:
            line = ""
            while "waits for locks" not in line:
                line = migrate.stderr.readline()
                assert line, "it ended"
            assert "somebody" in line, line
            count = postgres.in_schema("set lock_timeout = '10s'", "select count(*) from namespace")
            assert count == "0"
            postgres.sql("select pg_terminate_backend(pid) from pg_stat_activity "
                         "where application_name = 'somebody'")
            assert migrate.wait(60) == 0
    assert f"version {NEWEST}" in roles.run("check", roles.owner).stdout


def _command(roles: Roles) -> list:
    return [str(BINARY), "database", "migrate", "--database-url", roles.url(roles.owner)]


def test_the_grants_are_those_of_the_file(roles, postgres):
    """Printed, they are what psql makes of the file."""
    printed = progressor("database", "grants", roles.server).stdout
    roles.run("migrate", roles.owner)
    postgres.sql(printed)
    given = _rights(postgres)
    assert f"version {NEWEST}" in roles.run("check", roles.server).stdout
    postgres.in_schema(f"drop owned by {roles.quoted(roles.server)}")
    assert _rights(postgres) != given
    roles.migrated()
    assert _rights(postgres) == given


def _rights(postgres: Postgres) -> str:
    return postgres.sql("select relname, relacl from pg_class where relnamespace = "
                        "'progressor'::regnamespace and relkind in ('r', 'v') order by 1")


def test_with_these_rights_everything_is_done(roles, servers, spaces, postgres):
    """One role migrates, the other serves, and no statement is refused."""
    roles.migrated()
    postgres.sql("alter system set log_min_error_statement = error", "select pg_reload_conf()")
    with pytest.raises(subprocess.CalledProcessError):
        postgres.sql(f"set role {roles.quoted(roles.server)}", "drop table progressor.machine")
    begin = len(_refusals(postgres))
    assert begin > 0, "what is refused is seen"
    server = servers("--database-url", roles.url(roles.server), "--migrate", "never",
                     embedded=False, environment={"PROGRESSOR_LEASE": "3s"}).start()
    _drive(server.client, spaces)
    second = servers("--database-url", roles.url(roles.server), embedded=False,
                     environment={"PROGRESSOR_LEASE": "3s"}).start(wait=False)
    eventually(lambda: "standby" in second.log.read_text(), "the second one stands by", timeout=60)
    server.kill()
    eventually(second.client.serving, "it takes over", timeout=60)
    _drive(second.client, spaces)
    eventually(lambda: postgres.in_schema("select count(*) from tombstone") == "0",
               "what is left of removed machines is deleted", timeout=30)
    assert second.terminate() == 0
    assert _refusals(postgres)[begin:] == []
    for log in (server.log, second.log):
        assert "permission denied" not in log.read_text()


def _refusals(postgres: Postgres) -> list[str]:
    log = (postgres.directory / "log").read_text(errors="replace")
    return [line for line in log.splitlines() if "permission denied" in line
            or "must be owner" in line]


def _drive(client, spaces) -> None:
    """Asks for all that makes a server write or read."""
    space = spaces(client, trace=namespaces_pb2.TraceOptions(level=namespaces_pb2.TRACE_LEVEL_ALL))
    space.behave(lambda call: Answer(
        b"r", [call.kind.encode()], timer=timer_in(0.1) if call.kind == "init" else None,
        remove=call.args == b"remove"))
    space.start("m", b"", key="k")
    space.start("m", b"", key="k")
    assert space.call("m", b"c", key="c") == b"r"
    space.notify("m", b"n")
    eventually(lambda: sorted(space.events("m")) == [b"call", b"init", b"notification", b"timeout"],
               "all of it happened")
    eventually(lambda: len(client.automaton.Trace(automaton_pb2.TraceRequest(
        namespace=space.name, id="m"), timeout=30).steps) >= 4, "it is recorded")
    assert space.ids() == ["m"]
    client.automaton.Count(automaton_pb2.CountRequest(namespace=space.name), timeout=30)
    _pause(client, space)
    space.call("m", b"remove")
    assert space.ids() == []
    _repair(client, spaces)
    _change(client, space)
    assert client.cluster.Status(cluster_pb2.ClusterStatusRequest(), timeout=30).database.version


def _pause(client, space) -> None:
    space.pause("m", "by hand")
    space.notify("m", b"later")
    queued = client.automaton.ListNotifications(automaton_pb2.ListNotificationsRequest(
        namespace=space.name, id="m"), timeout=30).notifications
    client.automaton.DropNotification(automaton_pb2.DropNotificationRequest(
        namespace=space.name, id="m", notification_id=queued[0].notification_id), timeout=30)
    space.resume("m")
    space.pause_all("all")
    space.resume_all()


def _repair(client, spaces) -> None:
    mendable = Mendable()
    broken = spaces(client, mendable)
    fail(broken, ["a", "b", "c"])
    mendable.broken, mendable.hopeless = False, {"c"}
    broken.repair("a", b"p")
    job = create(client, spec(broken, processor=repair_jobs_pb2.ProcessorRepairMethod(args=b"p")))
    assert ended(client, job.id).state == COMPLETED
    assert [failure.machine_id for failure in failures(client, job.id)] == ["c"]
    broken.simple_repair("c")
    for id in ("a", "b", "c"):
        broken.remove(id)


def _change(client, space) -> None:
    namespace = client.namespaces.Get(
        namespaces_pb2.GetNamespaceRequest(name=space.name), timeout=30).namespace
    namespace.idempotency_retention.CopyFrom(duration(3600))
    client.namespaces.Update(namespaces_pb2.UpdateNamespaceRequest(namespace=namespace), timeout=30)
    client.namespaces.Delete(namespaces_pb2.DeleteNamespaceRequest(name=space.name), timeout=30)
