"""What each target may import. Package.swift says what it can; this table says what it may: an
outer library in the core, or a C library outside its one module, would build without a word."""

import re
from collections.abc import Iterator

from .source import Finding, SourceFile

NIO = {"NIOCore", "NIOPosix"}
LIBC = {"Glibc", "Musl", "Darwin"}
SYSTEM = {"Synchronization", "Dispatch", "Foundation", "FoundationEssentials"} | LIBC

ALLOWED: dict[str, set[str]] = {
    "MachineModel": set(),
    "ProgressorAccess": {"MachineModel", "Crypto"},
    "ProgressorJWT": {
        "MachineModel", "ProgressorAccess", "JWTKit", "FoundationEssentials", "Synchronization",
    },
    "ProgressorEngine": {"MachineModel", "DequeModule", "HeapModule", "OrderedCollections"},
    "ProgressorSimulation": {"ProgressorEngine", "MachineModel"},
    "HTTP2": {"CNghttp2"},
    "GRPC": {
        "HTTP2", "Logging", "DequeModule", "HeapModule", "NIOConcurrencyHelpers", "Synchronization",
    }
    | NIO
    | LIBC,
    "TransportSecurity": {"GRPC", "NIOSSL", "NIOTLS", "Synchronization"} | NIO | LIBC,
    "ProgressorProto": {"MachineModel", "CProgressorProto", "CProtobufC"},
    "PostgreSQL": {"CPq"} | SYSTEM,
    "Kafka": {"CRdkafka"} | SYSTEM,
    "ProgressorStorage": {
        "MachineModel", "ProgressorEngine", "PostgreSQL", "Logging", "DequeModule",
    } | SYSTEM,
    "EmbeddedPostgreSQL": {"CSpawn", "Logging"} | SYSTEM,
    "PrometheusMetrics": {"CoreMetrics", "Synchronization"},
    "ProgressorSinks": {
        "Kafka", "MachineModel", "ProgressorAccess", "ProgressorProto", "AsyncHTTPClient",
        "Crypto", "Logging", "NIOHTTP1", "NIOSSL", "Synchronization",
    }
    | NIO
    | LIBC,
    "ProgressorServer": {
        "MachineModel", "ProgressorAccess", "ProgressorJWT", "ProgressorEngine",
        "ProgressorStorage", "ProgressorProto", "GRPC", "TransportSecurity", "EmbeddedPostgreSQL",
        "ServiceLifecycle", "UnixSignals", "Configuration", "Yams", "Logging", "CoreMetrics",
        "PrometheusMetrics", "ProgressorSinks", "Tracing", "DequeModule", "NIOHTTP1",
    }
    | NIO
    | SYSTEM,
    "progressor": {
        "ProgressorServer", "ProgressorSinks", "ProgressorAccess", "ProgressorStorage",
        "ProgressorProto", "MachineModel", "GRPC", "CJemalloc", "ArgumentParser", "Logging",
        "ServiceLifecycle",
    }
    | NIO
    | SYSTEM,
    "progressor-simulate": {"ProgressorSimulation"} | SYSTEM,
}

# Inside a target, files that may import more than the rest of it.
ALLOWED_IN_FILES: list[tuple[str, set[str]]] = [
    ("Sources/GRPC/Framing/Gzip", {"CZlib"}),
    ("Sources/MachineModel/Safeguard.swift", LIBC),  # getenv, in debug builds
    ("Sources/ProgressorEngine/Statistics/Visits.swift", {"Synchronization"}),  # debug builds
]

IMPORT = re.compile(
    r"^[ \t]*(?:@\w+(?:\([^)]*\))?[ \t]+)*"
    r"(?:(?:public|package|internal|fileprivate|private)[ \t]+)?"
    r"import[ \t]+(?:(?:struct|class|enum|protocol|typealias|func|let|var)[ \t]+)?(\w+)",
    re.MULTILINE,
)


def imports_per_target(file: SourceFile) -> Iterator[Finding]:
    """A target imports what models and decisions allow it, nothing else."""
    if not file.is_swift or file.target is None:
        return
    allowed = ALLOWED.get(file.target)
    if allowed is None:
        yield file.finding(1, "imports", f"the target {file.target} has no line in "
                           "scripts/house_rules/imports.py: say there what it may import")
        return
    extra = {m for prefix, more in ALLOWED_IN_FILES if file.path.startswith(prefix) for m in more}
    for match in IMPORT.finditer(file.swift.code):
        module = match.group(1)
        if module == "Swift" or module in allowed or module in extra:
            continue
        yield file.finding(
            file.swift.line_of(match.start(1)), "imports",
            f"{file.target} may not import {module}; it may import "
            f"{', '.join(sorted(allowed)) or 'nothing'}. What needs {module} belongs in a shell "
            "around it",
        )


def testing_only(file: SourceFile) -> Iterator[Finding]:
    """Tests are written with Swift Testing."""
    if not file.is_swift or file.parts[0] != "Tests":
        return
    for match in IMPORT.finditer(file.swift.code):
        if match.group(1) == "XCTest":
            yield file.finding(file.swift.line_of(match.start(1)), "imports",
                               "write tests with `import Testing`, not XCTest")
