"""Public declarations say what they mean."""

import re
from collections.abc import Iterator

from .source import Finding, SourceFile, SwiftText

DECLARATION = re.compile(
    r"^[ \t]*(?:@\w+(?:\([^)\n]*\))?[ \t]+)*(?P<modifiers>(?:[\w]+(?:\([\w]+\))?[ \t]+)*?)"
    r"(?P<kind>struct|class|enum|protocol|actor|typealias|associatedtype|func|var|let|init"
    r"|subscript|macro)\b[ \t]*(?P<name>\w+|[^\s\w(]+)?", re.MULTILINE)
PUBLIC = re.compile(r"\b(public|open)\b(?!\()")
ATTRIBUTE = re.compile(r"\s*@\w+(\(.*\))?\s*$")
MEMBERWISE = re.compile(r"(?:self\.)?(\w+) = \1")

# What a protocol requires is documented at the protocol, here or in its library, and shown with the
# members that meet it.
REQUIREMENTS = {
    "Comparable": {"<"},
    "Equatable": {"=="},
    "Hashable": {"hash"},
    "CustomStringConvertible": {"description"},
    "Collection": {"startIndex", "endIndex"},
    "MetricsFactory": {
        "makeCounter", "makeFloatingPointCounter", "makeMeter", "makeRecorder", "makeTimer",
        "destroyCounter", "destroyFloatingPointCounter", "destroyMeter", "destroyRecorder",
        "destroyTimer"},
    "ProtobufMessage, SQLValue": {"encode", "init(decoding", "sqlType"},
}
INHERITED = {name for names in REQUIREMENTS.values() for name in names}


def public_documented(file: SourceFile) -> Iterator[Finding]:
    """A doc comment on each public declaration of Sources, but on what is documented elsewhere: a
    requirement at its protocol, a memberwise initialiser at the properties."""
    if not file.is_swift or file.parts[0] != "Sources":
        return
    code = file.swift.code
    for match in DECLARATION.finditer(code):
        if not PUBLIC.search(match["modifiers"]) or "override" in match["modifiers"]:
            continue
        line = file.swift.line_of(match.start("kind"))
        if _is_documented(file.text, code, line) or _is_inherited(match, code):
            continue
        if match["kind"] == "init" and _is_memberwise(file.swift, match.end("kind")):
            continue
        name = match["name"] if match["kind"] not in ("init", "subscript") else match["kind"]
        yield file.finding(line, "documentation", f"`{name}` is public and has no doc comment: say "
                           "what it means, with units, ranges, errors, thread, source of a rule")


def no_running_sentences(file: SourceFile) -> Iterator[Finding]:
    """A doc comment is whole: it is read without the one before and the one after it."""
    if not file.is_swift or file.parts[0] not in ("Sources", "Benchmarks", "Examples"):
        return
    for line, comment in sorted(file.swift.comments.items()):
        text = comment.removeprefix("///").strip() if comment.startswith("///") else ""
        if text.startswith("… ") or text.endswith(" …"):
            yield file.finding(line, "documentation", "the sentence runs from one declaration to "
                               "the next: write one for each")


def _is_documented(text: str, code: str, line: int) -> bool:
    """Whether `///` stands above the declaration and its attributes."""
    lines, blanked = text.split("\n"), code.split("\n")
    above = line - 2
    while above >= 0 and ATTRIBUTE.match(blanked[above]):
        above -= 1
    return above >= 0 and lines[above].lstrip().startswith("///")


def _is_inherited(match: re.Match[str], code: str) -> bool:
    if match["kind"] == "init":
        return re.match(r"\??\s*\(\s*decoding\b", code[match.end("kind"):]) is not None
    return match["name"] in INHERITED


def _is_memberwise(swift: SwiftText, index: int) -> bool:
    """Whether an initialiser only puts its parameters into properties of the same names."""
    code = swift.code
    opening = _closing(code, code.index("(", index), "()")
    opening = code.find("{", opening)
    if opening < 0:
        return False
    body = code[opening + 1:_closing(code, opening, "{}")]
    return all(MEMBERWISE.fullmatch(part.strip())
               for part in re.split(r"[\n;]", body) if part.strip())


def _closing(code: str, index: int, pair: str) -> int:
    """Where the bracket at `index` closes."""
    depth = 0
    while index < len(code):
        depth += {pair[0]: 1, pair[1]: -1}.get(code[index], 0)
        if depth == 0:
            return index
        index += 1
    return len(code) - 1
