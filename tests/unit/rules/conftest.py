"""One account with one device, one question to it, and the facts that rules are asked about."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from counterseal import keys
from counterseal.bindings.documents.enrolment import (
    BIND_TYP,
    ENDORSE_TYP,
    ROTATE_TYP,
    bind_claims,
    rotation_claims,
)
from counterseal.bindings.documents.proof import PROOF_TYP, Proof, proof_claims
from counterseal.bindings.rules.evidence import (
    CompletionFacts,
    Evidence,
    PeekFacts,
    ProofFacts,
    RotationFacts,
)
from counterseal.challenges.documents.answer import Answer, answer_claims
from counterseal.challenges.rules.answering import AnswerFacts, FetchFacts, StrikeFacts
from counterseal.errors import InvalidField, Refused
from counterseal.keys import PrivateKey, private_key
from counterseal.models import (
    Account,
    Algorithm,
    AppSpace,
    Binding,
    BindingState,
    Button,
    Challenge,
    ChallengeState,
    DeviceCall,
    DeviceKey,
    Role,
    guid,
)
from counterseal.policy import STANDARD

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SPACE, ORIGIN, ACCOUNT, CHALLENGE, DEVICE, OTHER = (
    guid.mint(7, bytes([0xA0 + n]) * 15) for n in range(6)
)
DISPLAY = '{"content":{"text":"Pay 10 EUR to Zoë?"}}'


@pytest.fixture(scope="session")
def refusing() -> Callable[..., AbstractContextManager[None]]:
    """Demand one refusal, by its stable code and, of a field, by the field's name."""

    @contextmanager
    def refusing(code: str, field: str | None = None) -> Iterator[None]:
        with pytest.raises(Refused) as caught:
            yield
        assert caught.value.code == code
        if field is not None:
            assert isinstance(caught.value, InvalidField)
            assert caught.value.field == field

    return refusing


def make_key(kid: str) -> PrivateKey:
    """Make the Ed25519 key of one name: always the same, and another for every name."""
    return private_key(kid.encode().ljust(32, b"."), kid=kid, algorithm=Algorithm.EDDSA)


def device_key_of(role: Role, key: PrivateKey) -> DeviceKey:
    return DeviceKey(role=role, key=key.public)


