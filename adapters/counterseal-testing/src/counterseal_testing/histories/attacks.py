"""The attacker: knows every GUID, reads every call, has phones of his own, and gets nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import attrs

from counterseal import keys
from counterseal.bindings.documents.confirmation import CONFIRM_TYP, Choice
from counterseal.bindings.documents.enrolment import ROTATE_TYP, rotation_claims
from counterseal.bindings.documents.proof import PROOF_TYP, Proof, proof_claims
from counterseal.challenges.documents.answer import ANSWER_TYP
from counterseal.device import WrappedKey, sign_confirmation
from counterseal.errors import IdentityWithdrawn
from counterseal.keys import SigningKey
from counterseal.models import Algorithm, DeviceCall, Guid, Role
from counterseal_testing.histories import actors
from counterseal_testing.histories.concurrent_calls import ConcurrentCalls
from counterseal_testing.histories.ledger import Plain
from counterseal_testing.histories.model import Captured
from counterseal_testing.histories.new_devices import new_device_of
from counterseal_testing.histories.passkey_oracle import PREFIX
from counterseal_testing.identity import APP_RETURN
from counterseal_testing.phone import SERVICE, Phone

ON_ANSWERS = (
    "impersonate",
    "borrow a name",
    "own key",
    "stolen answer",
    "no algorithm",
    "public key as secret",
    "other kind",
)
ON_DEVICES = ("spent token", "guessed token", "rotate a victim", "rotate with own proof")
ON_NEW_DEVICES = ("confirm for a victim", "confirm with own proof")
ON_LOGINS = ("guessed state", "used state", "caught return", "stolen code")

WINDOW = timedelta(seconds=121)
"""How long the replay guard remembers a proof, counted from when it was made."""


class Attacks(ConcurrentCalls):
    """What the attacker tries."""

    def attack(self, way: str, mine: str, victim: str, challenge: str, button: int) -> None:
        """Attack somebody's challenge with the attacker's own phone *mine*."""
        phone, entry = self.phones[mine], self.ledger.challenges[challenge]
        binding_entry = self.ledger.bindings.get(self.device(victim))
        if (
            binding_entry is None
            or not binding_entry.keys
            or self.ledger.accounts[entry.account].attacker
        ):
            return
        claims = {
            "iss": self.device(victim),
            "sub": entry.account,
            "aud": entry.space,
            "challenge": challenge,
            "display": keys.digest(entry.display.encode()),
            "button": button % len(entry.buttons),
            "title": entry.buttons[button % len(entry.buttons)]["title"],
            "iat": int(self.at().timestamp()),
            "jti": "attack",
        }
        if entry.code is not None:
            # Read over the victim's shoulder.
            claims["code"] = entry.code
        strong, jwk = _key(binding_entry.keys, "strong")
        forged = self._forged(phone, strong, jwk, claims)
        body = {
            "own key": lambda: self._forged(
                phone, *_own(phone), claims | {"iss": self.device(mine)}
            ),
            "stolen answer": lambda: self._stolen(victim, challenge, button),
            "no algorithm": lambda: _compact({"alg": "none", "kid": strong}, claims, b"0"),
            "public key as secret": lambda: _hs256(strong, jwk, claims),
            "other kind": lambda: self._other_kind(victim),
        }.get(way, lambda: forged)()
        call = self._disguised(phone, victim, body) if way == "impersonate" else None
        call = call or phone.call("/answers", body.encode())
        self._attempted(lambda: self.service.answers.answer(call), way)

    def replay(self, captured: Captured) -> None:
        """Send a call once more that was read on its way."""
        forgotten = captured.at + WINDOW <= self.latest()
        if forgotten and self.at() < captured.at + WINDOW:
            # The clock went back to before what the guard was right to forget.
            return
        answers, devices = self.service.answers, self.service.devices
        challenge = Guid(captured.facts.get("challenge", ""))
        use: dict[str, Callable[[DeviceCall], object]] = {
            "pending": answers.pending,
            "fetch": lambda call: answers.fetch(call, challenge),
            "answer": answers.answer,
            "disown": answers.disown,
            "rotate": devices.rotate,
            "update": devices.update,
            "unbind": devices.unbind,
            "lock_by_device": devices.lock,
        }
        self._attempted(lambda: use[captured.verb](captured.call), "replay")

    def attack_device(self, way: str, mine: str, victim: str) -> None:
        """Go for a victim's binding."""
        phone, space = (
            self.phones[mine],
            self.spaces[actors.PEOPLE[actors.PHONES[victim].owner].space],
        )
        if way in {"spent token", "guessed token"}:
            token = self._token_for(way, victim)
            if token:
                offer = phone.device.enrolment(token, space, pin=actors.PIN)
                self._attempted(lambda: self.service.enrolments.complete(offer), way)
            return
        if not self.device(victim):
            return
        if way.startswith("confirm"):
            self._confirm(way, mine, victim)
            return
        rotation = phone.device.rotation(pin=actors.PIN, new_pin=actors.PIN, roles=(Role.DEVICE,))
        document, key = json.loads(rotation.body), rotation.device_key
        claims = rotation_claims(Guid(self.device(victim)), space, ())
        claims["device"] = [key.public.thumbprint]
        document["keys"][0]["proof"] = keys.sign(key, typ=ROTATE_TYP, claims=claims)
        body = json.dumps(document)
        call = phone.call("/keys", body.encode())
        if way == "rotate a victim":
            call = self._disguised(phone, victim, body) or call
        self._attempted(lambda: self.service.devices.rotate(call), way)

    def _confirm(self, way: str, mine: str, victim: str) -> None:
        """Try to let a new device of the victim's account count."""
        phone, device = self.phones[mine], self.device(victim)
        entry = self.ledger.bindings[device]
        waiting = self.ledger.bindings_of(entry.account, "UNCONFIRMED")
        own = self.device(mine)
        if own and self.ledger.bindings[own].account == entry.account:
            # The attacker invited the victim's phone: to confirm it is the attacker's right.
            return
        if not waiting or not entry.keys:
            return
        new = self.ledger.bindings[waiting[0]]
        new_device = new_device_of(waiting[0], new.deadline, new.keys)
        token = sign_confirmation(phone.device, new_device, Choice.ADD, pin=actors.PIN)
        if way == "confirm for a victim":
            claims = keys.read(token, limit=1_000_000).claimed
            claims |= {"iss": device, "sub": entry.account}
            claims["aud"] = self.ledger.accounts[entry.account].space
            kid, jwk = _key(entry.keys, "strong")
            token = _signed_as(phone.device.unlock(actors.PIN), kid, jwk, CONFIRM_TYP, claims)
        call = self._disguised(phone, victim, token) if way == "confirm for a victim" else None
        call = call or phone.call("/device/confirmations", token.encode())
        self._attempted(lambda: self.service.confirmations.decide(call), way)

    def attack_login(self, way: str) -> None:
        """Go for a victim's log-in."""
        logins = self.service.logins
        if way == "stolen code":
            self._steal_code()
            return
        if not self.returns:
            return
        back, begun = self.returns[-1]
        state = f"{begun.login}.guess" if way == "guessed state" else back.state
        secret = "guess" if way == "caught return" else begun.app_secret
        if way == "used state" and self.ledger.logins[begun.login] == "STARTED":
            return
        self._attempted(
            lambda: logins.authenticate(state, back.code, secret, issuer=back.issuer), way
        )

    def _steal_code(self) -> None:
        redirected = [
            self.run_operation(
                "redirect",
                lambda: self.service.logins.redirect(self.spaces[actors.WITH_PROVIDER], APP_RETURN),
            ).value
            for _ in range(2)
        ]
        mine, theirs = redirected
        if mine is None or theirs is None:
            return
        try:
            back = self.service.idp.log_in(theirs.url, "lena")
            own = self.service.idp.log_in(mine.url, "mallory")
        except IdentityWithdrawn:
            return
        self.leaks.add(back.code, own.code)
        stolen = self.run_operation(
            "log_in",
            lambda: self.service.logins.authenticate(own.state, back.code, mine.app_secret),
            login=mine.login,
        )
        assert not stolen.done, "a code was taken in another log-in"

    def _attempted(self, call: Callable[[], object], way: str) -> None:
        attempted = self.run_operation("attack", call, attacker=True, how=way)
        assert not attempted.done, f"an attack succeeded: {way}"

    def _forged(self, phone: Phone, kid: str, jwk: Plain, claims: dict[str, Any]) -> str:
        key = phone.device.unlock(actors.PIN)
        return _signed_as(key, kid, jwk, ANSWER_TYP, claims)

    def _disguised(self, phone: Phone, victim: str, body: str) -> DeviceCall | None:
        bond = self.phones[victim].device.bond
        if bond is None or not self.ledger.bindings[bond.device].keys:
            return None
        proof = Proof(
            device=bond.device,
            account=bond.account,
            app_space=bond.app_space,
            method="POST",
            uri=f"{SERVICE}/answers",
            body_hash=keys.digest(body.encode()),
            issued_at=int(self.at().timestamp()),
            id="disguise",
        )
        kid, jwk = _key(self.ledger.bindings[bond.device].keys, "device")
        token = _signed_as(phone.device.device_key, kid, jwk, PROOF_TYP, proof_claims(proof))
        return DeviceCall(method="POST", uri=proof.uri, body=body.encode(), proof=token)

    def _stolen(self, victim: str, challenge: str, button: int) -> str:
        """Return an answer that the victim signed, and that never arrived."""
        entry = self.ledger.challenges[challenge]
        if self.owner(victim) != entry.account:
            return self._other_kind(victim)
        return self._token(victim, challenge, button % len(entry.buttons), "right", entry.code)

    def _other_kind(self, victim: str) -> str:
        return self.phones[victim].call("/challenges", method="GET").proof

    def _token_for(self, way: str, victim: str) -> str:
        if way == "spent token":
            return next((token for token, name in self.spent if name == victim), "")
        account = self.owner(victim)
        invited = self.ledger.bindings_of(account, "INVITED") if account else []
        return f"{invited[0]}.{'A' * 22}" if invited else ""


