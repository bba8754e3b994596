"""The image and the compose file, as far as they can be held without an engine: by the rules of
those who would run them, and by the program."""

import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from support.client import fails
from support.packaging import (
    BEYOND_DRAIN,
    CONTAINER,
    HEALTH,
    installed_packages,
    instructions,
    seconds,
)
from support.ports import free_port
from support.server import progressor
from support.stubs import ROOT, namespaces_pb2
from support.waiting import eventually

DOCKERFILES = sorted(CONTAINER.glob("*Dockerfile"))


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_an_image_is_built_by_the_rules(dockerfile):
    program = Path(sys.executable).with_name("hadolint")
    if not program.exists():
        pytest.skip("hadolint is on PyPI for x86_64 only")
    said = subprocess.run([str(program), "--failure-threshold", "style", str(dockerfile)],
                          capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_an_image_is_small_and_nobodys(dockerfile):
    steps = instructions(dockerfile)
    bases = [value.split()[0] for name, value in steps if name == "FROM"]
    assert all(re.fullmatch(r"[a-z]+:[\w.-]+", base) and "latest" not in base for base in bases)
    last = max(index for index, (name, _) in enumerate(steps) if name == "FROM")
    assert last > 0 and "slim" in bases[-1]
    final = steps[last:]
    users = [value for name, value in final if name == "USER"]
    assert users and re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1])
    assert not any(name == "ADD" for name, _ in steps)
    assert not any("SECRET" in value or "PASSWORD" in value for name, value in steps
                   if name in ("ENV", "ARG"))


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_what_is_copied_is_there_and_not_ignored(dockerfile):
    ignore = dockerfile.with_name(dockerfile.name + ".dockerignore").read_text().splitlines()
    assert "*" in ignore
    kept = [line[1:] for line in ignore if line.startswith("!")]
    assert all((ROOT / path).exists() for path in kept), kept
    for name, value in instructions(dockerfile):
        if name == "COPY" and "--from" not in value:
            source = next(word for word in value.split() if not word.startswith("--"))
            assert source == "." or any(
                Path(source) == Path(path) or Path(path) in Path(source).parents
                for path in kept), source


def test_the_image_has_what_the_program_loads_and_the_build_what_it_links():
    build, runtime = (packages for name, value in instructions(CONTAINER / "Dockerfile")
                      if name == "RUN" and (packages := installed_packages(value)))
    named = re.search(r'LIBRARIES="(.*)"', (ROOT / "scripts" / "install").read_text())[1]
    assert runtime == set(named.split()) | {"ca-certificates"}
    setup = (ROOT / "scripts" / "setup").read_text()
    listed = set(re.search(r"^PACKAGES=\((.*?)\)", setup, re.DOTALL | re.MULTILINE)[1].split())
    assert build <= listed
    # What system libraries the package declares is among them.
    manifest = (ROOT / "Package.swift").read_text()
    assert set(re.findall(r'\.apt\(\["([\w.+-]+)"\]\)', manifest)) <= build


def test_the_example_has_the_versions_that_are_tested():
    tested = (ROOT / "scripts" / "requirements.txt").read_text()
    text = (CONTAINER / "processor.Dockerfile").read_text()
    for package in re.findall(r"grpcio[\w-]*==[\d.]+", text):
        assert f"{package}\n" in tested
    assert f"protobuf=={version('protobuf')}" in text


def health(port: int, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(HEALTH), *arguments], capture_output=True, text=True, timeout=20,
        env={"PATH": "/usr/bin:/bin", "PROGRESSOR_HEALTH_PORT": str(port)})


