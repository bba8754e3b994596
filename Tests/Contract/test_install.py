"""scripts/install, in a Debian that has nothing but what the program loads; and the unit that it
installs, by what systemd's own programs say of it."""

import contextlib
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.bare_root import BareRoot, obstacle
from support.confined import directives
from support.ports import free_port
from support.server import BINARY, Server, clean_environment, progressor, scratch_directory
from support.stubs import ROOT

SCRIPT = ROOT / "scripts" / "install"
UNIT = ROOT / "packaging" / "systemd" / "progressor.service"
CONFIGURATION = "/etc/progressor/progressor.yaml"
PROGRAM = "/usr/local/bin/progressor"
INSTALLED = [PROGRAM, CONFIGURATION, "/usr/local/lib/systemd/system/progressor.service",
             "/usr/lib/sysusers.d/progressor.conf", "/usr/lib/tmpfiles.d/progressor.conf"]
# How long a server may take beyond its drain_timeout (docs/operations.md, "Stop").
BEYOND_DRAIN = 12


def install(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([str(SCRIPT), *arguments], capture_output=True, text=True, timeout=120,
                          env=clean_environment())


def libraries() -> list[str]:
    """The packages that scripts/install names."""
    return re.search(r'LIBRARIES="(.*)"', SCRIPT.read_text())[1].split()


@pytest.fixture(scope="module")
def bare() -> Iterator[BareRoot]:
    if why := obstacle():
        pytest.skip(why)
    root = BareRoot(libraries())
    root.bring_libraries(BINARY)
    yield root
    root.close()


@pytest.fixture
def debian(bare) -> BareRoot:
    """A bare Debian with Progressor installed."""
    bare.file(CONFIGURATION).unlink(missing_ok=True)
    result = install("--root", str(bare.path), "--binary", str(BINARY))
    assert result.returncode == 0, result.stdout + result.stderr
    return bare


@pytest.fixture
def stage(tmp_path) -> Path:
    """A folder of which a package is to be made: no users, nothing."""
    if os.geteuid() != 0 and not shutil.which("sudo"):
        pytest.skip("only root can give files away")
    return tmp_path


def owner(root: BareRoot, path: str) -> tuple[int, str, str]:
    said = root.run("stat", "--format=%a %U %G", path)
    assert said.returncode == 0, said
    mode, user, group = said.stdout.split()
    return int(mode, 8), user, group


def test_the_program_runs_in_a_bare_debian(debian):
    said = debian.run(PROGRAM, "--version")
    assert (said.returncode, said.stdout) == (0, progressor("--version").stdout), said


def test_the_service_can_read_its_configuration_and_others_cannot(debian):
    assert owner(debian, PROGRAM) == (0o755, "root", "root")
    assert owner(debian, "/etc/progressor") == (0o750, "root", "progressor")
    assert owner(debian, CONFIGURATION) == (0o640, "root", "progressor")
    checked = debian.run(PROGRAM, "config", "check", CONFIGURATION, user="progressor")
    assert checked.returncode == 0 and checked.stderr == "", checked
    assert f"{CONFIGURATION}:" in checked.stdout
    assert debian.run("cat", CONFIGURATION, user="nobody").returncode != 0
    entry = debian.run("grep", "^progressor:", "/etc/passwd").stdout.strip().split(":")
    assert entry[5:] == ["/var/lib/progressor", "/usr/sbin/nologin"]
    assert int(entry[2]) < 1000


def test_it_serves_there_on_a_database_elsewhere(debian, postgres, spaces):
    """As systemd would start it: the service's user, and nothing to be written elsewhere."""
    for folder in ("/var/lib/progressor", "/run/progressor"):
        made = subprocess.run(["install", "-d", "-o", _id(debian), str(debian.file(folder))])
        assert made.returncode == 0
    server = Server(
        ["--database-url", postgres.url, "--config", CONFIGURATION], embedded=False,
        launcher=debian.launcher("progressor"), binary=Path(PROGRAM),
        environment={"PROGRESSOR_METRICS_LISTEN": f"127.0.0.1:{free_port()}"})
    with contextlib.closing(server):
        server.start()
        space = spaces(server.client)
        space.start("m")
        assert space.call("m", b"asked") == b"asked"
        assert debian.file("/proc/1").exists() is False  # what is mounted is the server's own
        assert Path(f"/proc/{server.pid}/root").readlink() == debian.path
        assert server.terminate() == 0, server.log_tail()


def _id(debian: BareRoot) -> str:
    return debian.run("id", "-u", "progressor").stdout.strip()


def test_once_more_keeps_what_an_operator_wrote(debian):
    edited = debian.file(CONFIGURATION)
    edited.write_text("lease: 20s\n")
    before = debian.file(PROGRAM).stat().st_ino
    accounts = debian.file("/etc/passwd").read_text()
    result = install("--root", str(debian.path), "--binary", str(BINARY))
    assert result.returncode == 0 and "kept as it is" in result.stderr, result
    assert edited.read_text() == "lease: 20s\n"
    assert owner(debian, CONFIGURATION) == (0o640, "root", "progressor")
    assert debian.file(PROGRAM).stat().st_ino != before  # who runs the old one keeps it
    assert debian.file("/etc/passwd").read_text() == accounts


def test_taken_away_configuration_data_and_user_stay(debian):
    data = debian.file("/var/lib/progressor/kept")
    data.parent.mkdir(parents=True, exist_ok=True)
    data.touch()
    result = install("--root", str(debian.path), "--uninstall")
    assert result.returncode == 0, result
    assert [path for path in INSTALLED if debian.file(path).exists()] == [CONFIGURATION]
    assert data.exists() and "progressor:" in debian.file("/etc/passwd").read_text()
    again = install("--root", str(debian.path), "--uninstall")
    assert again.returncode == 0, again


def test_files_for_a_package_leave_the_user_to_it(stage):
    result = install(f"--root={stage}", "--prefix=/usr", f"--binary={BINARY}")
    assert result.returncode == 0, result
    files = sorted(str(path.relative_to(stage)) for path in stage.rglob("*") if path.is_file())
    assert files == [
        "etc/progressor/progressor.yaml", "usr/bin/progressor",
        "usr/lib/systemd/system/progressor.service", "usr/lib/sysusers.d/progressor.conf",
        "usr/lib/tmpfiles.d/progressor.conf"]
    unit = (stage / "usr/lib/systemd/system/progressor.service").read_text()
    assert "\nExecStart=/usr/bin/progressor serve" in unit and "@PREFIX@/" not in unit
    mode = (stage / "etc/progressor/progressor.yaml").stat().st_mode
    assert stat.S_IMODE(mode) == 0o640


@pytest.mark.parametrize(("arguments", "named"), [
    (["--binary"], "--binary"), (["--binary", "/nowhere"], "--binary /nowhere"),
    (["--binary", "/etc/passwd"], "--binary /etc/passwd: it is not executable"),
    (["--root", "/nowhere"], "--root /nowhere"), (["--prefix", "usr"], "--prefix usr"),
    (["--prefix", "/a b"], "--prefix /a b"), (["--prefix", "/home/me"], "--prefix /home/me"),
    (["--prefix", "/tmp"], "--prefix /tmp"),
    (["--prefix="], "--prefix"), (["--frobnicate"], "--frobnicate"),
    (["--uninstall", "--binary", "/bin/true"], "--binary")])
def test_what_cannot_be_done_names_the_option(arguments, named, tmp_path):
    result = install(*arguments, *([] if "--root" in arguments else ["--root", str(tmp_path)]))
    assert result.returncode == 1 and f"error: {named}" in result.stderr.replace(
        "scripts/install knows --binary, --prefix, --root and --uninstall, not ", ""), result
    assert [*tmp_path.iterdir()] == []


def test_a_program_that_does_not_run_is_not_installed(tmp_path):
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho libpq.so.5: cannot open shared object file >&2\nexit 127\n")
    broken.chmod(0o755)
    (tmp_path / "root").mkdir()
    result = install("--root", str(tmp_path / "root"), "--binary", str(broken))
    assert result.returncode == 1 and "libpq.so.5" in result.stderr and "libpq5" in result.stderr
    assert [*(tmp_path / "root").iterdir()] == []


def test_the_packages_that_are_named_have_all_that_is_loaded():
    """What the binary itself names as needed, but for Swift's runtime and what every Debian has."""
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", subprocess.run(
        ["readelf", "--dynamic", str(BINARY)], capture_output=True, text=True, check=True).stdout)
    places = dict(re.findall(r"(\S+) => (/\S+)", subprocess.run(
        ["ldd", str(BINARY)], capture_output=True, text=True, check=True).stdout))
    ours = [places[name] for name in needed if places.get(name, "").startswith(("/lib", "/usr"))]
    assert len(ours) > 4
    owners = {Path(file).name: package for package in [*libraries(), "libc6", "libgcc-s1"]
              for file in subprocess.run(["dpkg", "--listfiles", package], capture_output=True,
                                         text=True, check=True).stdout.splitlines()}
    found = {owners.get(Path(path).name, path) for path in ours}
    assert found - {"libc6", "libgcc-s1"} == set(libraries())


