"""
The receipt: who answered what with which key; anyone who trusts the service can verify it offline.

Compact JWS of type `counterseal-receipt+jwt` by the service:

| claim | value |
|---|---|
| `version` | 1 |
| `issuer` | the service's public key, a JWK with `kid` and `alg` |
| `display` | the display document's canonical text |
| `answer` | the answer or disown as it was received, a compact JWS |
| `device`, `account` | GUIDs |
| `key`, `role` | the device's public key and its role |
| `passkey` | of a passkey only: where it may be used, user verification, backup eligibility |
| `history` | `[{at, role, thumbprint}]`, how the device came to its keys |
| `outcome` | `ANSWERED` or `DISOWNED` |
| `approved` | whether the chosen button approves |
| `factors` | of an approved action only: which factors the answer shows, by `Factor` |
| `at` | when it was accepted, RFC 3339 |
| `number` | the receipt's number in the account's chain, from 1 |
| `previous` | SHA-256 of the signed part of the receipt before, base64url; empty for the first |
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs

from counterseal import ijson, keys
from counterseal.challenges.documents.answer import ANSWER_TYP, Answer, read_answer
from counterseal.challenges.documents.display import demand_display
from counterseal.errors import (
    IssuerUntrusted,
    ReceiptChanged,
    Refused,
)
from counterseal.models import (
    Account,
    Algorithm,
    Binding,
    Challenge,
    ChallengeState,
    DeviceKey,
    Factor,
    KeyChange,
    Passkey,
    PublicKey,
    Role,
)
from counterseal.wire.members import VERSION, demand, format_time, parse_time

RECEIPT_TYP = "counterseal-receipt+jwt"
RECEIPT_LIMIT = 1_048_576
"""Characters; content, answer and history stay far below."""

_MISSHAPEN = (KeyError, TypeError, ValueError, AttributeError, IndexError)
"""Errors of reading nested members of another type, which only a signer could have put there."""

_CLAIMS: dict[str, type] = {
    "version": int,
    "issuer": dict,
    "display": str,
    "answer": str,
    "device": str,
    "account": str,
    "key": dict,
    "role": str,
    "history": list,
    "outcome": str,
    "approved": bool,
    "at": str,
    "number": int,
    "previous": str,
}


_OPTIONAL: dict[str, type] = {"passkey": dict, "factors": list}
_PASSKEY: dict[str, type] = {
    "rpIdHash": str,
    "origins": list,
    "userVerified": bool,
    "backupEligible": bool,
}
_AAGUID: dict[str, type] = {"aaguid": str}
_HISTORY: dict[str, type] = {"at": str, "role": str, "thumbprint": str}


@attrs.frozen(kw_only=True)
class Receipt:
    """
    A verified receipt.

    Attributes:
        proven: Whether the reader trusts the issuer's key, which signed it.
        key, role: The device's key, which signed the answer.
        assertion: What the answer's assertion says; None unless the key is a passkey.
        state: ANSWERED or DISOWNED.
        previous: The `hash` of the account's receipt before; empty for the first.
        hash: SHA-256 of this receipt's signed part (header and payload), base64url,
            which the next one names.
    """

    issuer: PublicKey
    proven: bool
    display: dict[str, Any] = attrs.field(repr=False)
    answer: Answer
    key: PublicKey
    role: Role
    assertion: keys.Assertion | None
    state: ChallengeState
    approved: bool
    at: datetime
    number: int
    previous: str
    hash: str

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The factors that the answer shows; the receipt of an approved action states them."""
        return DeviceKey(role=self.role, key=self.key).factors


def receipt_payload(
    challenge: Challenge,
    *,
    issuer: PublicKey,
    account: Account,
    binding: Binding,
    signer: DeviceKey,
    token: str,
    state: ChallengeState,
    button: int | None,
    at: datetime,
) -> bytes:
    """
    Write the payload of the receipt of an answer that is being accepted.

    It is written member by member, because an encoder takes several times as long; every value
    that may need an escape passes `ijson.quoted`.
    """
    approved = button is not None and challenge.buttons[button].approving
    stated = approved and challenge.action is not None
    factors_member = _factors_member(signer) if stated else ""
    history = ",".join([_history_entry(change) for change in binding.key_changes])
    passkey = signer.key.passkey
    passkey_member = "" if passkey is None else _passkey_member(passkey)
    display = ijson.quoted(challenge.display)
    # Only this part may hold other characters than ASCII, whose encoding takes much longer.
    beginning = f'{{"version":{VERSION},"issuer":{jwk_text(issuer)},"display":{display}'
    outcome = (
        f',"answer":"{token}","device":"{binding.guid}","account":"{account.guid}"'
        f',"key":{jwk_text(signer.key)}{passkey_member}'
        f',"role":"{signer.role.value}","history":[{history}]'
        f',"outcome":"{state.value}","approved":{"true" if approved else "false"}{factors_member}'
        f',"at":"{format_time(at)}","number":{account.receipts + 1}'
        f',"previous":"{account.receipt_hash}"}}'
    )
    return beginning.encode() + outcome.encode()


