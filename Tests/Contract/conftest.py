"""Fixtures. Most tests share one server and one processor and have a namespace of their own, so
that they neither see each other nor depend on an order."""

import itertools
import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.client import Client, Space
from support.hosted import Departed, Hosted
from support.hosts import Network
from support.metrics import Measured
from support.names import NameServer
from support.postgres import Postgres
from support.processor import Behaviour, ScriptedProcessor, echo
from support.server import BINARY, Server, fastest_folder, scratch_directory


def pytest_sessionstart(session: pytest.Session) -> None:
    if not BINARY.exists():
        pytest.exit(f"{BINARY} is not there: build it first, or run scripts/test contract", 2)


@pytest.fixture(scope="session")
def processor() -> Iterator[ScriptedProcessor]:
    processor = ScriptedProcessor()
    yield processor
    processor.stop()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The shared server: tests neither stop nor disturb it. Its database is on a disk."""
    server = Server().start()
    yield server
    server.close()


@pytest.fixture
def client(server: Server) -> Client:
    return server.client


@pytest.fixture
def spaces(processor: ScriptedProcessor) -> Callable[..., Space]:
    """Makes namespaces: `spaces(client, behaviour, **fields of Namespace)`."""
    numbers = itertools.count(1)
    base = f"test-{uuid.uuid4().hex[:8]}"

    def make(client: Client, behaviour: Behaviour = echo, **options) -> Space:
        name = options.pop("name", f"{base}-{next(numbers)}")
        processor.behave(name, behaviour)
        client.create_namespace(name, options.pop("endpoint", processor.endpoint), **options)
        return Space(client, processor, name)

    return make


@pytest.fixture
def space(client: Client, spaces: Callable[..., Space]) -> Space:
    """A new namespace whose machines answer each stimulus with one event that repeats its args."""
    return spaces(client)


@pytest.fixture(scope="session")
def new_data() -> Iterator[Path]:
    """The data directory of a server that was started and stopped once."""
    server = Server(directory=scratch_directory(fastest_folder())).start()
    assert server.terminate() == 0
    yield server.data
    server.close()


@pytest.fixture
def servers(new_data: Path) -> Iterator[Callable[..., Server]]:
    """Makes servers of a test's own, not started yet."""
    made: list[Server] = []

    def make(*arguments: str, **options) -> Server:
        directory = options.pop("directory", None) or scratch_directory(fastest_folder())
        made.append(Server(arguments, directory, template=new_data, **options))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    """A file of names that the `named_server` alone has as its /etc/hosts."""
    file = tmp_path / "hosts"
    tmp_path.chmod(0o755)
    file.write_text("127.0.0.1 localhost\n")
    return file


@pytest.fixture
def named_server(hosts: Path, servers: Callable[..., Server]) -> Server:
    """Not started yet."""
    launcher = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"',
                str(hosts)]
    if os.geteuid() != 0 or subprocess.run([*launcher, "true"], capture_output=True).returncode:
        pytest.skip("only root can give a process another /etc/hosts")
    return servers(launcher=launcher)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    """A PostgreSQL of the module's own, with an empty database."""
    cluster = Postgres().start()
    cluster.new_database()
    yield cluster
    cluster.close()


@pytest.fixture
def postgres(cluster: Postgres) -> Postgres:
    """The module's PostgreSQL, with an empty database of the test's own."""
    if not cluster.running:
        cluster.start()
    cluster.new_database()
    return cluster


@pytest.fixture
def node(servers: Callable[..., Server], postgres: Postgres) -> Callable[..., Server]:
    """Makes servers on the test's database, or on it through another URL, not started yet."""
    def make(url: str = "", lease: float = 5) -> Server:
        return servers("--database-url", url or postgres.url, embedded=False,
                       environment={"PROGRESSOR_LEASE": f"{lease}s"})
    return make


@pytest.fixture
def measured(servers: Callable[..., Server]) -> Callable[..., Measured]:
    """A server of the test's own with these limits, and its metrics."""
    return lambda **limits: Measured(servers, **limits)


@pytest.fixture(scope="session")
def network() -> Iterator[Network]:
    """Hosts, each with the last numbers of its addresses."""
    network = Network(
        "names", names=(53,), server=(1,), database=(2,), processor=(3, 33, 133), client=(4,),
        waiting=(5,), reading=(6,))
    yield network
    network.close()


@pytest.fixture(scope="session")
def names(network: Network) -> Iterator[NameServer]:
    """The name server of all hosts."""
    names = NameServer(network["names"])
    yield names
    names.close()


@pytest.fixture(scope="session")
def hosted(network: Network, processor: ScriptedProcessor) -> Iterator[Hosted]:
    """A server on its host. Tests may cut its links, and leave them whole."""
    hosted = Hosted(network, processor)
    yield hosted
    hosted.close()


@pytest.fixture(scope="session")
def departed(hosted: Hosted, processor: ScriptedProcessor) -> Iterator[Departed]:
    """Clients of that server whose links are cut: from before the first test that is on hosts."""
    departed = Departed(hosted, processor)
    yield departed
    departed.close()
