"""What documents name is there."""

import fnmatch
import itertools
import re
from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath
from posixpath import normpath

from .source import Finding
from .tree import Tree

LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
PATH = re.compile(r"(?<![\w./:~$-])[A-Za-z][\w-]*(?:/[\w.+*{},-]*[\w*}])+")
WALK = "docs/architecture.md"
WALK_ROW = re.compile(r"^\| \d+ \| (?P<where>[^|]*) \|", re.MULTILINE)
CORE = "Sources/ProgressorEngine/"
# The most files of the engine that a call may pass.
CORE_WALK = 12


def documents(tree: Tree) -> list[str]:
    """Every document but the change log, which speaks of what is gone, too."""
    return sorted(path for path in tree.contents
                  if path.endswith(".md") and path != "CHANGELOG.md")


def links_lead_somewhere(tree: Tree) -> Iterator[Finding]:
    """A link within the repository leads to a file, and to a heading that it has."""
    for document in documents(tree):
        text = tree.text(document)
        for match in LINK.finditer(text):
            if re.match(r"[a-z]+:", match[1]):
                continue
            path, _, anchor = match[1].partition("#")
            target = normpath(str(PurePosixPath(document).parent / path)) if path else document
            if target not in tree.paths or anchor and anchor not in _anchors(tree.text(target)):
                line = text.count("\n", 0, match.start()) + 1
                yield Finding(document, line, "paths", f"the link {match[1]} leads nowhere")


def _anchors(text: str) -> set[str]:
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")
            for heading in HEADING.findall(text)}


def paths_exist(tree: Tree) -> Iterator[Finding]:
    """Paths that a document names exist: from the root, from Sources, or within a module, with or
    without `.swift`. What begins with no folder of those is no path of ours."""
    for document in documents(tree):
        text = tree.text(document)
        for match in PATH.finditer(re.sub(LINK, "]", text)):
            if _is_ours(tree, match[0]) and not _resolve(tree, match[0]):
                line = text[:text.find(match[0])].count("\n") + 1
                yield Finding(document, line, "paths", f"there is no {match[0]}")


def the_walk_exists(tree: Tree) -> Iterator[Finding]:
    """Each step of the walk of a call names files, and each of these is there."""
    text = tree.text(WALK)
    rows = list(WALK_ROW.finditer(text))
    if not rows:
        yield Finding(WALK, 1, "paths", "the walk of a call is gone")
    for row in rows:
        line = text.count("\n", 0, row.start()) + 1
        found = [path for path in PATH.findall(row["where"]) if _resolve_file(tree, path)]
        if not found:
            yield Finding(WALK, line, "paths", "a step of the walk names the files it passes")
        for path in PATH.findall(row["where"]):
            if not _resolve_file(tree, path):
                yield Finding(WALK, line, "paths", f"there is no file {path}")


def the_walk_goes_forward(tree: Tree) -> Iterator[Finding]:
    """A call passes few files of the engine and comes back to none, but to its operation, where all
    that one kind of step decides stands together. Each says which comes next."""
    text = tree.text(WALK)
    walk: list[tuple[str, int]] = []
    for row in WALK_ROW.finditer(text):
        line = text.count("\n", 0, row.start()) + 1
        for path in map(partial(_resolve_file, tree), PATH.findall(row["where"])):
            if not path or not path.startswith(CORE):
                continue
            if path not in (passed for passed, _ in walk):
                walk.append((path, line))
            elif "/Operations/" not in path:
                yield Finding(WALK, line, "walk", f"the call comes back to {path}: "
                              "divide it by stretches of the way")
    if len(walk) > CORE_WALK:
        yield Finding(WALK, walk[CORE_WALK][1], "walk", f"a call passes {len(walk)} files of the "
                      f"engine; {CORE_WALK} at most")
    stretches = [path for path, _ in walk if "/Operations/" not in path]
    for path, following in itertools.pairwise(stretches):
        name = following.removeprefix(CORE).removesuffix(".swift")
        said = any(f"`{name}`" in line for line in tree.text(path).split("\n")
                   if line.startswith("///"))
        if not said and "/" in path.removeprefix(CORE):
            yield Finding(path, 1, "walk", f"a call goes on in `{name}`: say so in the "
                          "documentation of the stretch")


def _roots(tree: Tree) -> dict[str, list[str]]:
    """The folders of the root, of Sources and of its modules, with what they lie in."""
    roots: dict[str, list[str]] = {}
    for path in tree.paths - tree.contents.keys():
        parts = PurePosixPath(path).parts
        if len(parts) == 1 or len(parts) <= 3 and parts[0] == "Sources":
            roots.setdefault(parts[-1], []).append("/".join(parts[:-1]))
    return roots


def _is_ours(tree: Tree, path: str) -> bool:
    return path.split("/")[0] in _roots(tree)


def _resolve(tree: Tree, path: str) -> bool:
    """Whether all that a path with braces and stars stands for is there."""
    bases = _roots(tree).get(path.split("/")[0], [])
    return all(any(_matches(tree, normpath(f"{base}/{plain}" if base else plain))
                   for base in bases) for plain in _braces(path))


def _resolve_file(tree: Tree, path: str) -> str | None:
    """The file that a path means, if it is there."""
    bases = _roots(tree).get(path.split("/")[0], [])
    names = (normpath(f"{base}/{path}" if base else path) for base in bases)
    return next((file for name in names for file in (name, f"{name}.swift")
                 if file in tree.contents), None)


def _matches(tree: Tree, path: str) -> bool:
    if "*" in path:
        return any(fnmatch.fnmatchcase(known, path) for known in tree.paths)
    return path in tree.paths or f"{path}.swift" in tree.paths


def _braces(path: str) -> list[str]:
    parts = re.split(r"\{([^{}]*)\}", path)
    choices = [part.split(",") if index % 2 else [part] for index, part in enumerate(parts)]
    return ["".join(chosen) for chosen in itertools.product(*choices)]
