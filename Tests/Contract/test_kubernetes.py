"""The manifests, held by Kubernetes' own schemas and by the program whose settings they name."""

import json
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from support.certificates import Authority
from support.packaging import (
    BEYOND_DRAIN,
    CONTAINER,
    HEALTH,
    KUBERNETES,
    containers,
    documents,
    of_kind,
    pods,
    seconds,
)
from support.ports import free_port
from support.server import progressor
from support.waiting import eventually

# This one and later.
KUBERNETES_VERSION = "1.30"


@pytest.fixture(scope="module")
def manifests() -> list[dict]:
    found = documents()
    assert len(found) >= 8
    return found


@pytest.mark.parametrize("release", [KUBERNETES_VERSION, kubernetes_validate.latest_version()])
def test_manifests_are_what_kubernetes_takes(manifests, release):
    for manifest in manifests:
        kubernetes_validate.validate(manifest, release, strict=True)


def test_pods_are_restricted(manifests):
    """As the level "restricted" of the Pod Security Standards demands."""
    for pod in pods(manifests):
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["requests"] and container["resources"]["limits"]["memory"]
            assert not container["image"].endswith((":latest", "progressor"))
    user = pod["spec"]["securityContext"]["runAsUser"]
    assert f"USER {user}:" in (CONTAINER / "Dockerfile").read_text()


def test_manifests_name_each_other(manifests):
    names = {(m["kind"], m["metadata"]["name"]) for m in manifests}
    keys = {m["metadata"]["name"]: m.get("stringData", {}) for m in of_kind(manifests, "Secret")}
    for pod in pods(manifests):
        assert ("ServiceAccount", pod["spec"]["serviceAccountName"]) in names
        for volume in pod["spec"].get("volumes", []):
            if "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in names
            elif volume["secret"]["secretName"] != "progressor-tls":  # README.md has its command
                items = {item["key"] for item in volume["secret"]["items"]}
                assert items <= keys[volume["secret"]["secretName"]].keys()
        mounted = {volume["name"] for volume in pod["spec"].get("volumes", [])}
        for container in pod["spec"]["containers"]:
            assert {m["name"] for m in container.get("volumeMounts", [])} == mounted
            for variable in container["env"]:
                if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
                    assert reference["key"] in keys[reference["name"]]
    assert "create secret tls progressor-tls" in (KUBERNETES / "README.md").read_text()


def test_selectors_mean_the_servers_alone(manifests):
    server = of_kind(manifests, "Deployment")[0]["spec"]["template"]["metadata"]["labels"]
    others = [pod["metadata"]["labels"] for pod in pods(manifests)
              if pod["metadata"]["labels"] != server]
    selectors = [of_kind(manifests, "Deployment")[0]["spec"]["selector"]["matchLabels"],
                 of_kind(manifests, "Service")[0]["spec"]["selector"],
                 of_kind(manifests, "PodDisruptionBudget")[0]["spec"]["selector"]["matchLabels"]]
    for selector in selectors:
        assert selector.items() <= server.items()
        assert others and not any(selector.items() <= labels.items() for labels in others)


def test_a_disruption_leaves_one(manifests):
    deployment = of_kind(manifests, "Deployment")[0]["spec"]
    budget = of_kind(manifests, "PodDisruptionBudget")[0]["spec"]
    assert deployment["replicas"] - budget["maxUnavailable"] >= 1
    assert deployment["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


@pytest.fixture
def configured(manifests, tmp_path) -> tuple[Path, dict]:
    """The configuration of the ConfigMap as a file, with files in the places of its pod's."""
    shown = Authority(tmp_path / "made", "authority").sign("server", "DNS:progressor")
    files = {"/etc/progressor-tls/tls.crt": shown.certificate,
             "/etc/progressor-tls/tls.key": shown.key,
             "/etc/progressor-secrets/tokens": tmp_path / "tokens"}
    secret = of_kind(manifests, "Secret")[0]
    (tmp_path / "tokens").write_text(secret["stringData"]["tokens"])
    text = of_kind(manifests, "ConfigMap")[0]["data"]["progressor.yaml"]
    mounts = {m["mountPath"] for c in containers(manifests) for m in c.get("volumeMounts", [])}
    for place, file in files.items():
        assert place in text and str(Path(place).parent) in mounts
        text = text.replace(place, str(file))
    path = tmp_path / "progressor.yaml"
    path.write_text(text)
    return path, yaml.safe_load(text)


def test_the_configuration_is_one(configured, manifests):
    path, _ = configured
    url = of_kind(manifests, "Secret")[0]["stringData"]["database-url"]
    checked = progressor("config", "check", str(path), "--json",
                         environment={"PROGRESSOR_DATABASE_URL": url})
    assert checked.returncode == 0 and checked.stderr == "", checked
    values = {v["key"]: v["values"] for v in json.loads(checked.stdout)["settings"]}
    assert values["authentication.tokens"] and "PASSWORD" not in checked.stdout


def test_ports_times_and_rules_fit_the_configuration(configured, manifests):
    _, configuration = configured
    pod = of_kind(manifests, "Deployment")[0]["spec"]["template"]["spec"]
    ports = {port["name"]: port["containerPort"] for port in pod["containers"][0]["ports"]}
    assert configuration["listen"] == [f"0.0.0.0:{ports['grpc']}"]
    assert configuration["metrics_listen"] == f"0.0.0.0:{ports['metrics']}"
    grace = pod["terminationGracePeriodSeconds"]
    assert grace >= seconds(configuration["drain_timeout"]) + BEYOND_DRAIN
    # `insecure` is for the metrics: who may do what is said all the same.
    assert configuration["authentication"] and configuration["authorization"]["rules"]
    service = {port["name"]: port for port in of_kind(manifests, "Service")[0]["spec"]["ports"]}
    assert {name: port["port"] for name, port in service.items()} == ports
    assert f"127.0.0.1:{ports['metrics']}" in (CONTAINER / "Dockerfile").read_text()
    probes = pod["containers"][0]
    assert probes["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "metrics"}
    assert probes["readinessProbe"]["exec"]["command"][0] == HEALTH.name
    assert f"/{HEALTH.name}\n" in (CONTAINER / "Dockerfile").read_text()


def test_a_server_runs_with_the_configuration(configured, servers):
    """What an operator fills in is put in: tokens."""
    path, configuration = configured
    Path(configuration["authentication"]["tokens"]).write_text(
        "shop sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b drivers\n")
    server = servers("--config", str(path), "--metrics-listen", f"127.0.0.1:{free_port()}")
    server.start(wait=False)

    def listens() -> bool:
        assert server.running, server.log_tail()
        return f"listening on {server.address}" in server.log.read_text()

    eventually(listens, "it serves", timeout=60)
    assert server.terminate() == 0, server.log_tail()
