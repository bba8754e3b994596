"""Words that the house does without, each with what to write instead."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .source import Finding, SourceFile


@dataclass(frozen=True)
class Ban:
    """`pattern` may not stand in the code (not comments, not literals) of files under `folders`."""

    pattern: re.Pattern[str]
    folders: tuple[str, ...]
    instead: str
    rule: str = "ban"


def _ban(pattern: str, folders: tuple[str, ...], instead: str, rule: str = "ban") -> Ban:
    return Ban(re.compile(pattern), folders, instead, rule)


SOURCES = ("Sources/",)
TESTS = ("Tests/",)
CORE = ("Sources/MachineModel/", "Sources/ProgressorAccess/", "Sources/ProgressorEngine/")
PURE = CORE + ("Sources/ProgressorSimulation/", "Sources/HTTP2/")

# Where C is met, each concept of it behind one Swift type.
C_FACING = (
    "Sources/HTTP2/", "Sources/Kafka/", "Sources/PostgreSQL/", "Sources/ProgressorProto/",
    "Sources/GRPC/Framing/Gzip",
    "Sources/GRPC/Client/AddressResolver.swift",  # getaddrinfo
    "Sources/ProgressorServer/Transport/ExposedListeners.swift",  # getaddrinfo
)

MANIFESTS = ("Package.swift", "Benchmarks/Package.swift", "Examples/swift/Package.swift")

# A test target that has to look again and again does so in one place.
POLLS = ("waiting.py", "Waiting.swift")

BANS = [
    _ban(r"\bfatalError\s*\(", SOURCES, "throw, or return an error that names what to do"),
    _ban(r"\btry!", SOURCES, "`try` and let the caller decide, or handle the error here"),
    _ban(r"\bas!", SOURCES, "`as?` with an answer for the other case"),
    _ban(r"\bDate\s*\(|\b(Continuous|Suspending)Clock\b|\bDispatchTime\b|\bclock_gettime\b"
         r"|\bNIODeadline\b", PURE,
         "take `now` as an argument: the core has no clock", "pure-core"),
    _ban(r"\bSystemRandomNumberGenerator\b|\bUUID\s*\(\s*\)|\.random\s*\((?![^()]*using:)"
         r"|\.randomElement\s*\(\s*\)|\.shuffled\s*\(\s*\)", PURE,
         "take the randomness as an input or from a seeded generator (`using:`)", "pure-core"),
    _ban(r"\bawait\b|\basync\b|\bTask\s*(\.|\{|<)|\bMutex\b|\bNSLock\b|\bEventLoopPromise\b", PURE,
         "return an effect and let the shell wait: the core is synchronous and has no locks",
         "pure-core"),
    _ban(r"\[String\s*:|\bSet<String>", CORE + ("Sources/ProgressorStorage/",),
         "use ExactText: String takes different ids for one, and hashes what an attacker chooses "
         "to one value", "exact-text"),
    _ban(r"\bTask\.sleep\b|\bThread\.sleep\b|(?<![.\w])(u|nano)?sleep\s*\(", TESTS,
         "wait for the condition (a probe, a promise, a stream), not for time; what can only be "
         "polled is polled in the Waiting.swift of the test target", "no-sleep"),
    _ban(r"(?<!upToNextMinor\()\bfrom\s*:|\b(exact|branch|revision)\s*:", MANIFESTS,
         "a dependency has `.upToNextMinor(from:)` the version that was tested: others can take "
         "its fixes, and nothing newer comes in unseen", "pins"),
]

UNSAFE = re.compile(r"\b(Unsafe\w*(Pointer|Buffer)\w*|OpaquePointer|Unmanaged)\b")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
UNPROVEN = re.compile(r"@unchecked\s+Sendable|nonisolated\(unsafe\)")

_UPPER_SQL = (r"\bSELECT\s|\bINSERT\s+INTO\b|\bDELETE\s+FROM\b|\bUPDATE\s+\w+\s+SET\b"
              r"|\b(CREATE|ALTER|DROP)\s+(TABLE|INDEX|SCHEMA|FUNCTION|TYPE)\b")
SQL = re.compile(_UPPER_SQL)
SQL_START = re.compile(r"(?i)^[#\"\s]*(select\s.+|insert\s+into\s|delete\s+from\s"
                       r"|update\s+\w+\s+set\s|with\s+\w+\s+as\s*\()")


def banned_words(file: SourceFile) -> Iterator[Finding]:
    """No line of `BANS`."""
    if not file.is_swift:
        return
    for ban in BANS:
        if not file.path.startswith(ban.folders):
            continue
        if ban.rule == "no-sleep" and file.parts[-1] in POLLS:
            continue
        for match in ban.pattern.finditer(file.swift.code):
            yield file.finding(file.swift.line_of(match.start()), ban.rule,
                               f"no `{match.group().strip()}` here: {ban.instead}")


def unsafe_only_where_c_is(file: SourceFile) -> Iterator[Finding]:
    """Pointers stay in the modules that speak to C."""
    if not file.is_swift or file.parts[0] != "Sources" or file.path.startswith(C_FACING):
        return
    for match in UNSAFE.finditer(file.swift.code):
        yield file.finding(file.swift.line_of(match.start()), "unsafe",
                           f"`{match.group()}` outside the C-facing modules: use Span, ByteBuffer "
                           "or [UInt8]")


def unchecked_with_reason(file: SourceFile) -> Iterator[Finding]:
    """`@unchecked Sendable` stands with the comment that proves it."""
    if not file.is_swift or file.parts[0] != "Sources":
        return
    for match in UNPROVEN.finditer(file.swift.code):
        line = file.swift.line_of(match.start())
        if line not in file.swift.comments and line - 1 not in file.swift.comments:
            yield file.finding(line, "unchecked", f"`{match.group()}` needs a comment on the line "
                               "above or beside it that proves it safe")


def sql_in_sql_files(file: SourceFile) -> Iterator[Finding]:
    """SQL lives in .sql files, where its purpose, locks and plan are written down. PostgreSQL,
    which knows no table, may ask the server about itself."""
    if not file.is_swift or file.parts[0] != "Sources" or file.target == "PostgreSQL":
        return
    for line, literal in file.swift.literals:
        if SQL.search(literal) or SQL_START.search(literal):
            yield file.finding(line, "sql", "SQL in a Swift literal: put it in a .sql file under "
                               "Sources/ProgressorStorage/SQL and load it from there")


def nothing_unfinished(file: SourceFile) -> Iterator[Finding]:
    """No promise to finish something later."""
    if file.path.startswith("scripts/house_rules/") or file.suffix in (".md", ".lock"):
        return
    for number, line in enumerate(file.text.split("\n"), 1):
        if match := UNFINISHED.search(line):
            yield file.finding(number, "unfinished", f"`{match.group()}`: finish it, or take it "
                               "out and open an issue")


def python_tests_wait_for_conditions(file: SourceFile) -> Iterator[Finding]:
    """The one poll of the contract tests is in waiting.py."""
    if file.suffix != ".py" or file.parts[0] != "Tests" or file.parts[-1] in POLLS:
        return
    for number, line in enumerate(file.text.split("\n"), 1):
        if re.search(r"\btime\.sleep\(|\bfrom time import sleep\b", line):
            yield file.finding(number, "no-sleep", "wait with `eventually(…)` of waiting.py or on "
                               "an event, not for time")
