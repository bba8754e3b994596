"""Debian's gRPC for C++, unpacked and not installed: clients/client.cc is built with it, once per
contents."""

import hashlib
import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from .debian import libraries, unpacked
from .stubs import CACHE, ROOT

SOURCE = Path(__file__).resolve().parents[1] / "clients" / "client.cc"
MESSAGES = ["google/rpc/error_details", "google/rpc/status",
            *(f"progressor/v1/{name}" for name in ("types", "transfer", "automaton", "processor"))]
SERVICES = ["progressor/v1/automaton", "progressor/v1/processor"]
LIBRARIES = ["grpc++", "protobuf", "gpr", "absl_synchronization"]


def environment() -> dict[str, str]:
    return {**os.environ, "LD_LIBRARY_PATH": str(libraries())}


@cache
def program() -> Path:
    """The program, built unless it is there for these very files."""
    sources = [SOURCE, Path(__file__), *(ROOT / f"proto/{name}.proto" for name in MESSAGES)]
    digest = hashlib.sha256(str(unpacked()).encode())
    for source in sources:
        digest.update(source.read_bytes())
    target = CACHE / f"cpp-{digest.hexdigest()[:12]}"
    if not target.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="cpp-", dir=CACHE) as scratch:
            # Whoever else builds it meanwhile has the same.
            _build(Path(scratch)).rename(target)
    return target


def _build(folder: Path) -> Path:
    files = [f"{name}.proto" for name in MESSAGES]
    plugin = unpacked() / "usr/bin/grpc_cpp_plugin"
    _run("protoc", f"-I{ROOT / 'proto'}", f"--cpp_out={folder}", *files)
    _run("protoc", f"-I{ROOT / 'proto'}", f"--plugin=protoc-gen-grpc={plugin}",
         f"--grpc_out={folder}", *(f"{name}.proto" for name in SERVICES))
    sources = [SOURCE, *(folder / f"{name}.pb.cc" for name in MESSAGES),
               *(folder / f"{name}.grpc.pb.cc" for name in SERVICES)]
    objects = [folder / f"{number}.o" for number in range(len(sources))]

    def compile(source: Path, object: Path) -> None:
        _run("g++", "-std=c++17", "-O0", f"-I{folder}", f"-I{unpacked() / 'usr/include'}",
             "-c", str(source), "-o", str(object))

    with ThreadPoolExecutor(2) as both:
        list(both.map(compile, sources, objects))
    program = folder / "program"
    _run("g++", *map(str, objects), f"-L{libraries()}", f"-Wl,-rpath-link,{libraries()}",
         *(f"-l{name}" for name in LIBRARIES), "-o", str(program))
    return program


def _run(*command: str) -> None:
    result = subprocess.run(command, env=environment(), capture_output=True, text=True,
                            timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr


def cpp(*arguments: str) -> subprocess.Popen:
    """The program, running; its input and output are pipes."""
    return subprocess.Popen(
        [str(program()), *arguments], env=environment(), stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
