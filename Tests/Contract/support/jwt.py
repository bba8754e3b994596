"""An issuer of JSON Web Tokens, who signs whatever a test asks for."""

import base64
import hashlib
import hmac
import json
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

ISSUER, AUDIENCE = "https://issuer.example/realm", "progressor"


def encoded(data: bytes | dict) -> str:
    if isinstance(data, dict):
        data = json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int, size: int | None = None) -> str:
    return encoded(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


class Key:
    """`algorithm` is RS256, PS256, ES256, ES384, ES512 or EdDSA."""

    CURVES = {"ES256": (ec.SECP256R1, "P-256", 32, hashes.SHA256),
              "ES384": (ec.SECP384R1, "P-384", 48, hashes.SHA384),
              "ES512": (ec.SECP521R1, "P-521", 66, hashes.SHA512)}

    def __init__(self, algorithm: str, id: str | None = None):
        self.algorithm, self.id = algorithm, id or algorithm.lower()
        if algorithm in self.CURVES:
            self._key = ec.generate_private_key(self.CURVES[algorithm][0]())
        elif algorithm == "EdDSA":
            self._key = ed25519.Ed25519PrivateKey.generate()
        else:
            self._key = rsa.generate_private_key(65537, 2048)

    def jwk(self, **members) -> dict:
        public = self._key.public_key()
        if self.algorithm in self.CURVES:
            _, curve, size, _ = self.CURVES[self.algorithm]
            numbers = public.public_numbers()
            key = {"kty": "EC", "crv": curve, "x": number(numbers.x, size),
                   "y": number(numbers.y, size)}
        elif self.algorithm == "EdDSA":
            raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            key = {"kty": "OKP", "crv": "Ed25519", "x": encoded(raw)}
        else:
            numbers = public.public_numbers()
            key = {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
        return {**key, "kid": self.id, "use": "sig", **members}

    @property
    def pem(self) -> bytes:
        return self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def sign(self, data: bytes) -> bytes:
        if self.algorithm in self.CURVES:
            _, _, size, digest = self.CURVES[self.algorithm]
            r, s = decode_dss_signature(self._key.sign(data, ec.ECDSA(digest())))
            return r.to_bytes(size, "big") + s.to_bytes(size, "big")
        if self.algorithm == "EdDSA":
            return self._key.sign(data)
        if self.algorithm == "PS256":
            pss = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
            return self._key.sign(data, pss, hashes.SHA256())
        return self._key.sign(data, padding.PKCS1v15(), hashes.SHA256())

    def token(self, subject: str = "driver", header: dict | None = None, payload: str = "",
              **claims) -> str:
        """A good token, but for what is given; None leaves a claim out, `payload` is all of them
        as text."""
        header = {"alg": self.algorithm, "typ": "JWT", "kid": self.id} | (header or {})
        header = {name: value for name, value in header.items() if value is not None}
        good = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "exp": time.time() + 300}
        claims = {n: v for n, v in (good | claims).items() if v is not None}
        body = encoded(payload.encode() if payload else claims)
        signed = f"{encoded(header)}.{body}"
        return f"{signed}.{encoded(self.sign(signed.encode()))}"


def signed_by_hmac(secret: bytes, id: str, subject: str = "driver") -> str:
    """HS256, with what everybody knows for a secret."""
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "exp": time.time() + 300}
    signed = f"{encoded({'alg': 'HS256', 'kid': id})}.{encoded(claims)}"
    return f"{signed}.{encoded(hmac.digest(secret, signed.encode(), hashlib.sha256))}"
