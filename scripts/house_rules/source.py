"""Source files as the rules see them: code with comments and literals blanked out, and beside it
those comments and literals with their lines."""

from dataclasses import dataclass, field
from pathlib import PurePosixPath


@dataclass(frozen=True)
class Finding:
    """One broken rule. `text` says what is wrong and what to write instead."""

    path: str
    line: int
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: [{self.rule}] {self.text}"


@dataclass
class SourceFile:
    """A file of the repository. `path` is relative to its root, with `/`."""

    path: str
    text: str
    _swift: "SwiftText | None" = field(default=None, repr=False)

    @property
    def parts(self) -> tuple[str, ...]:
        return PurePosixPath(self.path).parts

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.path).suffix

    @property
    def target(self) -> str | None:
        """The SwiftPM target under Sources, if any."""
        return self.parts[1] if len(self.parts) > 2 and self.parts[0] == "Sources" else None

    @property
    def is_swift(self) -> bool:
        return self.suffix == ".swift"

    @property
    def swift(self) -> "SwiftText":
        if self._swift is None:
            self._swift = SwiftText(self.text)
        return self._swift

    def finding(self, line: int, rule: str, text: str) -> Finding:
        return Finding(self.path, line, rule, text)


class SwiftText:
    """Swift source, split. `code` has the length and the lines of the original; comments and the
    contents of literals are spaces in it. Good enough for rules, not a parser: it knows nested
    comments, raw and multi-line literals and interpolation, but no regex literals."""

    def __init__(self, text: str):
        self.code: str = ""
        self.comments: dict[int, str] = {}
        self.literals: list[tuple[int, str]] = []
        self._text = text
        self._blanked = list(text)
        self._scan()
        self.code = "".join(self._blanked)

    def line_of(self, offset: int) -> int:
        return self._text.count("\n", 0, offset) + 1

    def _blank(self, start: int, end: int) -> None:
        for index in range(start, end):
            if self._blanked[index] != "\n":
                self._blanked[index] = " "

    def _scan(self) -> None:
        text, index = self._text, 0
        while index < len(text):
            if text.startswith("//", index):
                index = self._comment(index, self._end_of_line(index))
            elif text.startswith("/*", index):
                index = self._comment(index, self._end_of_block(index))
            elif text[index] == '"' or (text[index] == "#" and self._is_raw_literal(index)):
                end = self._end_of_literal(index)
                self.literals.append((self.line_of(index), text[index:end]))
                self._blank(index, end)
                index = end
            else:
                index += 1

    def _comment(self, start: int, end: int) -> int:
        for number, part in enumerate(self._text[start:end].split("\n"), self.line_of(start)):
            self.comments[number] = self.comments.get(number, "") + part
        self._blank(start, end)
        return end

    def _end_of_line(self, index: int) -> int:
        end = self._text.find("\n", index)
        return len(self._text) if end < 0 else end

    def _end_of_block(self, index: int) -> int:
        depth, text = 0, self._text
        while index < len(text):
            if text.startswith("/*", index):
                depth, index = depth + 1, index + 2
            elif text.startswith("*/", index):
                depth, index = depth - 1, index + 2
                if depth == 0:
                    return index
            else:
                index += 1
        return index

    def _is_raw_literal(self, index: int) -> bool:
        while index < len(self._text) and self._text[index] == "#":
            index += 1
        return index < len(self._text) and self._text[index] == '"'

    def _end_of_literal(self, index: int) -> int:
        text, hashes = self._text, 0
        while text[index] == "#":
            hashes, index = hashes + 1, index + 1
        quotes = 3 if text.startswith('"""', index) else 1
        closing, escape = '"' * quotes + "#" * hashes, "\\" + "#" * hashes
        index += quotes
        while index < len(text):
            if text.startswith(closing, index):
                return index + len(closing)
            if text.startswith(escape + "(", index):
                index = self._end_of_interpolation(index + len(escape) + 1)
            elif text.startswith(escape, index):
                index += len(escape) + 1
            elif text[index] == "\n" and quotes == 1:
                return index
            else:
                index += 1
        return index

    def _end_of_interpolation(self, index: int) -> int:
        depth, text = 1, self._text
        while index < len(text) and depth:
            if text[index] == '"':
                index = self._end_of_literal(index)
                continue
            depth += {"(": 1, ")": -1}.get(text[index], 0)
            index += 1
        return index