def _signed_as(key: SigningKey, kid: str, jwk: Plain, typ: str, claims: dict[str, Any]) -> str:
    """Sign with the attacker's *key* under somebody else's name."""
    algorithm = Algorithm(jwk["alg"].removeprefix(PREFIX))
    named_key = attrs.evolve(key.public, kid=kid, algorithm=algorithm)
    return keys.sign_with(key.sign, named_key, typ=typ, claims=claims)


def _key(keys: dict[str, tuple[str, Plain]], role: str) -> tuple[str, Plain]:
    return next((kid, jwk) for kid, (kind, jwk) in keys.items() if kind == role)


def _own(phone: Phone) -> tuple[str, Plain]:
    strong = phone.device.strong_key
    assert isinstance(strong, WrappedKey)
    return strong.kid, {"alg": strong.algorithm.value}


def _compact(header: Plain, claims: Plain, signature: bytes) -> str:
    parts = (
        json.dumps(header | {"typ": ANSWER_TYP}).encode(),
        json.dumps(claims).encode(),
        signature,
    )
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def _hs256(kid: str, jwk: Plain, claims: Plain) -> str:
    header = {"alg": "HS256", "kid": kid}
    unsigned = _compact(header, claims, b"").rstrip(".")
    secret = json.dumps(jwk).encode()
    return _compact(header, claims, hmac.digest(secret, unsigned.encode(), hashlib.sha256))
