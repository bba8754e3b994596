"""`progressor security check`: who may do what by a file of rules, without a server."""

import pytest
from support.server import progressor

RULES = """
rules:
  - principals: [alice]
    groups: [ops]
    namespaces: ["pay-*", orders]
    allow: [read, operate]
    payloads: hidden
  - principals: [alice]
    namespaces: [orders]
    allow: [read]
  - principals: [anonymous]
    namespaces: ["public-*"]
    allow: [drive]
"""


@pytest.fixture
def check(tmp_path):
    """Runs the command over a file with this text."""
    path = tmp_path / "rules.yaml"

    def run(text: str, *arguments: str):
        path.write_text(text)
        return progressor("security", "check", str(path), *arguments)
    return run


def decisions(result, method: str) -> list[list[str]]:
    """The cells after the method's name and role, of each of its rows."""
    assert result.returncode == 0, result
    rows = [line.split("  ") for line in result.stdout.splitlines()]
    rows = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    return [row[2:] for row in rows if row and row[0].endswith(method)]


def test_what_somebody_may_do(check):
    result = check(RULES, "--as", "alice")
    assert decisions(result, "Automaton/Get") == [
        ["allowed", "pay-*, orders", "hidden"], ["allowed", "orders", "visible"]]
    assert decisions(result, "Automaton/Repair") == [["allowed", "pay-*, orders", "hidden"]]
    assert decisions(result, "Automaton/Start") == [["denied", "-", "-"]]
    assert decisions(result, "Namespaces/Create") == [["denied", "-", "-"]]
    assert decisions(result, "Health/Check") == [["open", "-", "-"]]


def test_in_a_namespace(check):
    orders = check(RULES, "--as", "alice", "--namespace", "orders")
    assert decisions(orders, "Automaton/Get") == [["allowed", "orders", "visible"]]
    assert decisions(orders, "Automaton/Repair") == [["allowed", "orders", "hidden"]]
    other = check(RULES, "--as", "alice", "--namespace", "other")
    assert decisions(other, "Automaton/Get") == [["denied", "-", "-"]]


def test_groups_and_callers_without_credentials(check):
    assert decisions(check(RULES, "--as", "bob"), "Automaton/Remove") == [["denied", "-", "-"]]
    in_group = check(RULES, "--as", "bob", "--group", "dev", "--group", "ops")
    assert decisions(in_group, "Automaton/Remove") == [["allowed", "pay-*, orders", "hidden"]]
    anonymous = check(RULES, "--as", "anonymous")
    assert decisions(anonymous, "Automaton/Get") == [["unauthenticated", "-", "-"]]
    assert decisions(anonymous, "Automaton/Call") == [["allowed", "public-*", "visible"]]
    assert decisions(check(RULES, "--as", "uid:0"), "Automaton/Call") == [["denied", "-", "-"]]


def test_a_configuration_with_rules_or_their_file(check, tmp_path):
    indented = RULES.replace("\n", "\n  ")
    result = check(f"lease: 10s\nauthorization:{indented}", "--as", "alice")
    assert decisions(result, "Automaton/Repair") == [["allowed", "pay-*, orders", "hidden"]]
    other = tmp_path / "other.yaml"
    other.write_text(RULES)
    result = check(f"authorization: {{file: {other}}}", "--as", "alice")
    assert decisions(result, "Automaton/Repair") == [["allowed", "pay-*, orders", "hidden"]]


@pytest.mark.parametrize(("wrong", "message"), [
    ("rules:\n- principals: [a]\n  namespaces: ['*']\n  allow: [write]", "4: rules[0].allow[0]"),
    ("rules:\n- principals: [a]\n  namespaces: ['a[b']\n  allow: [read]",
     "3: rules[0].namespaces[0]"),
    ("rules:\n- principal: [a]\n", "2: rules[0].principal: unknown key"),
    ("rules: [", "no valid YAML"), ("", "must be a mapping"), ("\0", "YAML"),
    ("authorization: {file: /no/such}", "/no/such"),
])
def test_a_file_that_cannot_be_used(check, wrong, message):
    result = check(wrong, "--as", "alice")
    assert result.returncode == 78
    assert message in result.stderr and "error: " in result.stderr
    assert result.stdout == ""


def test_a_file_that_is_not_there():
    result = progressor("security", "check", "/no/such.yaml", "--as", "alice")
    assert result.returncode == 78 and "/no/such.yaml" in result.stderr


@pytest.mark.parametrize("arguments", [
    ["--as", ""], ["--as", "a\nb"], ["--as", "uid:x"], ["--as", "anonymous", "--group", "g"], [],
])
def test_somebody_who_cannot_be(check, arguments):
    assert check(RULES, *arguments).returncode == 64
