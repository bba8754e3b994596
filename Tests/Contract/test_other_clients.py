"""Clients and processors of other implementations of gRPC than Python's: what they are told is what
they can read."""

import json

import pytest
from support.ruby import ruby
from support.waiting import eventually

INFO = "type.googleapis.com/google.rpc.ErrorInfo"


@pytest.fixture
def ruby_processor():
    """Its endpoint."""
    process = ruby("processor")
    port = process.stdout.readline().strip()
    assert port, process.stderr.read()
    yield f"127.0.0.1:{port}"
    process.kill()
    process.communicate(timeout=30)


def test_ruby_drives_machines_whose_processor_is_in_ruby(server, client, spaces, ruby_processor):
    space = spaces(client, endpoint=ruby_processor)
    process = ruby("client", server.address, space.name)
    said, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    told = {line["what"]: line["value"] for line in map(json.loads, said.splitlines())}
    assert told["called"] == "reward" and told["large"] and told["events"]
    assert told["unknown"]["code"] == 5 and told["unknown"]["details"] == [INFO]
    assert told["refused"]["code"] == 3 and "not this one" in told["refused"]["text"]
    assert told["late"]["code"] == 4 and told["cancelled"]["code"] == 1
    eventually(lambda: b"notification" in space.events("ruby"), "what Ruby sent is delivered")
    assert space.events("ruby")[:2] == [b"init", b"drawer"]
