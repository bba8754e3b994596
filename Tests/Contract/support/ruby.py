"""Debian's Ruby with its gRPC, unpacked and not installed: it runs clients/client.rb."""

import os
import subprocess
from functools import cache
from pathlib import Path

from .debian import libraries, unpacked
from .server import scratch_directory
from .stubs import ROOT

PROGRAM = Path(__file__).resolve().parents[1] / "clients" / "client.rb"


@cache
def generated() -> Path:
    """The messages in Ruby."""
    target = scratch_directory() / "ruby"
    target.mkdir()
    protos = (ROOT / "proto" / "progressor").rglob("*.proto")
    subprocess.run(["protoc", f"-I{ROOT / 'proto'}", f"--ruby_out={target}", *map(str, protos)],
                   check=True)
    return target


def environment() -> dict[str, str]:
    usr = unpacked() / "usr"
    places = [generated(), usr / "lib/ruby/3.1.0", usr / "lib/ruby/vendor_ruby",
              *usr.glob("lib/*-linux-gnu/ruby/3.1.0"),
              *usr.glob("lib/*-linux-gnu/rubygems-integration/3.1.0/gems/grpc-*/src/ruby/lib"),
              *usr.glob("lib/*-linux-gnu/rubygems-integration/3.1.0/gems/google-protobuf-*/lib"),
              *usr.glob("lib/*-linux-gnu/rubygems-integration/3.1.0/extensions/*/3.1.0/*"),
              *usr.glob("share/rubygems-integration/all/gems/*/lib")]
    return {"LD_LIBRARY_PATH": str(libraries()), "RUBYLIB": ":".join(map(str, places)),
            "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}


def ruby(*arguments: str) -> subprocess.Popen:
    """The program, running; its input and output are pipes."""
    return subprocess.Popen(
        [str(unpacked() / "usr/bin/ruby3.1"), "--disable-gems", str(PROGRAM), *arguments],
        env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True)
