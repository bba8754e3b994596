"""Certificates for tests, made with the openssl of the system."""

import itertools
import subprocess
from dataclasses import dataclass
from pathlib import Path

import grpc

_serials = itertools.count(1)


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, in files."""

    certificate: Path
    key: Path

    @property
    def pem(self) -> bytes:
        return self.certificate.read_bytes()

    def put(self, certificate: Path, key: Path) -> None:
        """Takes the place of another one, as those do it who renew certificates: new files in place
        of the old ones."""
        for source, target in ((self.certificate, certificate), (self.key, key)):
            replace(target, source.read_bytes())


def replace(target: Path, contents: bytes) -> None:
    other = target.with_name(target.name + ".new")
    other.write_bytes(contents)
    other.chmod(0o600)
    other.replace(target)


class Authority:
    """Signs certificates. Its files are below `folder`."""

    def __init__(self, folder: Path, name: str):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.name = name
        self.file = folder / f"{name}.pem"
        self._key = self._make_key(name)
        _openssl("req", "-x509", "-new", "-key", self._key, "-subj", f"/CN={name}", "-days", "30",
                 "-out", self.file, "-addext", "basicConstraints=critical,CA:TRUE")

    @property
    def pem(self) -> bytes:
        return self.file.read_bytes()

    def sign(self, name: str, *alternative_names: str, subject: str = "/O=Test",
             dates: tuple[str, str] | None = None) -> Certificate:
        """`alternative_names` as openssl writes them, DNS:localhost; `dates` as YYMMDDHHMMSSZ."""
        key = self._make_key(name)
        request = self.folder / f"{name}.csr"
        extensions = self.folder / f"{name}.ext"
        certificate = self.folder / f"{name}.pem"
        lines = ["basicConstraints=CA:FALSE"]
        if alternative_names:
            lines.append("subjectAltName=" + ",".join(alternative_names))
        extensions.write_text("\n".join(lines) + "\n")
        _openssl("req", "-new", "-key", key, "-subj", subject, "-out", request)
        if dates:
            self._sign_with_dates(request, extensions, certificate, dates)
        else:
            _openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self._key,
                     "-set_serial", str(next(_serials)), "-days", "30", "-extfile", extensions,
                     "-out", certificate)
        return Certificate(certificate, key)

    def _sign_with_dates(self, request: Path, extensions: Path, certificate: Path,
                         dates: tuple[str, str]) -> None:
        database = self.folder / "index.txt"
        database.write_text("")
        configuration = self.folder / "ca.cnf"
        configuration.write_text(
            f"[ca]\ndefault_ca=d\n[d]\ndatabase={database}\nnew_certs_dir={self.folder}\n"
            "default_md=sha256\nrand_serial=yes\nunique_subject=no\npolicy=p\n"
            "[p]\norganizationName=optional\ncommonName=optional\n")
        _openssl("ca", "-batch", "-config", configuration, "-cert", self.file, "-keyfile",
                 self._key, "-in", request, "-extfile", extensions, "-notext",
                 "-startdate", dates[0], "-enddate", dates[1], "-out", certificate)

    def _make_key(self, name: str) -> Path:
        key = self.folder / f"{name}.key"
        _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
        key.chmod(0o600)
        return key


def credentials(authority: Authority, shown: Certificate | None = None) -> grpc.ChannelCredentials:
    """Of a client that trusts the authority."""
    return grpc.ssl_channel_credentials(
        authority.pem, shown.key.read_bytes() if shown else None, shown.pem if shown else None)


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)
