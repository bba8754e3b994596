"""PgBouncer between a server and its database."""

import os
import shutil
import subprocess
from pathlib import Path

from .debian import libraries, unpacked
from .ports import free_port
from .server import scratch_directory
from .waiting import eventually


class Pooler:
    """On a port of its own, in front of the databases of a cluster."""

    def __init__(self, cluster, mode: str, size: int = 20):
        self.directory = scratch_directory()
        self.port = free_port()
        (self.directory / "users").write_text('"app" ""\n')
        configuration = self.directory / "pgbouncer.ini"
        configuration.write_text(f"""
[databases]
* = host=127.0.0.1 port={cluster.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
auth_type = trust
auth_file = {self.directory / "users"}
pool_mode = {mode}
default_pool_size = {size}
""")
        # The folder of the tests may be closed to the user postgres.
        program = shutil.copy(unpacked() / "usr/sbin/pgbouncer", self.directory)
        for library in ("libcares.so.2", "libevent-2.1.so.7"):
            shutil.copy(libraries() / library, self.directory)
        command = ["env", f"LD_LIBRARY_PATH={self.directory}", program, str(configuration)]
        if os.geteuid() == 0:
            shutil.chown(self.directory, "postgres", "postgres")
            command = ["runuser", "-u", "postgres", "--", *command]
        self.log = (self.directory / "log").open("wb")
        self._process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        eventually(lambda: b"listening on" in Path(self.log.name).read_bytes(),
                   "the pooler listens")

    def url(self, database: str, user: str = "app") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)
