"""Clients and processors of other implementations of gRPC than Python's: what they are told is what
they can read."""

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator

import pytest
from support.cpp import cpp
from support.ruby import ruby
from support.waiting import eventually

INFO = "type.googleapis.com/google.rpc.ErrorInfo"


@contextlib.contextmanager
def processor(run: Callable[..., subprocess.Popen]) -> Iterator[tuple[str, subprocess.Popen]]:
    """Its endpoint and its process."""
    process = run("processor")
    try:
        port = process.stdout.readline().strip()
        assert port, process.stderr.read()
        yield f"127.0.0.1:{port}", process
    finally:
        process.kill()
        process.communicate(timeout=30)


def told(said: str) -> dict[str, object]:
    """What a client printed, by what it is about."""
    return {line["what"]: line["value"] for line in map(json.loads, said.splitlines())}


def test_ruby_drives_machines_whose_processor_is_in_ruby(server, client, spaces):
    with processor(ruby) as (endpoint, _):
        space = spaces(client, endpoint=endpoint)
        process = ruby("client", server.address, space.name)
        said, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        heard = told(said)
        assert heard["called"] == "reward" and heard["large"] and heard["events"]
        assert heard["unknown"]["code"] == 5 and heard["unknown"]["details"] == [INFO]
        assert heard["refused"]["code"] == 3 and "not this one" in heard["refused"]["text"]
        assert heard["late"]["code"] == 4 and heard["cancelled"]["code"] == 1
        eventually(lambda: b"notification" in space.events("ruby"), "what Ruby sent is delivered")
        assert space.events("ruby")[:2] == [b"init", b"drawer"]


def test_cpp_drives_machines_whose_processor_is_in_cpp(server, client, spaces):
    with processor(cpp) as (endpoint, other):
        space = spaces(client, endpoint=endpoint)
        process = cpp("client", server.address, space.name)
        for machine in "cpp", "waits":
            assert other.stdout.readline().strip() == machine, "its call waits"
        said, errors = process.communicate("give it up\n", timeout=60)
        assert process.returncode == 0, errors
        heard = told(said)
        assert heard["called"] == "reward" and heard["metadata"] == "1 soon"
        assert heard["large"] and heard["packed"] and heard["notified"]
        assert heard["unknown"]["code"] == 5 and heard["unknown"]["same"]
        assert heard["unknown"]["details"] == ["progressor MACHINE_NOT_FOUND"]
        assert heard["refused"]["code"] == 3 and heard["refused"]["text"] == "not this one"
        assert heard["refused"]["same"]
        assert set(heard["refused"]["details"]) == {"mirror NOT_THIS_ONE",
                                                    "progressor PROCESSOR_REFUSED"}
        assert heard["late"]["code"] == 4 and heard["cancelled"]["code"] == 1
        assert heard["events"][:3] == ["init", "drawer", "metadata"]
        eventually(lambda: b"told" in space.events("cpp"), "what C++ sent is delivered")
        assert space.events("waits") == [b"init"], "the call that was given up changed nothing"
