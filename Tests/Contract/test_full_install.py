"""What scripts/install builds by itself, in a Debian that debootstrap made, and with a PostgreSQL
that it starts there. `scripts/test install` runs it: the build takes minutes, and so does
debootstrap."""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.bare_root import BareRoot, Debootstrapped, obstacle
from support.ports import free_port
from support.server import BINARY, Server, progressor
from support.stubs import ROOT
from test_install import CONFIGURATION, PROGRAM, install, libraries

pytestmark = [
    pytest.mark.skipif(os.environ.get("PROGRESSOR_TEST_INSTALL") != "full",
                       reason="takes a release build: scripts/test install"),
    pytest.mark.skipif(bool(obstacle()), reason=obstacle()),
]


@pytest.fixture
def roots() -> Iterator[Callable[[BareRoot], BareRoot]]:
    made: list[BareRoot] = []

    def with_progressor(root: BareRoot) -> BareRoot:
        made.append(root)
        result = install("--root", str(root.path), "--binary", str(BINARY))
        assert result.returncode == 0, result
        for folder in ("var/lib/progressor", "run/progressor"):
            user = root.run("id", "-u", "progressor").stdout.strip()
            subprocess.run(["install", "-d", "-o", user, str(root.path / folder)], check=True)
        return root

    yield with_progressor
    for root in made:
        root.close()


def serve(root: BareRoot, *arguments: str) -> Server:
    return Server(
        ["--config", CONFIGURATION, *arguments], embedded=False, binary=Path(PROGRAM),
        launcher=root.launcher("progressor"),
        environment={"PROGRESSOR_METRICS_LISTEN": f"127.0.0.1:{free_port()}"})


def test_nothing_of_swift_is_loaded():
    loaded = subprocess.run(["ldd", str(BINARY)], capture_output=True, text=True, check=True).stdout
    assert "not found" not in loaded and "swift" not in loaded and "Foundation" not in loaded
    assert str(ROOT) not in loaded


def test_a_debootstrapped_debian_serves(roots, postgres, spaces):
    root = roots(Debootstrapped(libraries()))
    said = root.run(PROGRAM, "--version")
    assert (said.returncode, said.stdout) == (0, progressor("--version").stdout), said
    assert root.run(PROGRAM, "config", "check", CONFIGURATION, user="progressor").returncode == 0
    with contextlib.closing(serve(root, "--database-url", postgres.url)) as server:
        space = spaces(server.start().client)
        space.start("m")
        assert space.call("m", b"asked") == b"asked"
        assert server.terminate() == 0, server.log_tail()


def test_a_bare_debian_with_postgresql_serves_by_itself(roots, spaces):
    root = roots(BareRoot([*libraries(), "postgresql-15", "util-linux"]))
    with contextlib.closing(serve(root)) as server:
        space = spaces(server.start().client)
        space.start("m")
        assert server.terminate() == 0, server.log_tail()
        server.start()
        assert space.call("m", b"asked") == b"asked"
        assert server.terminate() == 0, server.log_tail()
    assert root.file("/var/lib/progressor/postgres/PG_VERSION").exists()
