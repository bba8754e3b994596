"""Runs every rule over the repository's own files: `python3 -m house_rules ROOT`."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from . import bans, documentation, imports, sizes
from .source import Finding, SourceFile

RULES = [
    bans.banned_words, bans.nothing_unfinished, bans.python_tests_wait_for_conditions,
    bans.sql_in_sql_files, bans.unchecked_with_reason, bans.unsafe_only_where_c_is,
    documentation.no_running_sentences, documentation.public_documented,
    imports.imports_per_target, imports.testing_only,
    sizes.file_length, sizes.line_width, sizes.python_function_length, sizes.swift_function_length,
]
CHECKED = {".swift", ".py", ".sql", ".sh"}
GENERATED = ("Sources/CProgressorProto/",)


def repository_files(root: Path) -> Iterator[SourceFile]:
    """Tracked and new files, without ignored and generated ones. A script is known by its `#!`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root, check=True, capture_output=True).stdout
    # A stray file may have any bytes for a name.
    listed = os.fsdecode(listed).split("\0")
    for path in sorted(set(filter(None, listed))):
        file = root / path
        if path.startswith(GENERATED) or not file.is_file() or file.is_symlink():
            continue
        if file.suffix in CHECKED or (not file.suffix and file.read_bytes()[:2] == b"#!"):
            yield SourceFile(path, file.read_text(encoding="utf-8"))


def check(files: Iterator[SourceFile]) -> list[Finding]:
    return [finding for file in files for rule in RULES for finding in rule(file)]


def main() -> int:
    findings = check(repository_files(Path(sys.argv[1])))
    for finding in findings:
        print(finding)
    if findings:
        print(f"{len(findings)} places break the house rules", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
