"""`progressor config`: what a server would run with, without one."""

import json

import pytest
from support.server import progressor

FILE = """\
lease: 20s
database:
  url: postgresql://progressor:secret@db/progressor
namespaces:
  - name: orders
    processor: {endpoint: "orders:7071", timeout: 5s}
"""


def check(tmp_path, text: str, *arguments: str, **environment: str):
    path = tmp_path / "progressor.yaml"
    path.write_text(text)
    return path, progressor("config", "check", str(path), *arguments, environment=environment)


def test_each_value_is_shown_with_its_source(tmp_path):
    path, result = check(tmp_path, FILE, "--listen", "h:1", "--namespace", "more=h:2",
                         PROGRESSOR_SLOTS="3")
    assert result.returncode == 0 and result.stderr == "", result
    lines = dict(line.split("#") for line in result.stdout.splitlines() if "#" in line)
    sources = {key.split(":")[0].strip(): (key.strip(), source.strip())
               for key, source in lines.items()}
    assert sources["lease"] == ("lease: 20s", f"{path}:1: lease")
    assert sources["listen"] == ("listen: h:1", "--listen")
    assert sources["slots"] == ("slots: 3", "PROGRESSOR_SLOTS")
    assert sources["shards"] == ("shards: 1024", "default")
    assert "postgresql://progressor:…@db/progressor" in result.stdout
    assert "secret" not in result.stdout
    assert "namespace orders" in result.stdout and "orders:7071" in result.stdout
    assert "namespace more" in result.stdout and "1000 (default)" in result.stdout
    shown = progressor("config", "show", "--json", environment={"PROGRESSOR_CONFIG": str(path)})
    values = {value["key"]: value for value in json.loads(shown.stdout)["settings"]}
    assert values["lease"] == {"key": "lease", "values": ["20s"], "source": f"{path}:1: lease",
                               "default": False}
    assert values["slots"]["default"] and "secret" not in shown.stdout


def test_what_is_wrong_ends_with_78_and_a_suggestion(tmp_path):
    path, wrong = check(tmp_path, "lease: 20s\nlimits:\n  reqests: 5\n")
    assert wrong.returncode == 78 and wrong.stdout == ""
    assert f"{path}:3: limits.reqests" in wrong.stderr
    assert "did you mean limits.requests?" in wrong.stderr
    assert check(tmp_path, "lease: 1h\n")[1].returncode == 78
    assert check(tmp_path, "", PROGRESSOR_LEASE="1h")[1].returncode == 78
    _, error = check(tmp_path, "lease: 1h\n", "--json")
    assert "lease" in json.loads(error.stderr)["error"]["message"]
    missing = progressor("config", "check", str(tmp_path / "none.yaml"))
    assert missing.returncode == 78 and "none.yaml" in missing.stderr


def test_an_address_that_is_named_twice_is_nobody_elses(tmp_path):
    twice = check(tmp_path, "listen: ['127.0.0.1:7070', 'unix:/x', '127.0.0.1:7070']\n")[1]
    assert twice.returncode == 78 and "127.0.0.1:7070 twice" in twice.stderr
    # Any free port may be wanted as often as one likes.
    assert check(tmp_path, "listen: ['127.0.0.1:0', '127.0.0.1:0']\n")[1].returncode == 0


def test_variables_that_are_no_setting_are_warned_about(tmp_path):
    _, result = check(tmp_path, FILE, PROGRESSOR_LEESE="1s", PROGRESSOR_SERVICE_HOST="10.0.0.1")
    assert result.returncode == 0
    assert result.stderr == ("warning: PROGRESSOR_LEESE: is no setting, and is ignored; did you "
                             "mean PROGRESSOR_LEASE?\n")


def test_what_is_no_yaml_is_not_quoted(tmp_path):
    """Passwords stand in such lines."""
    for text in ['database: {url: "postgres://u:secret@h/db', "a: 1\n  url: @postgres://u:secret@h",
                 "token secret\nb: 1\nb: 2"]:
        path, result = check(tmp_path, text)
        assert result.returncode == 78 and "no valid YAML" in result.stderr, result
        assert str(path) in result.stderr and "secret" not in result.stdout + result.stderr


@pytest.mark.parametrize("line", ["listen: ['0.0.0.0:7070']", "listen: ['[::]:7070']",
                                  "metrics_listen: '192.0.2.1:9090'"])
def test_addresses_on_which_no_server_would_listen_are_told(tmp_path, line):
    _, result = check(tmp_path, f"{line}\n")
    assert result.returncode == 78 and "--insecure" in result.stderr, result
    assert line.partition(":")[0] in result.stderr
    assert check(tmp_path, f"{line}\n", "--insecure")[1].returncode == 0
    shown = progressor("config", "show", "--config", str(tmp_path / "progressor.yaml"))
    assert shown.returncode == 0 and line.partition("'")[2].partition("'")[0] in shown.stdout
