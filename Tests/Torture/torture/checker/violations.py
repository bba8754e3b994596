"""What the checker finds."""

from dataclasses import dataclass

LOST = "lost"  # acknowledged, and not there


@dataclass(frozen=True)
class Violation:
    """`rule` is a short name of what was broken."""

    rule: str
    where: str
    text: str

    def __str__(self) -> str:
        return f"VIOLATION {self.rule}: {self.where}: {self.text}"
