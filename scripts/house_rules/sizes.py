"""Files that can be read in one sitting and functions that fit a screen."""

import ast
import re
from collections.abc import Iterator

from .source import Finding, SourceFile

FILE_LINES = 400
FUNCTION_LINES = 70
LINE_CHARACTERS = 100

DECLARATION = re.compile(
    r"(?<![.\w])(?:func\s+(?P<name>[^\s(<]+)|(?P<other>init|deinit|subscript)\b)"
)
CONTINUES = re.compile(r"\s*(\{|where\b|->|async\b|throws\b|rethrows\b)")


def file_length(file: SourceFile) -> Iterator[Finding]:
    """At most 399 lines a file."""
    lines = file.text.count("\n")
    if lines >= FILE_LINES:
        yield file.finding(lines, "file-length", f"{lines} lines; a file has under {FILE_LINES}: "
                           "split it by the types or themes in it")


def line_width(file: SourceFile) -> Iterator[Finding]:
    """At most 100 characters a line, comments and literals included."""
    for number, line in enumerate(file.text.split("\n"), 1):
        if len(line) > LINE_CHARACTERS:
            yield file.finding(number, "line-width", f"{len(line)} characters; a line has at most "
                               f"{LINE_CHARACTERS}: break it")


def _body(code: str, index: int) -> tuple[int, int] | None:
    """Where the braces of the declaration that begins before `index` open and close."""
    depth = 0
    while index < len(code):
        character = code[index]
        if character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif depth == 0 and character == "{":
            break
        elif depth < 0 or (depth == 0 and character == "}"):
            return None
        elif depth == 0 and character == "\n" and not CONTINUES.match(code, index):
            return None
        index += 1
    else:
        return None
    start, braces = index, 0
    while index < len(code):
        braces += {"{": 1, "}": -1}.get(code[index], 0)
        if braces == 0:
            return start, index
        index += 1
    return None


def swift_function_length(file: SourceFile) -> Iterator[Finding]:
    """At most 69 lines a function, from its name to its closing brace."""
    if not file.is_swift:
        return
    text = file.swift
    for match in DECLARATION.finditer(text.code):
        body = _body(text.code, match.end())
        if body is None:
            continue
        first, last = text.line_of(match.start()), text.line_of(body[1])
        if last - first + 1 >= FUNCTION_LINES:
            name = match.group("name") or match.group("other")
            yield _too_long(file, first, name, last - first + 1)


def python_function_length(file: SourceFile) -> Iterator[Finding]:
    """The same for Python."""
    if file.suffix != ".py" and not file.text.startswith("#!/usr/bin/env python3"):
        return
    for node in ast.walk(ast.parse(file.text, file.path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines >= FUNCTION_LINES:
                yield _too_long(file, node.lineno, node.name, lines)


def _too_long(file: SourceFile, line: int, name: str, lines: int) -> Finding:
    return file.finding(line, "function-length", f"{name} has {lines} lines; a function has under "
                        f"{FUNCTION_LINES}: name its parts and call them")
