"""A PostgreSQL of a test's own, for `--database-url`: the test may stop and start it."""

import os
import shutil
import subprocess
import uuid
from pathlib import Path

from .server import free_port, scratch_directory

USER = "tests"


def _programs() -> Path:
    """Debian keeps PostgreSQL's programs in a folder per version, outside PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    return versions[-1] if versions else Path(shutil.which("initdb") or "/initdb").parent


class Postgres:
    """A cluster on a port of 127.0.0.1, trusted, made by initdb."""

    def __init__(self):
        self.directory = scratch_directory()
        if os.geteuid() == 0:
            shutil.chown(self.directory, "postgres", "postgres")
        self.data = self.directory / "data"
        self.port = free_port()
        self.url = self._url("postgres")
        self._run("initdb", "-D", str(self.data), "-A", "trust", "-U", USER, "--encoding=UTF8",
                  "--locale=C", "--no-sync")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(_programs() / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        result = subprocess.run(command, capture_output=True, text=True, timeout=120,
                                cwd=self.directory)
        assert result.returncode == 0, result.stdout + result.stderr

    def start(self) -> "Postgres":
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.directory}"
        self._run("pg_ctl", "-D", str(self.data), "-l", str(self.directory / "log"), "-w",
                  "-o", options, "start")
        return self

    def stop(self, mode: str = "immediate") -> None:
        """`immediate` is the crash of a database: no goodbye, recovery at the next start."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-m", mode, "stop")

    def _url(self, database: str) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> None:
        """Makes an empty database; `url` is its address from now on."""
        name = f"d{uuid.uuid4().hex[:8]}"
        self.sql(f"create database {name}")
        self.url = self._url(name)

    @property
    def running(self) -> bool:
        return (self.data / "postmaster.pid").exists()

    def sql(self, statement: str) -> str:
        command = [str(_programs() / "psql"), "-XAtq", self.url, "-c", statement]
        return subprocess.run(command, check=True, capture_output=True, text=True,
                              timeout=60).stdout.strip()

    def close(self) -> None:
        if self.running:
            self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
