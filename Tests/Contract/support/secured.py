"""A server with listeners of every kind, and those who know its authority."""

import socket
import ssl
import urllib.request
from collections.abc import Callable

from .certificates import Authority, Certificate, credentials, replace
from .client import DEADLINE, Client, Space
from .ports import free_port
from .processor import ScriptedProcessor, echo
from .server import Server
from .stubs import namespaces_pb2

CONFIGURATION = """
listen:
  - 127.0.0.1:{plain}
  - address: 127.0.0.1:{tls}
    tls: {{certificate: {folder}/server.pem, key: {folder}/server.key}}
  - address: 127.0.0.1:{required}
    tls: {{certificate: {folder}/server.pem, key: {folder}/server.key, client_ca: {folder}/ca.pem}}
  - address: 127.0.0.1:{optional}
    tls: {{certificate: {folder}/server.pem, key: {folder}/server.key, client_ca: {folder}/ca.pem,
           client_certificates: optional}}
    services: [automaton, health]
metrics_listen: 127.0.0.1:{metrics}
processor_tls_directory: {folder}/processors
limits: {{connections_per_client: 200}}
authorization:
  rules:
    - {{principals: ["spiffe://test/admin"], namespaces: ["*"],
        allow: [read, drive, operate, administer]}}
    - {{principals: [worker.example, person], namespaces: ["*"], allow: [read, drive]}}
    - {{principals: [anonymous], namespaces: ["*"], allow: [read]}}
"""


class Secured:
    """A server with listeners of every kind, and those who know its authority."""

    def __init__(self, server: Server, log_level: str = "debug"):
        self.server = server
        folder = server.directory / "tls"
        self.folder = folder
        self.authority = Authority(folder / "made", "authority")
        self.stranger = Authority(folder / "made", "stranger")
        self.shown = self.authority.sign("server", "DNS:localhost", "IP:127.0.0.1")
        self.admin = self.authority.sign(
            "admin", "DNS:other.example", "URI:spiffe://test/admin", "URI:spiffe://test/second")
        self.processors = folder / "processors"
        self.processors.mkdir()
        replace(self.processors / "ca.pem", self.authority.pem)
        self.certificate, self.key = folder / "server.pem", folder / "server.key"
        self.restore()
        self.ports = {name: free_port() for name in ("tls", "required", "optional", "metrics")}
        configuration = folder / "server.yaml"
        configuration.write_text(
            CONFIGURATION.format(folder=folder, plain=server.port, **self.ports))
        server.arguments = ["serve", "--config", str(configuration), "--data-dir",
                            str(server.data), "--log-level", log_level]
        self._clients: list[Client] = []

    def restore(self) -> None:
        self.shown.put(self.certificate, self.key)
        replace(self.folder / "ca.pem", self.authority.pem)

    def client(self, listener: str, shown: Certificate | None = None,
               host: str = "localhost") -> Client:
        client = Client(f"{host}:{self.ports[listener]}", credentials(self.authority, shown))
        self._clients.append(client)
        return client

    def space(self, name: str, processor: ScriptedProcessor, endpoint: str = "",
              tls: namespaces_pb2.ProcessorTls | None = None) -> Space:
        processor.behave(name, echo)
        options = namespaces_pb2.ProcessorOptions(
            endpoint=endpoint or processor.endpoint, tls=tls)
        client = self.client("required", self.admin)
        client.namespaces.Create(namespaces_pb2.CreateNamespaceRequest(
            namespace=namespaces_pb2.Namespace(name=name, processor=options)), timeout=DEADLINE)
        return Space(client, processor, name)

    def metric(self, name: str) -> float:
        url = f"http://127.0.0.1:{self.ports['metrics']}/metrics"
        with urllib.request.urlopen(url, timeout=10) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(f"{name} "):
                    return float(line.split()[1])
        raise AssertionError(f"there is no {name}")

    def presented(self, listener: str = "tls") -> bytes:
        """The certificate that a new connection is shown, in DER."""
        with self.connect(listener) as connection:
            return connection.getpeercert(binary_form=True)

    def connect(self, listener: str, alpn: tuple[str, ...] = ("h2",),
                change: Callable[[ssl.SSLContext], None] = lambda context: None) -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=self.authority.file)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        change(context)
        plain = socket.create_connection(("127.0.0.1", self.ports[listener]), timeout=20)
        return context.wrap_socket(plain, server_hostname="localhost")

    def close_clients(self) -> None:
        while self._clients:
            self._clients.pop().close()


def der(certificate: Certificate) -> bytes:
    return ssl.PEM_cert_to_DER_cert(certificate.pem.decode())
