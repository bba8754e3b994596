"""Rules over the repository as a whole: what is tracked, which names and versions there are."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

from .source import Finding, SourceFile


@dataclass
class Tree:
    """The tracked and new files. `contents` has every file by its path, generated ones too; None is
    what is no ordinary file."""

    contents: dict[str, bytes | None]
    files: list[SourceFile] = field(default_factory=list)

    @cached_property
    def paths(self) -> set[str]:
        """Every file and every folder."""
        return {str(path) for name in self.contents
                for path in (PurePosixPath(name), *PurePosixPath(name).parents)} - {"."}

    def swift(self, top: str) -> list[SourceFile]:
        """The Swift files under a folder."""
        return [file for file in self.files if file.is_swift and file.parts[0] == top]

    def text(self, path: str) -> str:
        """A file's text; empty if there is none."""
        return (self.contents.get(path) or b"").decode(errors="replace")


KIB = 1024
# Kinds of files and the most bytes of each: what is larger is to be split, or does not belong here.
KINDS = {
    ".swift": 32 * KIB, ".py": 32 * KIB, ".rb": 8 * KIB, ".sql": 16 * KIB, ".sh": 16 * KIB,
    ".md": 48 * KIB, ".cc": 12 * KIB,
    ".proto": 32 * KIB, ".c": 128 * KIB, ".h": 64 * KIB, ".txt": 16 * KIB, ".ini": KIB,
    ".yaml": 8 * KIB, ".json": 48 * KIB, ".modulemap": KIB, ".service": 4 * KIB, ".conf": 2 * KIB,
    ".Dockerfile": 4 * KIB, ".dockerignore": KIB,
}
NAMES = {".gitattributes", ".gitignore", ".swift-format", "LICENSE", "Dockerfile"}
SCRIPT = 16 * KIB


def tracked_kinds(tree: Tree) -> Iterator[Finding]:
    """Only text of known kinds is tracked, in readable files: no packages, binaries, logs."""
    for path, content in sorted(tree.contents.items()):
        name = PurePosixPath(path)
        if content is None:
            yield Finding(path, 1, "tracked", "no ordinary file: links and modules are not tracked")
            continue
        limit = SCRIPT if name.name in NAMES else KINDS.get(name.suffix)
        if limit is None and not name.suffix and content.startswith(b"#!"):
            limit = SCRIPT
        if limit is None:
            yield Finding(path, 1, "tracked", f"no kind of file that is tracked ({name.name}): "
                          "take it out, or say in scripts/house_rules/tree.py what it is for")
        elif len(content) > limit:
            yield Finding(path, 1, "tracked", f"{len(content)} bytes; a {name.suffix or 'script'} "
                          f"has at most {limit}: split it, or keep what made it instead")
        elif b"\0" in content:
            yield Finding(path, 1, "tracked", "bytes that are no text: keep what made it instead")


DECLARES = re.compile(
    r"^(?P<modifiers>(?:@\w+(?:\([^)\n]*\))?[ \t]+|\w+[ \t]+)*?)"
    r"(?:struct|class|enum|protocol|actor|typealias)[ \t]+(?P<name>\w+)", re.MULTILINE)

# Types of two modules under one name. No new ones: the list only becomes shorter.
DOUBLED = {
    "Program": {"progressor", "progressor-simulate"},  # each the whole of its executable
}


def one_name_one_type(tree: Tree) -> Iterator[Finding]:
    """No name of a type means two things in two modules, whoever can see them."""
    places: dict[str, dict[str, tuple[SourceFile, int]]] = {}
    for file in tree.swift("Sources"):
        for match in DECLARES.finditer(file.swift.code):
            if file.target and "private" not in match["modifiers"]:
                line = file.swift.line_of(match.start("name"))
                places.setdefault(match["name"], {}).setdefault(file.target, (file, line))
    for name, modules in sorted(places.items()):
        if len(modules) > 1 and not modules.keys() <= DOUBLED.get(name, set()):
            for file, line in modules.values():
                yield file.finding(line, "doubled", f"{' and '.join(sorted(modules))} each have a "
                                   f"type {name}: give one of them another name")
    for name, modules in DOUBLED.items():
        if len(places.get(name, {})) < 2:
            yield Finding("scripts/house_rules/tree.py", 1, "doubled",
                          f"{name} is declared once by now: take it off the list")


MANIFESTS = ("Package.swift", "Benchmarks/Package.swift", "Examples/swift/Package.swift")
VERSIONS = "docs/dependencies.md"
REQUIRES = re.compile(r"url:\s*\"[^\"]*/([^\"/]+)\",\s*\.upToNextMinor\(from:\s*\"([\d.]+)\"\)")


def versions_written_down(tree: Tree) -> Iterator[Finding]:
    """docs/dependencies.md has the version from which on each manifest takes a package."""
    written = dict(re.findall(r"^\| ([\w-]+) \| ([\d.]+) \|", tree.text(VERSIONS), re.MULTILINE))
    for manifest in MANIFESTS:
        for match in REQUIRES.finditer(tree.text(manifest)):
            name, version = match.groups()
            if written.get(name) != version:
                line = tree.text(manifest).count("\n", 0, match.start()) + 1
                yield Finding(manifest, line, "versions", f"{name} {version} here, "
                              f"{written.get(name, 'nothing')} in {VERSIONS}: write what was "
                              "tested")
