"""Runs every rule over the repository's own files: `python3 -m house_rules ROOT`."""

import os
import subprocess
import sys
from pathlib import Path

from . import bans, documentation, documents, imports, sizes, tree, unused
from .source import Finding, SourceFile

RULES = [
    bans.banned_words, bans.nothing_unfinished, bans.python_tests_wait_for_conditions,
    bans.sql_in_sql_files, bans.unchecked_with_reason, bans.unsafe_only_where_c_is,
    documentation.no_running_sentences, documentation.public_documented,
    imports.imports_per_target, imports.testing_only,
    sizes.file_length, sizes.line_width, sizes.python_function_length, sizes.swift_function_length,
]
TREE_RULES = [
    documents.links_lead_somewhere, documents.paths_exist, documents.the_walk_exists,
    documents.the_walk_goes_forward, tree.one_name_one_type, tree.tracked_kinds,
    tree.versions_written_down, unused.nothing_unused,
]
CHECKED = {".swift", ".py", ".sql", ".sh"}
GENERATED = ("Sources/CProgressorProto/",)


def repository_tree(root: Path) -> tree.Tree:
    """Tracked and new files, without ignored ones. The rules over lines get those that are not
    generated; a script is known by its `#!`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root, check=True, capture_output=True).stdout
    # A stray file may have any bytes for a name.
    listed = os.fsdecode(listed).split("\0")
    contents: dict[str, bytes | None] = {}
    files = []
    for path in sorted(set(filter(None, listed))):
        file = root / path
        if file.is_symlink() or file.is_dir():
            contents[path] = None
        elif file.is_file():
            contents[path] = content = file.read_bytes()
            is_script = not file.suffix and content[:2] == b"#!"
            if (file.suffix in CHECKED or is_script) and not path.startswith(GENERATED):
                files.append(SourceFile(path, content.decode()))
    return tree.Tree(contents, files)


def check(whole: tree.Tree) -> list[Finding]:
    return [finding for file in whole.files for rule in RULES for finding in rule(file)] \
        + [finding for rule in TREE_RULES for finding in rule(whole)]


def main() -> int:
    findings = check(repository_tree(Path(sys.argv[1])))
    for finding in findings:
        print(finding)
    if findings:
        print(f"{len(findings)} places break the house rules", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
