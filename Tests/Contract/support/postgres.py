"""A PostgreSQL of a test's own, for `--database-url`: the test may do to it what it wants."""

import contextlib
import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

from .processes import children, runs, suspended
from .ports import free_port
from .server import fastest_folder, scratch_directory
from .waiting import eventually

USER = "tests"


def _programs() -> Path:
    """Debian keeps PostgreSQL's programs in a folder per version, outside PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    return versions[-1] if versions else Path(shutil.which("initdb") or "/initdb").parent


class Postgres:
    """A cluster on a port of 127.0.0.1, trusted, made by initdb. `options` are initdb's. With an
    `address` it is on a host of that, where `launcher` starts programs, and trusts its network."""

    def __init__(self, copy_of: "Postgres | None" = None, options: Iterable[str] = (),
                 address: str = "127.0.0.1", launcher: Iterable[str] = ()):
        self.address = address
        self._launcher = [*launcher]
        self.directory = scratch_directory(fastest_folder())
        if os.geteuid() == 0:
            shutil.chown(self.directory, "postgres", "postgres")
        self.data = self.directory / "data"
        self.port = free_port()
        self.url = self._url("postgres")
        if copy_of is None:
            self._run("initdb", "-D", str(self.data), "-A", "trust", "-U", USER,
                      "--encoding=UTF8", "--locale=C", "--no-sync", *options)
        else:
            self._run("pg_basebackup", "-D", str(self.data), "-d", copy_of._url("postgres"), "-R",
                      "--checkpoint=fast", "--no-sync")
        if launcher:
            with (self.data / "pg_hba.conf").open("a") as rules:
                rules.write(f"host all all {address}/24 trust\n")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(_programs() / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        result = subprocess.run([*self._launcher, *command], capture_output=True, text=True,
                                timeout=120, cwd=self.directory)
        assert result.returncode == 0, result.stdout + result.stderr

    def start(self) -> "Postgres":
        options = f"-p {self.port} -c listen_addresses={self.address} -k {self.directory}"
        self._run("pg_ctl", "-D", str(self.data), "-l", str(self.directory / "log"), "-w",
                  "-o", options, "start")
        return self

    def stop(self, mode: str = "immediate") -> None:
        """`immediate` is the crash of a database: no goodbye, recovery at the next start."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-m", mode, "stop")

    def standby(self) -> "Postgres":
        """A hot standby that follows this cluster."""
        return Postgres(copy_of=self).start()

    def stop_following(self) -> None:
        """A standby gets nothing new from now on: it lags."""
        self.sql("alter system set primary_conninfo = ''", "select pg_reload_conf()")
        eventually(lambda: self.sql("select count(*) from pg_stat_wal_receiver") == "0",
                   "the standby is cut off")

    def promote(self) -> None:
        self._run("pg_ctl", "-D", str(self.data), "-w", "promote")

    @property
    def postmaster(self) -> int:
        return postmaster_of(self.data)

    def kill(self) -> None:
        """SIGKILL of the postmaster. Its sessions live on until they notice."""
        pid = self.postmaster
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not runs(pid), "the postmaster is gone")

    def restart_when_possible(self) -> None:
        """Runs again: recovered by itself, or started as soon as that is possible; as long as a
        session of a killed postmaster lives, no other one starts."""
        eventually(lambda: self._accepts() or self._starts(), "PostgreSQL is back", timeout=60)

    def _accepts(self) -> bool:
        ready = [*self._launcher, str(_programs() / "pg_isready"), "-h", self.address,
                 "-p", str(self.port)]
        return subprocess.run(ready, capture_output=True, timeout=60).returncode == 0

    def _starts(self) -> bool:
        with contextlib.suppress(AssertionError):
            self.start()
            return True
        return False

    def frozen(self) -> contextlib.AbstractContextManager[None]:
        """No process of the cluster runs in the block; sockets stay open."""
        return frozen(self.postmaster)

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """It does not run in the block."""
        self.stop()
        yield
        self.start()

    @contextlib.contextmanager
    def killed(self) -> Iterator[None]:
        """SIGKILL of the postmaster, and at the end of the block a new one that recovers."""
        self.kill()
        yield
        self.restart_when_possible()

    @contextlib.contextmanager
    def read_only(self) -> Iterator[None]:
        """As a server is after a failover to another: no transaction can write."""
        self.sql("alter system set default_transaction_read_only = on",
                 "select pg_reload_conf()")
        eventually(lambda: self.sql("show default_transaction_read_only") == "on",
                   "the cluster is read-only")
        try:
            yield
        finally:
            self.sql("set default_transaction_read_only = off",
                     "alter system reset default_transaction_read_only",
                     "select pg_reload_conf()")

    def _url(self, database: str) -> str:
        return f"postgresql://{USER}@{self.address}:{self.port}/{database}"

    def new_database(self, options: str = "") -> None:
        """Makes an empty database; `url` is its address from now on."""
        name = f"d{uuid.uuid4().hex[:8]}"
        self.sql(f"create database {name} {options}", database="postgres")
        self.url = self._url(name)

    @property
    def running(self) -> bool:
        return (self.data / "postmaster.pid").exists()

    @property
    def name(self) -> str:
        """Of the database at `url`."""
        return self.url.rpartition("/")[2]

    def new_folder(self, path: Path) -> None:
        """A folder that belongs to PostgreSQL."""
        path.mkdir()
        if os.geteuid() == 0:
            shutil.chown(path, "postgres", "postgres")

    def sql(self, *statements: str, database: str | None = None) -> str:
        """What the statements answer in one session, on `url` or another database."""
        url = self._url(database) if database else self.url
        command = [*self._launcher, str(_programs() / "psql"), "-XAtq", url]
        for statement in statements:
            command += ["-c", statement]
        return subprocess.run(command, check=True, capture_output=True, text=True,
                              timeout=60).stdout.strip()

    def in_schema(self, *statements: str) -> str:
        """What the statements answer where the server's tables are."""
        return self.sql("set search_path = progressor", *statements)

    def lose_first_long_value(self, table: str) -> None:
        """The first page of what the table keeps out of line becomes empty, as on a bad disk."""
        file = self.sql("select pg_relation_filepath(reltoastrelid) from pg_class "
                        f"where oid = '{table}'::regclass")
        self.stop("fast")
        with (self.data / file).open("r+b") as pages:
            assert pages.read(8192) != bytes(8192)
            pages.seek(0)
            pages.write(bytes(8192))
        self.start()

    @contextlib.contextmanager
    def session(self, *statements: str, name: str = "tests") -> Iterator[None]:
        """A session that has run the statements, and stays open and silent in the block."""
        command = [*self._launcher, str(_programs() / "psql"), "-XAtq", self.url]
        with subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              env={**os.environ, "PGAPPNAME": name}) as client:
            try:
                client.stdin.write(";\n".join([*statements, "select 'there'"]) + ";\n")
                client.stdin.flush()
                while (line := client.stdout.readline().strip()) != "there":
                    assert client.poll() is None, line
                yield
            finally:
                client.kill()

    def close(self) -> None:
        if self.running:
            self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def postmaster_of(data: Path) -> int:
    """The process of the cluster in this directory, or below it."""
    (file,) = data.rglob("postmaster.pid")
    return int(file.read_text().splitlines()[0])


@contextlib.contextmanager
def frozen(postmaster: int) -> Iterator[None]:
    """No process of the cluster runs in the block; sockets stay open."""
    with suspended([postmaster]), suspended(children(postmaster)):
        yield
