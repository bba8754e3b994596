"""Generates the Python code of proto files once per contents, and makes that of proto/progressor/v1
importable."""

import hashlib
import os
import sys
import tempfile
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[3]
CACHE = Path(os.environ.get("PROGRESSOR_CACHE", ROOT / ".cache"))


def generate(include: Path = ROOT / "proto", package: str = "progressor") -> Path:
    """The folder of the code of the protos in `include`/`package`, made unless it is there for
    these very files."""
    protos = sorted((include / package).rglob("*.proto"))
    digest = hashlib.sha256(grpc_tools.__file__.encode())
    for proto in protos:
        digest.update(proto.read_bytes())
    target = CACHE / f"stubs-{digest.hexdigest()[:12]}"
    if not target.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix="stubs-", dir=CACHE))
        well_known = Path(grpc_tools.__file__).parent / "_proto"
        status = protoc.main(
            ["protoc", f"-I{include}", f"-I{well_known}", f"--python_out={scratch}",
             f"--grpc_python_out={scratch}", *map(str, protos)])
        if status != 0:
            raise RuntimeError("protoc could not generate the stubs; see its message above")
        try:
            scratch.rename(target)
        except OSError:  # another run was faster; its files are the same
            if not target.exists():
                raise
    return target


sys.path.insert(0, str(generate()))

from progressor.v1 import automaton_pb2, automaton_pb2_grpc  # noqa: E402
from progressor.v1 import cluster_pb2, cluster_pb2_grpc  # noqa: E402
from progressor.v1 import event_sink_pb2, event_sink_pb2_grpc  # noqa: E402
from progressor.v1 import namespaces_pb2, namespaces_pb2_grpc  # noqa: E402
from progressor.v1 import processor_pb2, types_pb2  # noqa: E402
from progressor.v1 import repair_jobs_pb2, repair_jobs_pb2_grpc, transfer_pb2  # noqa: E402

__all__ = [
    "automaton_pb2", "automaton_pb2_grpc", "cluster_pb2", "cluster_pb2_grpc", "event_sink_pb2",
    "event_sink_pb2_grpc", "namespaces_pb2", "namespaces_pb2_grpc", "processor_pb2",
    "repair_jobs_pb2", "repair_jobs_pb2_grpc", "transfer_pb2", "types_pb2",
]
