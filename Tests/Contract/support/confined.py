"""`python confined.py UNIT USER COMMAND…` runs a program as a user under what a unit of systemd
says of system calls, without systemd: SystemCallFilter, MemoryDenyWriteExecute and
RestrictAddressFamilies."""

import ctypes
import errno
import functools
import os
import pwd
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ALLOW, REFUSE = 0x7FFF0000, 0x00050000  # of libseccomp; REFUSE | errno
EQUAL, MASKED_EQUAL = 4, 7
WRITE, EXECUTE = 2, 4  # PROT_
FAMILIES = 46  # AF_MAX


class Comparison(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("operator", ctypes.c_int),
                ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


class Filter:
    """One seccomp filter. `otherwise` is what becomes of calls without a rule."""

    def __init__(self, library: ctypes.CDLL, otherwise: int):
        self._library = library
        library.seccomp_init.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(otherwise)))

    def rule(self, action: int, call: str, *comparisons: Comparison) -> None:
        number = self._library.seccomp_syscall_resolve_name(call.encode())
        if number < 0:
            return  # of another architecture, or newer than the library
        array = (Comparison * len(comparisons))(*comparisons)
        result = self._library.seccomp_rule_add_array(
            self._context, ctypes.c_uint32(action), number, len(comparisons), array)
        assert result == 0, (call, result)

    def load(self) -> None:
        assert self._library.seccomp_load(self._context) == 0


def directives(unit: Path) -> dict[str, list[str]]:
    """Of a unit, each with all its values."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        key, separator, value = line.partition("=")
        if separator and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


@functools.cache
def _groups() -> dict[str, list[str]]:
    text = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager"], text=True,
                          capture_output=True, check=True).stdout
    groups: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("@"):
            calls = groups.setdefault(line.strip(), [])
        elif line.startswith("    ") and not line.strip().startswith("#"):
            calls.append(line.strip())
    return groups


def _calls(names: Iterable[str]) -> set[str]:
    """The system calls that names stand for, those of groups within groups included."""
    calls: set[str] = set()
    for name in names:
        calls |= _calls(_groups()[name]) if name.startswith("@") else {name}
    return calls


def allowed_calls(filters: list[str]) -> set[str]:
    """First what is allowed; what begins with ~ takes away from that. As systemd has it, what a
    process needs to be started at all is always in it."""
    calls = _calls(["@default"])
    for line in filters:
        if line.startswith("~"):
            calls -= _calls(line[1:].split())
        else:
            calls |= _calls(line.split())
    return calls | {"execve"}


def confine(unit: Path) -> None:
    said = directives(unit)
    library = ctypes.CDLL("libseccomp.so.2")
    if said.get("MemoryDenyWriteExecute") == ["yes"]:
        memory = Filter(library, ALLOW)
        both = Comparison(2, MASKED_EQUAL, WRITE | EXECUTE, WRITE | EXECUTE)
        memory.rule(REFUSE | errno.EPERM, "mmap", both)
        for call in ("mprotect", "pkey_mprotect"):
            memory.rule(REFUSE | errno.EPERM, call, Comparison(2, MASKED_EQUAL, EXECUTE, EXECUTE))
        memory.load()
    families = Filter(library, ALLOW)
    kept = {int(getattr(socket, name)) for name in said["RestrictAddressFamilies"][0].split()}
    for family in set(range(FAMILIES)) - kept:
        families.rule(REFUSE | errno.EAFNOSUPPORT, "socket", Comparison(0, EQUAL, family, 0))
    families.load()
    calls = Filter(library, REFUSE | errno.EPERM)
    for call in sorted(allowed_calls(said["SystemCallFilter"])):
        calls.rule(ALLOW, call)
    calls.load()


def main() -> None:
    unit, user, *command = sys.argv[1:]
    _groups()
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    confine(Path(unit))
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