def receipt_hash(receipt: str) -> str:
    """
    Return the hash that the account's next receipt names: SHA-256 of the signed part, base64url.

    The signature is not hashed: from one valid ECDSA signature anyone can compute another.
    """
    return keys.digest_signed(receipt)


def verify_receipt(
    token: str,
    *,
    trusted: tuple[PublicKey, ...] = (),
    thumbprint: str | None = None,
) -> Receipt:
    """
    Verify a receipt without network or database.

    Args:
        trusted: The service's keys, from a source that the reader trusts.
        thumbprint: Also or instead of *trusted*: the RFC 7638 thumbprint of the issuer's key.
            Without either, only the receipt's consistency is verified, not who signed it.

    Raises:
        IssuerUntrusted: It is signed by another key than the trusted ones.
        ReceiptChanged: The receipt contradicts itself, or a signature is wrong.
    """
    try:
        jws = keys.read(token, limit=RECEIPT_LIMIT)
        demand(jws.claimed, _CLAIMS, _OPTIONAL)
        claimed_issuer = read_key(jws.claimed["issuer"])
        issuer = trusted_issuer(claimed_issuer, trusted, thumbprint)
        claims = keys.verify(jws, issuer, expected_typ=RECEIPT_TYP)
        return _check_claims(claims, token, issuer, proven=bool(trusted or thumbprint))
    except (ReceiptChanged, IssuerUntrusted):
        raise
    except Refused as error:
        raise ReceiptChanged(error.code) from None
    except _MISSHAPEN:
        raise ReceiptChanged("a member is missing or of another type") from None


def trusted_issuer(
    claimed_issuer: PublicKey, trusted: tuple[PublicKey, ...], thumbprint: str | None
) -> PublicKey:
    """Return the key that a receipt names; IssuerUntrusted refuses one that is not trusted."""
    if thumbprint is not None and not keys.constant_time_equal(
        claimed_issuer.thumbprint, thumbprint
    ):
        raise IssuerUntrusted
    if not trusted:
        return claimed_issuer
    for key in trusted:
        if key == claimed_issuer:
            return key
    raise IssuerUntrusted


