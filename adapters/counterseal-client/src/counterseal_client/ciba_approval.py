"""CIBA approvals: what a token request brings, compared with what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from counterseal import Receipt
from counterseal.challenges.documents.action import action_digest
from counterseal.errors import InvalidField
from counterseal.models import Action, Guid
from counterseal.wire.members import Members
from counterseal_client.errors import require_evidence
from counterseal_client.id_token import RECEIPT_CLAIM
from counterseal_client.started_request import StartedRequest


@attrs.frozen(kw_only=True)
class CibaApproval:
    """
    A person's approval, with its tokens and its proof.

    Attributes:
        account_id: The origin's own id of the person.
        action: The action that they approved, with the end of its approval; None for a log-in.
        digest: The digest of the action, which the person signed.
        at: When the service accepted the answer.
        acr: The class of the authentication, such as `urn:counterseal:acr:strong`.
        amr: How the person was authenticated (RFC 8176).
        expires_at: From then on, `consume` is refused.
        access_token: What `consume` sends.
        receipt: The proof of all this to anybody who trusts the service's key. Keep it.
    """

    account_id: str
    action: Action | None
    digest: str
    at: datetime
    acr: str
    amr: tuple[str, ...]
    expires_at: datetime
    access_token: str = attrs.field(repr=False)
    receipt: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class CibaUse:
    """
    The one use of an approved action.

    Attributes:
        request: The request's GUID, by which `Client.report` reports what came of it.
        at: When the service recorded it.
        receipt: What the service signed about it; see `verify_use_receipt`.
    """

    request: Guid
    at: datetime
    receipt: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class TokenReply:
    """The reply to a token request; nothing in it is verified."""

    access_token: str = attrs.field(repr=False)
    id_token: str = attrs.field(repr=False)
    digest: str
    valid_until: datetime

    @classmethod
    def read(cls, document: object) -> TokenReply:
        """
        Read the JSON of a reply.

        Raises:
            InvalidField: A member is missing, or of another type.
        """
        members = Members.of(document)
        if members.text("token_type").lower() != "bearer":
            raise InvalidField("token_type", "not Bearer")
        details = members.objects("authorization_details")
        if len(details) != 1:
            raise InvalidField("authorization_details", "not of one action")
        action = Members.of(details[0].document.get("action"), "authorization_details[0].action")
        return cls(
            access_token=members.text("access_token"),
            id_token=members.text("id_token"),
            digest=action.text("digest"),
            valid_until=action.time("validUntil"),
        )


def approval_of(
    tokens: TokenReply,
    request: StartedRequest,
    claims: Mapping[str, Any],
    receipt: Receipt,
    *,
    client_id: Guid,
) -> CibaApproval:
    """
    Return the approval that tokens bring.

    Args:
        tokens: The reply to a token request.
        request: The request that was begun.
        claims: The verified claims of its ID token.
        receipt: The verified receipt in these claims.
        client_id: The client.

    Raises:
        EvidenceRefused: The person was asked about another action.
    """
    signed_action = receipt.display.get("action", {})
    require_evidence(signed_action.get("digest") == tokens.digest, "receipt: action")
    action = request.action
    if action is None:
        require_evidence(signed_action.get("type") == "login", "receipt: action")
    else:
        # The service decides the end of an approval that has none.
        action = attrs.evolve(action, valid_until=action.valid_until or tokens.valid_until)
        require_evidence(action_digest(action, client_id) == tokens.digest, "receipt: action")
    return CibaApproval(
        account_id=request.account_id,
        action=action,
        digest=tokens.digest,
        at=receipt.at,
        acr=str(claims.get("acr", "")),
        amr=tuple(map(str, claims.get("amr", ()))),
        expires_at=tokens.valid_until,
        access_token=tokens.access_token,
        receipt=claims[RECEIPT_CLAIM],
    )


def read_use(document: object) -> tuple[str, CibaUse]:
    """
    Read the reply to `consume`: the action's digest, and its use.

    Raises:
        InvalidField: A member is missing, or of another type.
    """
    members = Members.of(document)
    use = Members.of(members.document.get("use"), "use")
    return members.text("digest"), CibaUse(
        request=members.guid("requestGuid"), at=use.time("at"), receipt=use.text("receipt")
    )
