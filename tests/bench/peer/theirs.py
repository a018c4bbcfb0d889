"""
Origin and device of privacyIDEA's push token, poll only: the five calls of one transaction.

Bare `cryptography` signs; every call goes through the *send* that it is given.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

Send = Callable[[str, str, str, dict[str, str], bytes], Any]
Who = dict[str, Any]

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ADMIN, REALM = "admin", "bench"
PASSWORD_FILE, USERS_FILE = "password", "users"
MANY_USERS = 64
AT_ONCE = 4
"""Users of one caller; each asks for a new RSA key of 4096 bits, so there are few."""

POLICY = {
    "scope": "enrollment",
    "action": "push_firebase_configuration=poll only,"
    "push_registration_url=http://127.0.0.1/ttype/push",
}


class Theirs:
    """
    One origin, and the devices of its users.

    Args:
        first: The number of its first user; two callers have no user in common.
    """

    def __init__(self, folder: Path, first: int = 0) -> None:
        self._folder = folder
        self._first = first
        self._admin: dict[str, str] = {}
        self._users: list[Who] = []

    def prepare(self, send: Send) -> None:
        """Log the administrator in; the token that it gets is good for an hour."""
        password = (self._folder / PASSWORD_FILE).read_text()
        reply = send("auth", "POST", "/auth", FORM, form(username=ADMIN, password=password))
        self._admin = FORM | {"PI-Authorization": value(reply)["token"]}

    def configure(self, send: Send) -> None:
        """Make resolver, realm and policy."""
        self.prepare(send)
        resolver = {"type": "passwdresolver", "fileName": str(self._folder / USERS_FILE)}
        for path, members in (
            ("/resolver/users", resolver),
            (f"/realm/{REALM}", {"resolvers": "users"}),
            ("/policy/push", POLICY),
        ):
            value(send("configure", "POST", path, self._admin, form(**members)))

    def users(self, send: Send, count: int) -> list[Who]:
        """Return users whose devices are enrolled, for so many transactions."""
        if not self._users:
            self._users = [self._enrolled(send, self._first + n) for n in range(AT_ONCE)]
        return self._users

    def transact(self, send: Send, who: Who) -> None:
        """Trigger, pull, answer, poll, redeem."""
        user, serial, key = who["user"], who["serial"], who["key"]
        body = form(user=user, realm=REALM)
        reply = send("create", "POST", "/validate/triggerchallenge", self._admin, body)
        assert value(reply) == 1
        transaction = reply["detail"]["transaction_id"]

        moment = datetime.now(UTC).isoformat()
        signed = sign(key, f"{serial}|{moment}")
        query = urlencode({"serial": serial, "timestamp": moment, "signature": signed})
        (challenge,) = value(send("pull", "GET", f"/ttype/push?{query}", {}, b""))

        answer = form(serial=serial, signature=sign(key, f"{challenge['nonce']}|{serial}"))
        assert value(send("answer", "POST", "/ttype/push", FORM, answer)) is True

        polled = send("poll", "GET", f"/validate/polltransaction/{transaction}", {}, b"")
        assert value(polled) is True
        redeemed = form(user=user, realm=REALM, transaction_id=transaction, **{"pass": ""})
        assert value(send("redeem", "POST", "/validate/check", FORM, redeemed)) is True

    def _enrolled(self, send: Send, number: int) -> Who:
        user = f"user-{number}"
        body = form(type="push", genkey="1", user=user, realm=REALM)
        detail = send("enrol", "POST", "/token/init", self._admin, body)["detail"]
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public_key = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        second = form(
            serial=detail["serial"],
            enrollment_credential=detail["enrollment_credential"],
            fbtoken="",
            pubkey=base64.urlsafe_b64encode(public_key).decode(),
        )
        assert value(send("enrol", "POST", "/ttype/push", FORM, second)) is True
        return {"user": user, "serial": detail["serial"], "key": key}


def form(**members: str) -> bytes:
    return urlencode(members).encode()


def sign(key: rsa.RSAPrivateKey, text: str) -> str:
    signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return base64.b32encode(signature).decode()


def value(reply: dict[str, Any]) -> Any:
    assert reply["result"]["status"], json.dumps(reply)
    return reply["result"]["value"]
