"""JSON Web Tokens: whose are taken, and every way in which an intruder tries to have one."""

import json
import time

import grpc
import pytest
from support.client import Client, Space, fails
from support.http2 import (
    DATA, END_STREAM, GOAWAY, HEADERS, RST_STREAM, RawConnection, headers, literal, request_block,
)
from support.jwt import AUDIENCE, ISSUER, Key, encoded, signed_by_hmac
from support.metrics import metrics_of
from support.ports import free_port
from support.processor import echo
from support.server import progressor
from support.stubs import automaton_pb2_grpc, namespaces_pb2, namespaces_pb2_grpc
from support.waiting import eventually
from test_access import Bearer

DEADLINE = 30.0
RULES = """
rules:
  - {principals: [admin], namespaces: ["*"], allow: [read, drive, operate, administer]}
  - {principals: [driver], groups: [drivers], namespaces: ["pay-*"], allow: [read, drive]}
"""
KEYS = {name: Key(name) for name in ("RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA")}
KEY = KEYS["ES256"]


class Issued:
    """A server that takes an issuer's tokens."""

    def __init__(self, server, processor, *keys: dict):
        self.server, self.processor = server, processor
        self.keys = server.directory / "keys.json"
        rules = server.directory / "rules.yaml"
        rules.write_text(RULES)
        self.write(*(keys or (key.jwk() for key in KEYS.values())))
        self.metrics_address = f"127.0.0.1:{free_port()}"
        server.arguments += [
            "--authentication-jwt-jwks", str(self.keys), "--authentication-jwt-issuer", ISSUER,
            "--authentication-jwt-audience", AUDIENCE, "--authorization-file", str(rules),
            "--metrics-listen", self.metrics_address]
        self._clients: list[Client] = []

    def write(self, *keys: dict) -> None:
        other = self.keys.with_suffix(".new")
        other.write_text(json.dumps({"keys": keys}))
        other.replace(self.keys)

    def showing(self, token: str | None) -> Client:
        client = Client(self.server.address)
        self._clients.append(client)
        channel = client.channel
        if token is not None:
            channel = grpc.intercept_channel(channel, Bearer(f"Bearer {token}"))
        client.automaton = automaton_pb2_grpc.AutomatonStub(channel)
        client.namespaces = namespaces_pb2_grpc.NamespacesStub(channel)
        return client

    def names(self, token: str | None) -> list[str]:
        reply = self.showing(token).namespaces.List(
            namespaces_pb2.ListNamespacesRequest(), timeout=DEADLINE)
        return sorted(namespace.name for namespace in reply.namespaces)

    def space(self, token: str, name: str) -> Space:
        return Space(self.showing(token), self.processor, name)

    def results(self) -> dict[str, int]:
        metrics = metrics_of(self.metrics_address)
        return {result: int(metrics.value("progressor_jwt_total", result=result))
                for result in ("verified", "known", "refused", "forged", "limited")}

    def close(self) -> None:
        for client in self._clients:
            client.close()


@pytest.fixture
def issued(servers, processor):
    issued = Issued(servers(), processor)
    issued.server.start()
    for namespace in ("pay-cards", "other"):
        processor.behave(namespace, echo)
        issued.showing(KEY.token("admin")).create_namespace(namespace, processor.endpoint)
    yield issued
    issued.close()


def test_every_kind_of_key_and_what_a_token_says_of_its_principal(issued):
    for key in KEYS.values():
        assert issued.names(key.token()) == ["pay-cards"], key.algorithm
    assert issued.names(KEY.token("somebody", groups=["x", "drivers"])) == ["pay-cards"]
    assert issued.names(KEY.token(aud=["x", AUDIENCE])) == ["pay-cards"]
    assert issued.names(KEY.token("admin")) == ["other", "pay-cards"]
    now = time.time()
    assert issued.names(KEY.token(exp=now - 10, nbf=now + 10, iat=now + 10)) == ["pay-cards"]
    space = issued.space(KEY.token(), "pay-cards")
    space.start("m", b"x")
    assert space.call("m", b"y") == b"y"


def test_what_a_token_does_not_allow(issued):
    """Other namespaces, other roles, and what metadata claim."""
    token = KEY.token()
    with fails("PERMISSION_DENIED", "NOT_ALLOWED"):
        issued.space(token, "other").start("m")
    with fails("PERMISSION_DENIED", "NOT_ALLOWED"):
        issued.space(token, "pay-cards").remove("m")
    with fails("PERMISSION_DENIED", "NOT_ALLOWED"):
        issued.names(KEY.token("nobody"))
    create = issued.server.client.channel.unary_unary(
        "/progressor.v1.Namespaces/Create", lambda m: m, lambda m: m)
    for authorization, code in (([("authorization", f"Bearer {token}")], "PERMISSION_DENIED"),
                                ([], "UNAUTHENTICATED")):
        with fails(code):
            create(b"", timeout=DEADLINE,
                   metadata=[*authorization, ("progressor-principal", "admin")])


