"""A Debian with nothing in it but a shell and some packages, unpacked into a folder, and programs
that run there. As root."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from .debian import unpacked
from .server import scratch_directory
from .stubs import ROOT

CODENAME = "bookworm"
BASE = ["base-files", "base-passwd", "bash", "coreutils", "dash", "grep", "libc-bin", "sed"]
ENTER = """
root=$0 user=$1
shift
mount --bind "$root" "$root"
for folder in var/lib/progressor run/progressor; do
  [ ! -d "$root/$folder" ] || mount --bind "$root/$folder" "$root/$folder"
done
mount -o remount,bind,ro "$root"
mount --bind /proc "$root/proc"
mount --bind /dev "$root/dev"
exec chroot --userspec="$user:$user" "$root" "$@"
"""
MERGED = ["bin", "lib", "lib64", "sbin"]  # links into usr


def obstacle() -> str:
    """Why no such folder can be made here; empty = it can."""
    if os.geteuid() != 0:
        return "only root can run programs in a root directory of their own"
    if missing := [name for name in ("apt-get", "dpkg-deb", "chroot", "useradd", "unshare")
                   if not shutil.which(name)]:
        return f"{', '.join(missing)}: not there, as they are on Debian"
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        return "this root may not mount anything"
    return ""


class BareRoot:
    """A copy of the folder, a test's or a module's own."""

    def __init__(self, packages: Iterable[str]):
        self.scratch = scratch_directory()
        self.path = self.scratch / "root"
        subprocess.run(["cp", "--archive", _unpacked([*BASE, *packages]), self.path], check=True)

    def file(self, path: str) -> Path:
        """What programs in the folder call `path`."""
        return self.path / path.lstrip("/")

    def launcher(self, user: str) -> list[str]:
        """What starts a program there as a user, who can write only where the service can."""
        return ["unshare", "--mount", "sh", "-ec", ENTER, str(self.path), user]

    def run(self, *command: str, user: str = "root") -> subprocess.CompletedProcess:
        """Runs a program there to its end, with nothing in its environment."""
        return subprocess.run([*self.launcher(user), *command], text=True, capture_output=True,
                              timeout=60, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})

    def bring_libraries(self, binary: Path) -> None:
        """Those of Swift's toolchain, where `binary` loads them: a debug build does."""
        listed = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=True)
        for library in re.findall(r"=> (/\S+)", listed.stdout):
            if not library.startswith(("/lib", "/usr/lib")):
                place = self.file(library)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(library, place)

    def close(self) -> None:
        shutil.rmtree(self.scratch, ignore_errors=True)


class Debootstrapped(BareRoot):
    """The same, made by debootstrap: every package's scripts have run. Takes minutes."""

    def __init__(self, packages: Iterable[str]):
        self.scratch = scratch_directory()
        self.path = self.scratch / "root"
        programs = unpacked()
        archive = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages",
             f"Codename: {CODENAME}"], capture_output=True, text=True, check=True).stdout.split()
        made = subprocess.run(
            [str(programs / "usr" / "sbin" / "debootstrap"), "--variant=minbase",
             f"--include={','.join(packages)}", CODENAME, str(self.path), archive[0]],
            env={**os.environ, "DEBOOTSTRAP_DIR": str(programs / "usr" / "share" / "debootstrap")},
            capture_output=True, text=True, timeout=1200)
        assert made.returncode == 0, made.stdout[-2000:] + made.stderr


def _unpacked(packages: list[str]) -> Path:
    """The folder with these packages and all that they depend on; made once."""
    cache = Path(os.environ.get("PROGRESSOR_CACHE", ROOT / ".cache"))
    cache.mkdir(parents=True, exist_ok=True)
    key = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:12]
    folder = cache / f"bare-{key}"
    with (cache / "bare.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _unpack(packages, folder)
            (folder / "complete").touch()
    return folder / "root"


def _unpack(packages: list[str], folder: Path) -> None:
    """As a package manager does in an empty system, but for the scripts of the packages."""
    root, downloads = folder / "root", folder / "packages"
    (downloads / "partial").mkdir(parents=True)
    _download(packages, downloads, folder / "status")
    for name in MERGED:
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for package in sorted(downloads.glob("*.deb")):
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package],
                              stdout=subprocess.PIPE) as archive:
            subprocess.run(["tar", "--extract", "--keep-directory-symlink", "--directory", root],
                           stdin=archive.stdout, check=True)
        assert archive.returncode == 0, package
    for name in ("passwd", "group"):
        shutil.copy(root / "usr" / "share" / "base-passwd" / f"{name}.master", root / "etc" / name)
    shutil.rmtree(downloads)


def _download(packages: list[str], folder: Path, status: Path) -> None:
    """`apt-get` of this machine, its sources and lists, told that nothing is installed."""
    status.touch()
    options = ["-o", f"Dir::State::status={status}", "-o", f"Dir::Cache::Archives={folder}",
               "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=root"]
    command = ["apt-get", *options, "--no-install-recommends", "--download-only", "--yes",
               "--quiet", "install", *packages]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if result.returncode:
        subprocess.run(["apt-get", "-o", "DPkg::Lock::Timeout=300", "update"],
                       capture_output=True, timeout=300)
        result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
