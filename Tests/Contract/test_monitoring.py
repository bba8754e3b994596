"""The files for Prometheus and Grafana name nothing that no server has, and do what they say."""

import json
import re
import subprocess

import grpc
from support.client import fails
from support.debian import unpacked
from support.feed import Subscriber
from support.metrics import metrics_of
from support.ports import free_port
from support.processor import Answer, Refusal, timer_in
from support.sinks import document
from support.stubs import ROOT
from support.waiting import eventually

FOLDER = ROOT / "packaging" / "monitoring"
METRIC = re.compile(r"\b(?:progressor|grpc_server|grpc_client)_[a-z_]+\b")
PROMTOOL = "usr/bin/promtool"


def promtool(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([str(unpacked() / PROMTOOL), *arguments], cwd=FOLDER, timeout=120,
                          capture_output=True, text=True)


def dashboard() -> dict:
    return json.loads((FOLDER / "dashboard.json").read_text())


def rules() -> str:
    return (FOLDER / "alerts.yaml").read_text()


def alerts() -> list[str]:
    return re.findall(r"alert: (\w+)", rules())


def queries() -> list[str]:
    """Every expression of the dashboard, and the lines of the rules."""
    panels = [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]
    variables = [variable["query"]["query"] for variable in dashboard()["templating"]["list"]
                 if variable["type"] == "query"]
    assert len(panels) > 20 and len(alerts()) > 10
    return panels + variables + rules().splitlines()


def documented() -> list[str]:
    """What the documents for operators name in full."""
    text = "".join((ROOT / "docs" / name).read_text() for name in ("operations.md", "runbook.md"))
    return [quoted for quoted in re.findall(r"`([^`\n]*)`", text)
            if METRIC.match(quoted) or "(progressor_" in quoted]


def test_rules_are_valid_and_say_what_they_are_for():
    checked = promtool("check", "rules", "alerts.yaml")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    tested = promtool("test", "rules", "alerts_test.yaml")
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_every_rule_has_a_test():
    tests = (FOLDER / "alerts_test.yaml").read_text()
    assert [alert for alert in alerts() if f"alertname: {alert}\n" not in tests
            and f"alertname: {alert}," not in tests] == []


def test_panels_have_places_of_their_own():
    panels = dashboard()["panels"]
    taken = [(x, y) for panel in panels for place in [panel["gridPos"]]
             for x in range(place["x"], place["x"] + place["w"])
             for y in range(place["y"], place["y"] + place["h"])]
    assert len(taken) == len(set(taken)) and all(x < 24 for x, _ in taken)
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_every_metric_that_is_named_is_one_of_a_server_that_has_seen_much(
        servers, spaces, tmp_path):
    metrics = f"127.0.0.1:{free_port()}"
    sinks = tmp_path / "progressor.yaml"
    sinks.write_text(document({"name": "s", "webhook": {"url": f"http://127.0.0.1:{free_port()}"}}))
    server = servers("--metrics-listen", metrics, "--config", str(sinks),
                     environment={"PROGRESSOR_LIMITS_REQUESTS": "1000",
                                  "PROGRESSOR_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
                     ).start()

    def behave(i) -> Answer:
        if i.kind == "call":
            raise Refusal(grpc.StatusCode.INTERNAL, "a bug")
        return Answer(timer=timer_in(0.1) if i.kind == "init" else None)

    space = spaces(server.client, behave)
    for number in range(3):
        space.start(f"m{number}")
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
        space.call("m0")
    eventually(lambda: metrics_of(metrics).value("progressor_timer_lateness_seconds_count") >= 1,
               "a timer fires")
    eventually(lambda: any(name == "progressor_namespace_machines"
                           for name, _ in metrics_of(metrics).samples), "they are counted", 30)
    feed = Subscriber(server.client, consumer="billing")
    eventually(lambda: any(name == "progressor_feed_lag_entries"
                           for name, _ in metrics_of(metrics).samples), "its lag is told", 30)
    feed.leave()
    # What only is there while something is wrong.
    there = {name for name, _ in metrics_of(metrics).samples}
    there.add("progressor_namespace_late_seconds")
    for query in queries() + documented():
        for name in METRIC.findall(query):
            found = any(one in there for one in (name, f"{name}_count"))
            assert found, f"no server has {name}: {query}"