def _check_claims(
    claims: dict[str, Any], token: str, issuer: PublicKey, *, proven: bool
) -> Receipt:
    display = ijson.parse(claims["display"], field="display")
    demand_display(display)
    key, role = read_key(claims["key"], _read_passkey(claims)), Role(claims["role"])
    _require(key.passkey is None or role is Role.STRONG, "a passkey in another role")
    answer_token = keys.read(claims["answer"], limit=RECEIPT_LIMIT)
    typ = answer_token.header.typ
    assertion = keys.verify_by_device(answer_token, key, expected_typ=typ)
    answer = read_answer(answer_token.claimed, typ=typ)
    _require(claims["version"] == VERSION, "version")
    _require(ijson.canonical(display).decode() == claims["display"], "display is not canonical")
    _require(answer.typ == typ, "answer is of another kind")
    _require(keys.digest(claims["display"].encode()) == answer.display_hash, "display")
    _require(type(display["version"]) is int and display["version"] == VERSION, "display.version")
    _require(display["challenge"] == answer.challenge, "challenge")
    _require(display["appSpace"]["guid"] == answer.app_space, "App Space")
    _require(display["account"]["guid"] == answer.account == claims["account"], "account")
    _require(answer.device == claims["device"], "device")
    accepted = parse_time(claims["at"])
    _require(parse_time(display["issuedAt"]) <= accepted, "accepted too early")
    _require(accepted < parse_time(display["expiresAt"]), "accepted too late")
    for line in claims["history"]:
        demand(line, _HISTORY)
        parse_time(line["at"])
    approved = False
    state = ChallengeState.DISOWNED
    if answer.typ == ANSWER_TYP:
        state = ChallengeState.ANSWERED
        _require(answer.button is not None and answer.button < len(display["buttons"]), "button")
        button = display["buttons"][answer.button]
        _require(button["title"] == answer.title, "title")
        _require(role is Role.STRONG or button["strong"] is False, "a weak key")
        approved = button["approves"] is True
        coded = answer.code is not None or display["code"] is False
        _require(coded or not approved, "an approval without its code")
        _require(answer.reason is None or not approved, "an approval with a reason to refuse")
    _require(claims["outcome"] == state.value, "outcome")
    _require(claims["approved"] is approved, "approved")
    if "factors" in claims:
        _require(approved and "action" in display, "factors of no approved action")
        factors = [factor.value for factor in DeviceKey(role=role, key=key).factors]
        _require(claims["factors"] == factors, "factors")
    current = [line for line in claims["history"] if line["thumbprint"] == key.thumbprint]
    _require(any(line["role"] == role.value for line in current), "history")
    _require(
        answer.device_key is None
        or any(
            line["role"] == Role.DEVICE.value and line["thumbprint"] == answer.device_key
            for line in claims["history"]
        ),
        "device key",
    )
    _require(claims["number"] >= 1 and bool(claims["previous"]) is (claims["number"] > 1), "chain")
    return Receipt(
        issuer=issuer,
        proven=proven,
        display=display,
        answer=answer,
        key=key,
        role=role,
        assertion=assertion,
        state=state,
        approved=approved,
        at=parse_time(claims["at"]),
        number=claims["number"],
        previous=claims["previous"],
        hash=receipt_hash(token),
    )


def _require(holds: bool, what: str) -> None:  # noqa: FBT001
    if not holds:
        raise ReceiptChanged(what)


def jwk_text(key: PublicKey) -> str:
    """Write the JWK of *key*, whose required members the record holds as JSON."""
    kid = ijson.quoted(key.kid)
    # Among the required members of ML-DSA-44 is its name (RFC 9964).
    alg = "" if key.algorithm is Algorithm.ML_DSA_44 else f',"alg":"{key.alg}"'
    return f'{key.jwk[:-1]},"kid":{kid}{alg}}}'


def _factors_member(signer: DeviceKey) -> str:
    """Write the member `factors`; no name of a factor needs an escape."""
    factors = ",".join([f'"{factor.value}"' for factor in signer.factors])
    return f',"factors":[{factors}]'


def _passkey_member(passkey: Passkey) -> str:
    """Write the member `passkey`; its texts are base64url, web origins and a UUID."""
    eligible = "true" if passkey.backup_eligible else "false"
    origins = ",".join(map(ijson.quoted, passkey.origins))
    model = "" if passkey.aaguid is None else f',"aaguid":{ijson.quoted(passkey.aaguid)}'
    return (
        f',"passkey":{{"rpIdHash":"{passkey.rp_id_hash}","origins":[{origins}]'
        f',"userVerified":true,"backupEligible":{eligible}{model}}}'
    )


def _read_passkey(claims: dict[str, Any]) -> Passkey | None:
    """Read the member `passkey`; the assertion in the answer must agree with it."""
    if "passkey" not in claims:
        return None
    members = claims["passkey"]
    demand(members, _PASSKEY, _AAGUID)
    _require(all(isinstance(origin, str) for origin in members["origins"]), "passkey.origins")
    _require(members["userVerified"], "passkey.userVerified")
    return Passkey(
        rp_id_hash=members["rpIdHash"],
        origins=tuple(members["origins"]),
        backup_eligible=members["backupEligible"],
        aaguid=members.get("aaguid"),
    )


def _history_entry(change: KeyChange) -> str:
    role, thumbprint = change.role.value, change.thumbprint
    return f'{{"at":"{format_time(change.at)}","role":"{role}","thumbprint":"{thumbprint}"}}'


def read_key(jwk: dict[str, Any], passkey: Passkey | None = None) -> PublicKey:
    """Return the public key that a receipt names; of a *passkey*, if it is one."""
    return keys.public_key(jwk, algorithms=frozenset(Algorithm), passkey=passkey)