def intruders() -> dict[str, str | None]:
    """Tokens that are nobody's, and why."""
    now, good = time.time(), KEY.token()
    header, claims, signature = good.split(".")
    other = Key("ES256")
    rs = KEYS["RS256"]
    admin = encoded({"iss": ISSUER, "aud": AUDIENCE, "sub": "admin", "exp": now + 300})
    duplicate = json.dumps({"iss": ISSUER, "aud": AUDIENCE, "exp": now + 300})[:-1]
    return {
        "none": None, "no token": "nonsense", "empty parts": "..",
        "two parts": f"{header}.{claims}", "four parts": good + ".x", "padded": good + "=",
        "too long": "a." * 2 + "a" * 9_000,
        "expired": KEY.token(exp=now - 60), "not yet valid": KEY.token(nbf=now + 60),
        "issued tomorrow": KEY.token(iat=now + 86_400), "without end": KEY.token(exp=None),
        "end is text": KEY.token(exp=str(now + 300)),
        "end is huge": KEY.token(payload='{"iss":"%s","aud":"%s","sub":"driver","exp":1e308}' % (
            ISSUER, AUDIENCE)),
        "end is beyond all numbers": KEY.token(
            payload='{"iss":"%s","aud":"%s","sub":"driver","exp":%s}' % (
                ISSUER, AUDIENCE, "9" * 400)),
        "begin is huge": KEY.token(nbf=2 ** 63), "negative end": KEY.token(exp=-2 ** 63),
        "alg none, unsigned": f"{encoded({'alg': 'none', 'kid': KEY.id})}.{claims}.",
        "alg none, signed": KEY.token(header={"alg": "none"}),
        "HS256 by the public key": signed_by_hmac(rs.pem, rs.id),
        "HS256 by the modulus": signed_by_hmac(rs.jwk()["n"].encode(), rs.id),
        "another key's": other.token(header={"kid": KEY.id}), "alg of another kind": KEY.token(
            header={"alg": "RS256"}), "alg of another curve": KEY.token(header={"alg": "ES384"}),
        "unknown kid": KEY.token(header={"kid": "x"}), "no kid": KEY.token(header={"kid": None}),
        "kid is a number": KEY.token(header={"kid": 1}),
        "a key of its own": other.token(header={"kid": "x", "jwk": other.jwk()}),
        "a url of keys": other.token(header={"jku": "http://127.0.0.1:1/keys"}),
        "critical extension": KEY.token(header={"crit": ["x"], "x": 1}),
        "a logout": KEY.token(header={"typ": "logout+jwt"}),
        "other audience": KEY.token(aud="somebody"), "no audience": KEY.token(aud=None),
        "audience of a list in a list": KEY.token(aud=[[AUDIENCE]]),
        "other issuer": KEY.token(iss=ISSUER + "/"), "no issuer": KEY.token(iss=None),
        "no subject": KEY.token(sub=None), "subject twice": KEY.token(
            payload=duplicate + ',"sub":"driver","sub":"admin"}'),
        "subject is no text": KEY.token(sub=["driver"]), "reserved": KEY.token("anonymous"),
        "a user": KEY.token("uid:0"), "groups are no list": KEY.token(groups="drivers"),
        "other claims": f"{header}.{admin}.{signature}", "cut": good[:-8],
        "signature in zeros": f"{header}.{claims}.{encoded(bytes(64))}",
    }


def test_an_intruder_hears_the_same_whatever_they_try(issued):
    bystander = issued.space(KEY.token(), "pay-cards")
    bystander.start("m")
    answers = set()
    for what, token in intruders().items():
        with fails("UNAUTHENTICATED", "UNAUTHENTICATED") as seen:
            issued.names(token)
            raise AssertionError(what)
        if token is not None:
            answers.add((seen[0].message, str(seen[0].info)))
        bystander.call("m", what.encode())
    assert len(answers) == 1
    log = issued.server.log.read_text()
    assert "eyJ" not in log and ISSUER not in log


def test_what_is_refused_is_refused_before_its_body_and_without_one(issued):
    port = issued.server.port
    forged = Key("ES256").token(header={"kid": KEY.id})
    for token in (None, forged):
        block = request_block("/progressor.v1.Automaton/Start") + literal("grpc-encoding", b"gzip")
        if token:
            block += literal("authorization", f"Bearer {token}".encode())
        with RawConnection(port) as client:
            client.send(headers(1, block))
            answer = next(f for f in client.frames() if f[0] == HEADERS)
            assert answer[1] & END_STREAM
    with RawConnection(port) as client:
        # No path at all: no answer of the method's, the stream or the connection ends.
        client.call(1, "progressor.v1.Namespaces/Create", b"")
        end = next(f for f in client.frames() if f[0] in (DATA, HEADERS, RST_STREAM, GOAWAY))
        assert end[0] != DATA and (end[0] != HEADERS or end[1] & END_STREAM)
    assert issued.names(KEY.token("admin")) == ["other", "pay-cards"]