# The unit


# What every user may do unless the unit forbids it: be traced, write what is run.
TRIES = """
import ctypes, mmap
if ctypes.CDLL(None).ptrace(0, 0, 0, 0) == 0:
    print("traced")
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    print("mapped")
except PermissionError:
    pass
"""


def analyze(*arguments: str) -> subprocess.CompletedProcess:
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no systemd-analyze here, as Debian's package systemd has it")
    return subprocess.run(["systemd-analyze", "--no-pager", *arguments], capture_output=True,
                          text=True, timeout=60)


@pytest.fixture
def unit(tmp_path) -> Path:
    """The unit, with the program that is tested."""
    text = UNIT.read_text().replace("@PREFIX@/bin/progressor", str(BINARY))
    path = tmp_path / UNIT.name
    path.write_text(text)
    return path


def test_systemd_understands_the_unit(unit):
    said = analyze("verify", "--man=no", str(unit))
    ours = [line for line in said.stderr.splitlines() if UNIT.name in line]
    assert ours == [], said.stderr


def test_systemd_finds_the_unit_hardened(unit):
    said = analyze("security", "--offline=yes", "--threshold=20", str(unit))
    assert said.returncode == 0, said.stdout
    assert "Overall exposure level" in said.stdout


def test_the_unit_and_the_server_agree():
    said = directives(UNIT)
    path, command, *flags = said["ExecStart"][0].split()
    usage = progressor(command, "--help").stdout
    assert [flag for flag in flags if flag.startswith("--") and flag not in usage] == []
    assert flags[flags.index("--config") + 1] == CONFIGURATION
    drain = re.search(r"\| `drain_timeout` \|.*?\| `(\d+)s` \|", progressor("settings").stdout)
    assert int(said["TimeoutStopSec"][0]) >= int(drain[1]) + BEYOND_DRAIN
    defaults = (ROOT / "packaging" / "systemd" / "progressor.yaml").read_text()
    assert f"data_dir: /var/lib/{said['StateDirectory'][0]}\n" in defaults
    assert f"unix:/run/{said['RuntimeDirectory'][0]}/" in defaults


