"""
Approved actions as an origin uses them: what it sends to `action/…`, and what the service replies.

| record | in |
|---|---|
| `ActionName` | the body of `action/withdraw` |
| `UseRequest` | the body of `action/consume` |
| `UseReport` | the body of `action/report` |
| `KnownAction` | every reply, and that to `GET action/{guid}` |

A request names the challenge, `requestGuid`; the action has no other name outside.
See `wire.members.Members` for the refusals of all readers here.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from counterseal import keys
from counterseal.challenges.documents.receipt import jwk_text, read_key, trusted_issuer
from counterseal.errors import InvalidField, IssuerUntrusted, ReceiptChanged, Refused
from counterseal.models import (
    UNFINISHED,
    ActionTerms,
    ActionUse,
    ApprovedAction,
    Challenge,
    ChallengeState,
    Guid,
    PublicKey,
    UseState,
)
from counterseal.wire.members import (
    FLAG,
    GUID,
    OPTIONAL_TEXT,
    OPTIONAL_TIME,
    TEXT,
    TIME,
    VERSION,
    Members,
    MemberType,
    choice,
    demand,
    demand_guids,
    format_time,
    member,
    parse_time,
    write_record,
)


def _read_arguments(members: Members, name: str) -> Mapping[str, Any]:
    value = members.document.get(name)
    if not isinstance(value, Mapping):
        raise InvalidField(name, "missing or not a JSON object")
    return value


ARGUMENTS = MemberType(_read_arguments)


class ActionProgress(enum.Enum):
    """How far an action that an origin asked about has come."""

    PENDING = "PENDING"
    """A device may have read it already."""
    DECLINED = "DECLINED"
    DISOWNED = "DISOWNED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"
    APPROVED = "APPROVED"
    USED = "USED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"


@attrs.frozen(kw_only=True)
class ActionName:
    """The action of a request; its GUID is not checked yet."""

    request: str = attrs.field(metadata=member("requestGuid", TEXT))


@attrs.frozen(kw_only=True)
class UseRequest:
    """The request to use an approved action for these arguments; nothing is checked yet."""

    request: str = attrs.field(metadata=member("requestGuid", TEXT))
    arguments: Mapping[str, Any] = attrs.field(repr=False, metadata=member("arguments", ARGUMENTS))


class UseOutcome(enum.Enum):
    """What an origin reports of a use."""

    EXECUTED = "executed"
    FAILED = "failed"


@attrs.frozen(kw_only=True)
class UseReport:
    """The report of the outcome of a use."""

    request: str = attrs.field(metadata=member("requestGuid", TEXT))
    outcome: UseOutcome = attrs.field(metadata=member("outcome", choice(UseOutcome)))
    detail: str | None = attrs.field(
        default=None, repr=False, metadata=member("detail", OPTIONAL_TEXT, omitted=True)
    )

    @property
    def state(self) -> UseState:
        """The state of the use after it."""
        return UseState[self.outcome.name]


@attrs.frozen(kw_only=True)
class KnownUse:
    """
    The use of an approved action, as the service knows it.

    Attributes:
        state: UNKNOWN until the origin reports: the action may have been executed.
        presented: Whether the arguments were presented, and matched.
        receipt: What the service signed about the use; see `verify_use_receipt`.
    """

    state: UseState = attrs.field(metadata=member("state", choice(UseState)))
    presented: bool = attrs.field(metadata=member("argumentsPresented", FLAG))
    receipt: str = attrs.field(repr=False, metadata=member("receipt", TEXT))
    detail: str | None = attrs.field(repr=False, metadata=member("detail", OPTIONAL_TEXT))
    at: datetime = attrs.field(metadata=member("at", TIME))
    reported_at: datetime | None = attrs.field(metadata=member("reportedAt", OPTIONAL_TIME))


def _read_use(members: Members, name: str) -> KnownUse | None:
    if not members.has(name):
        return None
    use = Members.of(members.document[name], name)
    return KnownUse(
        state=use.choice("state", UseState),
        presented=use.flag("argumentsPresented"),
        receipt=use.text("receipt"),
        detail=use.text_or_none("detail"),
        at=use.time("at"),
        reported_at=use.time_or_none("reportedAt"),
    )


OPTIONAL_USE = MemberType(_read_use, lambda use: None if use is None else write_record(use))


@attrs.frozen(kw_only=True)
class KnownAction:
    """
    An action that an origin asked about, as the service knows it.

    Attributes:
        request: The challenge's GUID.
        digest: Of the action, as the person is asked to sign it.
        valid_until: From then on, an approval can no longer be used.
        use: None unless it was used.
    """

    request: Guid = attrs.field(metadata=member("requestGuid", GUID))
    state: ActionProgress = attrs.field(metadata=member("state", choice(ActionProgress)))
    type: str = attrs.field(metadata=member("type", TEXT))
    digest: str = attrs.field(metadata=member("digest", TEXT))
    valid_until: datetime = attrs.field(metadata=member("validUntil", TIME))
    use: KnownUse | None = attrs.field(metadata=member("use", OPTIONAL_USE))

    @classmethod
    def of(
        cls, request: Guid, terms: ActionTerms, state: ActionProgress, use: ActionUse | None
    ) -> KnownAction:
        """Return what is known of the action of *terms*, which the challenge *request* asks for."""
        return cls(
            request=request,
            state=state,
            type=terms.type,
            digest=terms.digest,
            valid_until=terms.valid_until,
            use=None
            if use is None
            else KnownUse(
                state=use.state,
                presented=use.presented,
                receipt=use.receipt,
                detail=use.detail,
                at=use.created_at,
                reported_at=use.reported_at,
            ),
        )


def progress_of(challenge: Challenge, action: ApprovedAction | None) -> ActionProgress:
    """Return how far an action has come, of records that are in their present state."""
    if action is not None:
        return ActionProgress[action.state.name]
    if challenge.state is ChallengeState.ANSWERED:
        return ActionProgress.DECLINED
    return (
        ActionProgress.PENDING
        if challenge.state in UNFINISHED
        else ActionProgress[challenge.state.name]
    )


USE_TYP = "counterseal-use+jwt"
USE_LIMIT = 8_192
"""Characters; none of the claims is long."""

MATCHED = "matched"
NOT_PRESENTED = "not presented"

_CLAIMS: dict[str, type] = {
    "version": int,
    "issuer": dict,
    "challenge": str,
    "account": str,
    "origin": str,
    "device": str,
    "type": str,
    "action": str,
    "arguments": str,
    "approval": str,
    "validUntil": str,
    "at": str,
}


@attrs.frozen(kw_only=True)
class UseReceipt:
    """
    A verified use receipt.

    Attributes:
        proven: Whether the reader trusts the issuer's key, which signed it.
        device: The binding that approved.
        action: The digest of the action that was approved.
        presented: Whether the arguments were presented, and matched.
        approval: The `hash` of the approval's receipt.
        at: When the action was used.
    """

    issuer: PublicKey
    proven: bool
    challenge: Guid
    account: Guid
    origin: Guid
    device: Guid
    type: str
    action: str
    presented: bool
    approval: str
    valid_until: datetime
    at: datetime


def use_payload(
    action: ApprovedAction, *, issuer: PublicKey, presented: bool, approval: str, at: datetime
) -> bytes:
    """Write the payload of the receipt of a use that is being accepted."""
    terms = action.terms
    arguments = MATCHED if presented else NOT_PRESENTED
    # No value has a character that JSON escapes.
    return (
        f'{{"version":{VERSION},"issuer":{jwk_text(issuer)}'
        f',"challenge":"{action.challenge}","account":"{action.account}"'
        f',"origin":"{action.origin}","device":"{action.device}"'
        f',"type":"{terms.type}","action":"{terms.digest}"'
        f',"arguments":"{arguments}","approval":"{approval}"'
        f',"validUntil":"{format_time(terms.valid_until)}","at":"{format_time(at)}"}}'
    ).encode()


def verify_use_receipt(
    token: str, *, trusted: tuple[PublicKey, ...] = (), thumbprint: str | None = None
) -> UseReceipt:
    """
    Verify a use receipt without network or database.

    Args:
        trusted: The service's keys, from a source that the reader trusts.
        thumbprint: Also or instead of *trusted*: the RFC 7638 thumbprint of the issuer's key.
            Without either, only the receipt's consistency is verified, not who signed it.

    Raises:
        IssuerUntrusted: It is signed by another key than the trusted ones.
        ReceiptChanged: A member is missing, wrong or unknown, or the signature is wrong.
    """
    try:
        jws = keys.read(token, limit=USE_LIMIT)
        demand(jws.claimed, _CLAIMS)
        issuer = trusted_issuer(read_key(jws.claimed["issuer"]), trusted, thumbprint)
        claims = keys.verify(jws, issuer, expected_typ=USE_TYP)
        return _read_claims(claims, issuer, proven=bool(trusted or thumbprint))
    except (ReceiptChanged, IssuerUntrusted):
        raise
    except Refused as error:
        raise ReceiptChanged(error.code) from None
    except (KeyError, TypeError, ValueError):
        raise ReceiptChanged("a member is missing or of another type") from None


def _read_claims(claims: dict[str, Any], issuer: PublicKey, *, proven: bool) -> UseReceipt:
    demand_guids(*[claims[name] for name in ("challenge", "account", "origin", "device")])
    at, valid_until = parse_time(claims["at"]), parse_time(claims["validUntil"])
    if claims["version"] != VERSION or claims["arguments"] not in {MATCHED, NOT_PRESENTED}:
        raise ReceiptChanged("version or arguments")
    if at >= valid_until:
        raise ReceiptChanged("at")
    return UseReceipt(
        issuer=issuer,
        proven=proven,
        challenge=Guid(claims["challenge"]),
        account=Guid(claims["account"]),
        origin=Guid(claims["origin"]),
        device=Guid(claims["device"]),
        type=claims["type"],
        action=claims["action"],
        presented=claims["arguments"] == MATCHED,
        approval=claims["approval"],
        valid_until=valid_until,
        at=at,
    )
