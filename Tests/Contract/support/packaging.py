"""The files in packaging, as tests read them."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from .stubs import ROOT

PACKAGING = ROOT / "packaging"
CONTAINER = PACKAGING / "container"
KUBERNETES = PACKAGING / "kubernetes"
HEALTH = CONTAINER / "progressor-health"
# How long a server may take beyond its drain_timeout (docs/operations.md, "Stop").
BEYOND_DRAIN = 12


def texts() -> dict[str, str]:
    """All files that somebody deploys or reads to do so."""
    return {str(path.relative_to(ROOT)): path.read_text() for path in sorted(PACKAGING.rglob("*"))
            if path.is_file() and path.suffix != ".json" and "secrets" not in path.parent.parts}


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """Its instructions with continued lines joined."""
    lines = [line for line in dockerfile.read_text().splitlines() if not line.startswith("#")]
    return [tuple(line.split(maxsplit=1)) for line in
            "\n".join(lines).replace("\\\n", " ").splitlines() if line.strip()]


def installed_packages(command: str) -> set[str]:
    """What apt-get is told to install in a RUN."""
    found = re.search(r"apt-get install --yes --no-install-recommends([^&]*)", command)
    return set(found[1].split()) if found else set()


def seconds(duration: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(s|m)", duration).groups()
    return int(number) * {"s": 1, "m": 60}[unit]


def documents() -> list[dict]:
    """All manifests for Kubernetes."""
    return [document for path in sorted(KUBERNETES.glob("*.yaml"))
            for document in yaml.safe_load_all(path.read_text())]


def of_kind(manifests: list[dict], kind: str) -> list[dict]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def pods(manifests: list[dict]) -> Iterator[dict]:
    for kind in ("Deployment", "Job"):
        for manifest in of_kind(manifests, kind):
            yield manifest["spec"]["template"]


def containers(manifests: list[dict]) -> Iterator[dict]:
    for pod in pods(manifests):
        yield from pod["spec"]["containers"]