def test_a_server_and_its_postgresql_run_under_the_units_filters(spaces):
    """The kernel refuses what the unit forbids, to the server and to what it starts."""
    if os.geteuid() != 0:
        pytest.skip("only root can be another user")
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no systemd-analyze here, as Debian's package systemd has it")
    script = ROOT / "Tests" / "Contract" / "support" / "confined.py"
    launcher = [sys.executable, str(script), str(UNIT), "postgres"]
    tries = ["/usr/bin/python3", "-c", TRIES]
    assert subprocess.run(tries, capture_output=True, text=True).stdout == "traced\nmapped\n"
    assert subprocess.run([*launcher, *tries], capture_output=True, text=True).stdout == ""
    directory = scratch_directory()
    shutil.chown(directory, "postgres", "postgres")
    # Where that user can reach it.
    binary = Path(shutil.copy(BINARY, directory))
    server = Server(directory=directory, launcher=launcher, binary=binary)
    with contextlib.closing(server):
        server.start()
        status = Path(f"/proc/{server.pid}/status").read_text()
        assert re.search(r"^Seccomp:\s+2$", status, re.MULTILINE)
        space = spaces(server.client)
        space.start("m")
        assert space.call("m", b"asked") == b"asked"
        assert server.terminate() == 0, server.log_tail()
