"""Declarations that nothing refers to."""

import re
from collections import Counter
from collections.abc import Iterator

from .source import Finding, SourceFile
from .tree import Tree

DECLARATION = re.compile(
    r"^[ \t]*(?P<modifiers>(?:@\w+(?:\([^)\n]*\))?[ \t]+|\w+(?:\(\w+\))?[ \t]+)*?)"
    r"(?:struct|class|enum|protocol|actor|typealias|func|var|let)[ \t]+(?P<name>\w+)",
    re.MULTILINE)
WORD = re.compile(r"\w+")
# What is public may be for others; what overrides or begins the program is called from outside.
CALLED_FROM_OUTSIDE = re.compile(r"\b(public|open|override)\b|@main\b")

# What protocols of libraries require: their code calls it.
REQUIREMENTS = {
    "ChannelInboundHandler": {
        "InboundIn", "InboundOut", "OutboundIn", "OutboundOut", "handlerAdded", "handlerRemoved",
        "channelActive", "channelInactive", "channelRead", "channelReadComplete",
        "channelWritabilityChanged", "errorCaught", "userInboundEventTriggered"},
    "MeterHandler": {"decrement"},
    "StringInterpolationProtocol": {"appendLiteral", "appendInterpolation"},
}
REQUIRED = {name for names in REQUIREMENTS.values() for name in names}


def nothing_unused(tree: Tree) -> Iterator[Finding]:
    """Each declaration of Sources is named somewhere in Sources beside its declarations; tests do
    not count, but for what says in its doc comment that it is for tests. Names are compared as
    words: one that several declarations share is found only when all of them are unused."""
    words: Counter[str] = Counter()
    declared: dict[str, list[tuple[SourceFile, int, bool]]] = {}
    for file in tree.swift("Sources"):
        words.update(WORD.findall(file.swift.code))
        for _, literal in file.swift.literals:
            words.update(WORD.findall(literal))
        for match in DECLARATION.finditer(file.swift.code):
            line = file.swift.line_of(match.start("name"))
            lines = file.swift.code.split("\n")
            above = lines[line - 2] if line > 1 else ""
            outside = CALLED_FROM_OUTSIDE.search(match["modifiers"] + above.strip()[:5])
            declared.setdefault(match["name"], []).append((file, line, outside is not None))
    for name, places in declared.items():
        if words[name] > len(places) or name in REQUIRED:
            continue
        for file, line, is_called in places:
            if not is_called and not _is_for_tests(file, line):
                yield file.finding(line, "unused", f"nothing in Sources uses `{name}`: take it out")


def _is_for_tests(file: SourceFile, line: int) -> bool:
    above = line - 1
    while file.swift.comments.get(above, "").startswith("///"):
        if re.search(r"\bfor tests\b", file.swift.comments[above]):
            return True
        above -= 1
    return False