class World:
    """Everything is sound here; a test changes the one thing that it is about."""

    now = NOW
    other = OTHER
    display = DISPLAY
    policy = STANDARD

    def __init__(self):
        self.own, self.strong, self.stranger = map(make_key, ("own", "strong", "stranger"))
        self.finger = make_key("finger")
        self.by_kid = {
            key.public.kid: key for key in (self.own, self.strong, self.finger, self.stranger)
        }
        self.account = Account(guid=ACCOUNT, app_space=SPACE, account_id="user-42", created_at=NOW)
        self.binding = Binding(
            guid=DEVICE,
            state=BindingState.ACTIVE,
            account=ACCOUNT,
            app_space=SPACE,
            origin=ORIGIN,
            token_hash=keys.token_hash("secret"),
            deadline=NOW + timedelta(minutes=5),
            keys=(
                device_key_of(Role.DEVICE, self.own),
                device_key_of(Role.STRONG, self.strong),
                device_key_of(Role.STRONG, self.finger),
            ),
            created_at=NOW,
        )
        self.challenge = Challenge(
            guid=CHALLENGE,
            state=ChallengeState.SEEN,
            app_space=SPACE,
            origin=ORIGIN,
            account=ACCOUNT,
            display=DISPLAY,
            display_hash=keys.digest(DISPLAY.encode()),
            buttons=(
                Button(title="Pay", strong=True, approving=True),
                Button(title="Do not pay", strong=False),
                Button(title="Pay a little", strong=False, approving=True),
            ),
            issued_at=NOW,
            deadline=NOW + timedelta(minutes=2),
            keep_until=NOW + timedelta(days=1),
        )
        self.call = DeviceCall(
            method="POST", uri="https://auth.example.com/api/x?y=1", body=b"body", proof=""
        )

    def device_key_of(self, role, key):
        return device_key_of(role, key)

    def key(self, kid):
        return make_key(kid)

    def evidence(self, signer, claims, typ, *, under=None, expected=None):
        """A token by *signer*, to be judged *under* another key if one is given."""
        token = keys.sign(signer, typ=typ, claims=claims)
        return Evidence(
            keys.read(token, limit=16_384),
            signer.public if under is None else under,
            expected or typ,
        )

    def broken(self, signer, claims, typ):
        """A token whose signature does not hold under the key that it names."""
        forger = private_key(
            self.stranger.scalar(), kid=signer.public.kid, algorithm=Algorithm.EDDSA
        )
        return self.evidence(forger, claims, typ, under=signer.public)

    def proof(self, **changes):
        sound = Proof(
            device=DEVICE,
            account=ACCOUNT,
            app_space=SPACE,
            method=self.call.method,
            uri=self.call.uri,
            body_hash=keys.digest(self.call.body),
            issued_at=int(NOW.timestamp()),
            id="jti",
        )
        return attrs.evolve(sound, **changes)

    def proving(self, proof=None, *, signer=None, **changes):
        proof = self.proof() if proof is None else proof
        sound = {
            "now": NOW,
            "policy": STANDARD,
            "call": self.call,
            "body_hash": keys.digest(self.call.body),
            "binding": self.binding,
            "proof": proof,
            "evidence": self.evidence(signer or self.own, proof_claims(proof), PROOF_TYP),
        }
        return ProofFacts(**{**sound, **changes})

    def fetching(self, **changes):
        sound = {
            "now": NOW,
            "proving": self.proving(),
            "challenge": self.challenge,
            "account": self.account,
            "binding": self.binding,
        }
        return FetchFacts(**{**sound, **changes})

    def answer(self, button=0, /, **changes):
        sound = Answer(
            device=DEVICE,
            account=ACCOUNT,
            app_space=SPACE,
            challenge=CHALLENGE,
            display_hash=self.challenge.display_hash,
            button=button,
            title=None if button is None else self.challenge.buttons[button].title,
            issued_at=int(NOW.timestamp()),
            id="jti",
        )
        return attrs.evolve(sound, **changes)

    def answering(self, answer=None, *, by=None, **changes):
        answer = self.answer() if answer is None else answer
        by = by or self.strong
        sound = {
            **{
                field.name: getattr(self.fetching(), field.name)
                for field in attrs.fields(FetchFacts)
            },
            "policy": STANDARD,
            "answer": answer,
            "signature": self.evidence(by, answer_claims(answer), answer.typ),
            "signer": self.binding.key_named(by.public.kid),
        }
        return AnswerFacts(**{**sound, **changes})

    def striking(self, **changes):
        answer = self.answer()
        sound = {
            "proving": self.proving(),
            "policy": STANDARD,
            "binding": self.binding,
            "answer": self.broken(self.strong, answer_claims(answer), answer.typ),
        }
        return StrikeFacts(**{**sound, **changes})

    def peeking(self, state, **changes):
        sound = {
            "now": NOW,
            "binding": attrs.evolve(self.binding, state=state, keys=()),
            "secret": "secret",
        }
        return PeekFacts(**{**sound, **changes})

    def completing(self, offered=None, **changes):
        """The end of a bind; *offered* are (role, key) pairs."""
        offered = offered or ((Role.DEVICE, self.own), (Role.STRONG, self.strong))
        fresh = tuple(device_key_of(role, key) for role, key in offered)
        claims = bind_claims("token", SPACE, fresh)
        sound = {
            "now": NOW,
            "policy": STANDARD,
            "account": self.account,
            "binding": attrs.evolve(self.binding, state=BindingState.INVITED, keys=()),
            "app_space": AppSpace(guid=SPACE, company=SPACE, name="Bank", created_at=NOW),
            "secret": "secret",
            "keys": fresh,
            "possession": tuple(self.evidence(key, claims, BIND_TYP) for _, key in offered),
            "expected": claims,
        }
        return CompletionFacts(**{**sound, **changes})

    def rotating(self, offered=None, *, endorsers=None, **changes):
        """A rotation; *endorsers* are the old keys that sign, one for each offered."""
        offered = offered or ((Role.DEVICE, make_key("new")), (Role.STRONG, make_key("new s")))
        endorsers = endorsers or [
            self.own if role is Role.DEVICE else self.strong for role, _ in offered
        ]
        fresh = tuple(device_key_of(role, key) for role, key in offered)
        claims = rotation_claims(DEVICE, SPACE, fresh)
        sound = {
            "proving": self.proving(),
            "policy": STANDARD,
            "binding": self.binding,
            "account": self.account,
            "keys": fresh,
            "fresh": fresh,
            "possession": tuple(self.evidence(key, claims, ROTATE_TYP) for _, key in offered),
            "endorsements": tuple(self.evidence(key, claims, ENDORSE_TYP) for key in endorsers),
            "expected": claims,
        }
        return RotationFacts(**{**sound, **changes})


@pytest.fixture(scope="session")
def world() -> World:
    return World()
