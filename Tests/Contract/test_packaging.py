"""What the files in packaging name is the program's."""

import functools
import re
from collections.abc import Iterator

import pytest
from support.packaging import containers, documents, texts
from support.server import progressor


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every command line of the program, with the file that has it."""
    for name, text in texts().items():
        for match in re.finditer(r"(?<![\w/.-])(?:exec )?progressor ((?:[a-z][a-z-]* )+.*)", text):
            yield name, match[1].rstrip("`").split()
    for container in containers(documents()):
        yield f"the container {container['name']}", container["args"]


@functools.cache
def usage(*words: str) -> str:
    return progressor(*words, "--help").stdout


def subcommand(words: list[str]) -> list[str]:
    """The words before the first option or argument; none if the sentence is not a command."""
    known: list[str] = []
    for word in words:
        if not word[0].isalpha() or not re.search(
                rf"^  {re.escape(word)}\s", usage(*known), re.MULTILINE):
            break
        known.append(word)
    return known


def test_commands_and_flags_are_the_programs():
    seen = set()
    for name, words in commands():
        known = subcommand(words)
        if not known:
            continue  # a sentence
        seen.add(tuple(known))
        flags = {word for word in words if re.fullmatch(r"--[a-z-]+", word)}
        unknown = flags - set(re.findall(r"--[a-z-]+", usage(*known)))
        assert not unknown, (name, words)
    assert {("serve",), ("config", "check"), ("machine", "start")} <= seen


def test_what_containers_run_is_a_command():
    for container in containers(documents()):
        words = container["args"]
        known = subcommand(words)
        if words[0] == "database" and not known:
            pytest.skip("this build has no `progressor database`")
        rest = words[len(known):]
        assert known and (not rest or rest[0].startswith("-")), words


def test_variables_are_the_programs():
    settings = progressor("settings").stdout
    known = set(re.findall(r"`(PROGRESSOR_\w+)`", settings)) | {
        "PROGRESSOR_TOKEN_FILE", "PROGRESSOR_HEALTH_PORT"}  # of its clients, and of our script
    named = {variable: name for name, text in texts().items()
             for variable in re.findall(r"\bPROGRESSOR_[A-Z_]+\b", text)}
    assert len(named) >= 4 and {v: n for v, n in named.items() if v not in known} == {}


def test_the_version_is_the_programs():
    images = {match for text in texts().values()
              for match in re.findall(r"\bprogressor:(\d+\.[\w.]*)", text)}
    assert images == {progressor("--version").stdout.strip()}