def test_the_health_check_tells_a_standby_from_one_that_serves(node):
    ports = [free_port(), free_port()]
    nodes = [node(), node()]
    for server, port in zip(nodes, ports, strict=True):
        server.arguments += ["--metrics-listen", f"127.0.0.1:{port}"]
    assert health(ports[0], "livez").returncode != 0  # nobody is there
    nodes[0].start()
    for asked in ("livez", "readyz"):
        said = health(ports[0], asked)
        assert (said.returncode, said.stdout) == (0, "ok\n"), said
    assert health(ports[0], "readyz", "standby").returncode == 0
    assert health(ports[0], "elsewhere").returncode == 1
    nodes[1].start(wait=False)
    eventually(lambda: health(ports[1], "readyz", "standby").returncode == 0, "it stands by")
    assert health(ports[1], "readyz").returncode == 1
    assert health(ports[1], "livez").returncode == 0
    assert health(ports[1], "readyz", "something else").returncode == 1


# Compose


@pytest.fixture(scope="module")
def compose() -> dict:
    return yaml.safe_load((CONTAINER / "compose.yaml").read_text())


def test_the_compose_file_is_one(compose):
    program = Path(sys.executable).with_name("check-jsonschema")
    said = subprocess.run(
        [str(program), "--builtin-schema", "vendor.compose-spec", str(CONTAINER / "compose.yaml")],
        capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr
    for service in compose["services"].values():
        if build := service.get("build"):
            root = (CONTAINER / build["context"]).resolve()
            assert root == ROOT and (root / build["dockerfile"]).is_file()
        for secret in service.get("secrets", []):
            assert secret in compose["secrets"]
        if "build" in service:
            assert service["read_only"] and service["cap_drop"] == ["ALL"]
    published = [port for service in compose["services"].values()
                 for port in service.get("ports", [])]
    assert published and all(port.startswith("127.0.0.1:") for port in published)


def test_the_compose_file_waits_for_a_server_to_drain(compose):
    drain = re.search(r"\| `drain_timeout` \|.*?\| `(\d+s)` \|", progressor("settings").stdout)[1]
    configuration = yaml.safe_load((CONTAINER / "progressor.yaml").read_text())
    drain = configuration.get("drain_timeout", drain)
    grace = compose["services"]["progressor"]["stop_grace_period"]
    assert seconds(grace) >= seconds(drain) + BEYOND_DRAIN


@pytest.fixture
def secrets(tmp_path) -> Path:
    if not shutil.which("openssl"):
        pytest.skip("make-secrets needs openssl")
    folder = tmp_path / "secrets"
    subprocess.run([str(CONTAINER / "make-secrets"), str(folder)], check=True)
    return folder


def test_secrets_are_made_once(compose, secrets):
    files = {path.name: path.read_text() for path in secrets.iterdir()}
    assert set(files) == set(compose["secrets"])
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert all(Path(secret["file"]).parent == Path("secrets")
               for secret in compose["secrets"].values())
    subprocess.run([str(CONTAINER / "make-secrets"), str(secrets)], check=True)
    assert {path.name: path.read_text() for path in secrets.iterdir()} == files
    assert "packaging/container/secrets/" in (ROOT / ".gitignore").read_text()


def test_the_server_of_the_compose_file_takes_its_token_and_no_other(servers, secrets, tmp_path):
    configuration = tmp_path / "progressor.yaml"
    text = (CONTAINER / "progressor.yaml").read_text()
    configuration.write_text(text.replace("/run/secrets", str(secrets)))
    checked = progressor("config", "check", str(configuration))
    assert checked.returncode == 0 and checked.stderr == "", checked
    server = servers("--config", str(configuration)).start()
    with fails("UNAUTHENTICATED"):
        server.client.namespaces.List(namespaces_pb2.ListNamespacesRequest(), timeout=20)
    listed = progressor("namespace", "list", "--server", server.address, "--json",
                        environment={"PROGRESSOR_TOKEN_FILE": str(secrets / "token")})
    assert listed.returncode == 0 and "orders" in listed.stdout, listed
    assert progressor("status", "--server", server.address, "--token-file",
                      str(secrets / "token")).returncode == 0
