"""A service at the moment of the vectors, and the files themselves."""

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import attrs
import jwt
import pytest

from counterseal import STANDARD, Authentication, read_question
from counterseal.bindings.documents.proof import PROOF_TYP
from counterseal.keys import PrivateKey, b64url, digest, public_key, sign, token_hash
from counterseal.memory import memory_ports
from counterseal.models import (
    Account,
    Algorithm,
    AppSpace,
    Binding,
    BindingState,
    Challenge,
    ChallengeState,
    Change,
    Company,
    Credential,
    DeviceCall,
    DeviceKey,
    KeyChange,
    Origin,
    Role,
    Scheme,
)
from counterseal.models.guid import derive_guid, partition_of

VECTORS = Path(__file__).parent


def read(name):
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


KEYS = {entry["name"]: entry for entry in read("keys.json")["keys"]}


class Moment:
    """A clock that stands still."""

    def __init__(self, seconds):
        self.at = datetime.fromtimestamp(seconds, UTC)

    def now(self):
        return self.at


class World:
    """One account with one device, and perhaps one challenge, in memory."""

    def __init__(
        self,
        context,
        *,
        now,
        device="ES256",
        invited=None,
        question=None,
        code=None,
        strong=None,
        passkeys=None,
        waiting=None,
        bound=None,
    ):
        self.policy = STANDARD
        self.strong = strong
        self.ports = memory_ports(clock=Moment(now))
        self.context, self.device = context, device
        before = self.ports.clock.now() - timedelta(minutes=1)
        self.binding = self._binding(device, before, invited)
        partition = partition_of(context["appSpace"]["guid"])
        company = Company(
            guid=derive_guid(partition, "company"), name="Bank plc", created_at=before
        )
        self._keep(
            company,
            AppSpace(
                guid=context["appSpace"]["guid"],
                company=company.guid,
                name=context["appSpace"]["name"],
                passkeys=passkeys,
                created_at=before,
            ),
        )
        self._keep(
            Account(
                guid=context["account"]["guid"],
                app_space=context["appSpace"]["guid"],
                account_id=context["account"]["id"],
                created_at=before,
            ),
            self.binding,
            *([] if question is None else [self._challenge(question, before, code)]),
            *([] if waiting is None else [self._unconfirmed(waiting, before)]),
            *([] if bound is None else [self._binding(bound, before, None)]),
        )

    def call(self, body=b"", *, method="POST", uri="https://auth.example.com/device"):
        """Return a request of the device, with the proof that it needs."""
        claims = {
            "iss": self.context["devices"][self.device],
            "sub": self.context["account"]["guid"],
            "aud": self.context["appSpace"]["guid"],
            "htm": method,
            "htu": uri,
            "body": digest(body),
            "iat": int(self.ports.clock.now().timestamp()),
            "jti": b64url(self.ports.entropy.token(16)),
        }
        proof = sign(private(f"{self.device.lower()}-device"), typ=PROOF_TYP, claims=claims)
        return DeviceCall(method=method, uri=uri, body=body, proof=proof)

    def doorkeeper(self, vector):
        """Return who tells requests of the origin, which signs with the secret of *vector*."""
        at, guid = self.ports.clock.now(), vector["guid"]
        sealed = self.ports.sealer.seal(vector["secret"].encode(), f"credential:{guid}")
        self._keep(
            Origin(
                guid=guid,
                app_space=self.context["appSpace"]["guid"],
                name=self.context["origin"]["name"],
                credentials=(Credential(scheme=Scheme.SIGNATURE, sealed=sealed, created_at=at),),
                created_at=at,
            )
        )
        return Authentication(self.ports, self.policy)

    def _keep(self, *records):
        changes = tuple(Change(None, record) for record in records)
        self.ports.store.commit(changes, (), records[0].guid)

    def _binding(self, device, before, invited):
        own, strong = (public(f"{device.lower()}-{role.value}") for role in Role)
        device_keys = (
            DeviceKey(role=Role.DEVICE, key=own),
            DeviceKey(role=Role.STRONG, key=self.strong or strong),
        )
        line = (KeyChange(at=before, role=k.role, thumbprint=k.key.thumbprint) for k in device_keys)
        bound = {"keys": device_keys, "enrolled": "as recorded", "key_changes": tuple(line)}
        return Binding(
            guid=self.context["devices"][device],
            state=BindingState.ACTIVE if invited is None else BindingState.INVITED,
            account=self.context["account"]["guid"],
            app_space=self.context["appSpace"]["guid"],
            origin=None,
            token_hash=token_hash(invited or ""),
            deadline=before + timedelta(minutes=5),
            created_at=before,
            **(bound if invited is None else {}),
        )

    def _unconfirmed(self, device, before):
        """Return the binding of the device *device*, which the first one may confirm."""
        bound = self._binding(device, before, None)
        return attrs.evolve(bound, state=BindingState.UNCONFIRMED)

    def _challenge(self, vector, before, code):
        document, guid = vector["document"], vector["document"]["challenge"]
        question = read_question(vector["question"], account_id=self.context["account"]["id"])
        sealed = b"" if code is None else self.ports.sealer.seal(code.encode(), f"code:{guid}")
        return Challenge(
            guid=guid,
            state=ChallengeState.PENDING,
            app_space=self.context["appSpace"]["guid"],
            origin=self.context["origin"]["guid"],
            account=self.context["account"]["guid"],
            display=vector["canonical"],
            display_hash=digest(vector["canonical"].encode()),
            buttons=question.buttons,
            code_asked=document["code"],
            sealed_code=sealed,
            issued_at=before,
            deadline=moment(document["expiresAt"]),
            keep_until=moment(document["expiresAt"]),
        )


def public(name):
    return public_key(KEYS[name]["public"], algorithms=frozenset(Algorithm))


@cache
def private(name):
    """Return a private key; to read one of RSA, its primes are tested."""
    jwk = KEYS[name]["private"]
    return PrivateKey(jwt.PyJWK.from_dict(jwk).key, kid=name, algorithm=Algorithm(jwk["alg"]))


def moment(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


@pytest.fixture(scope="session")
def vectors():
    return {path.stem: read(path.name) for path in VECTORS.glob("*.json")}


@pytest.fixture(scope="session")
def world():
    return World