def test_forgers_buy_no_signature_checks(issued):
    forger = Key("ES256")
    channel = issued.server.client.channel
    call = channel.unary_unary("/progressor.v1.Namespaces/List", lambda m: m, lambda m: m)
    before, codes = issued.results(), []
    for _ in range(60):
        token = forger.token(header={"kid": KEY.id})
        with pytest.raises(grpc.RpcError) as caught:
            call(b"", timeout=DEADLINE, metadata=[("authorization", f"Bearer {token}")])
        codes.append(caught.value.code())
    after = issued.results()
    limited = codes.count(grpc.StatusCode.RESOURCE_EXHAUSTED)
    assert limited > 20 and codes.count(grpc.StatusCode.UNAUTHENTICATED) == 60 - limited
    assert after["forged"] - before["forged"] == 60 - limited
    assert after["limited"] - before["limited"] == limited
    # Others, by connections of their own, and those whose token is known.
    token = KEY.token()
    for _ in range(5):
        assert issued.names(token) == ["pay-cards"]
    last = issued.results()
    assert last["verified"] - after["verified"] == 1 and last["known"] - after["known"] == 4


def test_keys_change_while_it_runs(issued):
    def log(text: str) -> int:
        return issued.server.log.read_text().count(text)

    old, new = KEY.token(), Key("EdDSA", "new")
    assert issued.names(old) == ["pay-cards"]
    issued.write(new.jwk(), KEYS["RS256"].jwk())
    eventually(lambda: log("keys were read again") == 1, "the keys are read", timeout=5)
    with fails("UNAUTHENTICATED"):
        issued.names(old)
    assert issued.names(new.token()) == ["pay-cards"]
    metrics = metrics_of(issued.metrics_address)
    assert metrics.value("progressor_access_file_usable", file="keys") == 1
    # Two keys of one name, a private key, nothing: what was in force stays.
    issued.write(new.jwk(), KEYS["RS256"].jwk(kid="new"))
    eventually(lambda: log("keys cannot be used") == 1, "the keys are refused")
    assert issued.names(new.token()) == ["pay-cards"]
    metrics = metrics_of(issued.metrics_address)
    assert metrics.value("progressor_access_file_usable", file="keys") == 0
    issued.keys.unlink()
    eventually(lambda: log("keys cannot be used") == 2, "the keys are missed")
    assert issued.names(new.token()) == ["pay-cards"]
    # A single key may be meant without its name.
    issued.write(new.jwk(), {"kty": "oct", "k": encoded(b"secret"), "kid": "hmac"})
    eventually(lambda: log("keys were read again") == 2, "the keys are read")
    assert issued.names(new.token(header={"kid": None})) == ["pay-cards"]
    with fails("UNAUTHENTICATED"):
        issued.names(signed_by_hmac(b"secret", "hmac"))
    metrics = metrics_of(issued.metrics_address)
    assert metrics.value("progressor_jwt_keys", state="ignored") == 1


@pytest.mark.parametrize(("keys", "arguments", "message"), [
    ([KEY.jwk()], [], "needs authentication.jwt.issuer"),
    ([KEY.jwk()], ["--authentication-jwt-issuer", "i"], "needs authentication.jwt.audience"),
    ([KEY.jwk(), KEY.jwk()], ["--authentication-jwt-issuer", "i", "--authentication-jwt-audience",
                              "a"], "keys[1]: has the kid of an earlier key"),
    ([KEY.jwk(d="secret")], ["--authentication-jwt-issuer", "i", "--authentication-jwt-audience",
                             "a"], "keys[0]: is a private key"),
])
def test_a_configuration_that_cannot_be_used_ends_the_start(tmp_path, keys, arguments, message):
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"keys": keys}))
    result = progressor("serve", "--listen", "127.0.0.1:0", "--data-dir", str(tmp_path / "data"),
                        "--authentication-jwt-jwks", str(path), *arguments)
    assert result.returncode == 78 and message in result.stderr, result
    assert "secret" not in result.stderr


def test_the_commands_show_a_token(issued, tmp_path):
    """`--token-file` and its variable; the file is read by each command."""
    path = tmp_path / "token"

    def names(*arguments: str, **environment: str):
        return progressor("namespace", "list", "--server", issued.server.address, *arguments,
                          environment=environment)

    for text in (KEY.token(), KEY.token() + "\n", KEY.token() + "\r\n"):
        path.write_text(text)
        for result in (names("--token-file", str(path)), names(PROGRESSOR_TOKEN_FILE=str(path))):
            assert result.returncode == 0 and "pay-cards" in result.stdout, result
            assert "other" not in result.stdout
    result = names()
    assert result.returncode == 77 and "--token-file" in result.stderr
    for text, problem in (("", "is empty"), ("\n", "is empty"), ("secret\nsecret\n", "one line"),
                          ("a secret", "has a space"), ("secret" * 2_000, "is longer")):
        path.write_text(text)
        result = names("--token-file", str(path))
        assert result.returncode == 66 and problem in result.stderr, result
        assert result.stderr.startswith("error: --token-file: ") and "secret" not in result.stderr
    result = names("--json", PROGRESSOR_TOKEN_FILE=str(tmp_path / "none"))
    error = json.loads(result.stderr)["error"]
    assert result.returncode == 66 and error["reason"] == "INPUT_UNREADABLE"
    assert error["message"].startswith("PROGRESSOR_TOKEN_FILE: ")
