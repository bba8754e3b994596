"""gRPC's interoperability cases: our server and our client with each other, and each with Python's
gRPC (Tests/Interop)."""

import pytest
from support.interop import CASES, UNSEEN, PythonClient, PythonServer, SwiftServer, swift_client


@pytest.fixture(scope="module")
def swift():
    server = SwiftServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def python():
    server = PythonServer()
    yield server
    server.close()


def test_all_cases_are_known():
    assert len(CASES) == 18


@pytest.mark.parametrize("case", CASES)
def test_our_client_and_our_server(swift, case):
    assert swift_client(swift.address, case) == "well"


@pytest.mark.parametrize("case", CASES)
def test_pythons_client_and_our_server(swift, case):
    client = PythonClient(swift.address)
    client.run(case)
    client.close()


@pytest.mark.parametrize("case", [case for case in CASES if case not in UNSEEN])
def test_our_client_and_pythons_server(python, case):
    assert swift_client(python.address, case) == "well"
