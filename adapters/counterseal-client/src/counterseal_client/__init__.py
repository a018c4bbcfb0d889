"""An origin's client: ask, wait, and act on nothing that is not proven."""

from __future__ import annotations

from counterseal.models import Button, HtmlContent, Pair, PairsContent, TextContent
from counterseal.wire.messages import ProcessedRequest
from counterseal.wire.origin import BindInvitation, KnownAccount, KnownDevice
from counterseal_client.approval import Approval, is_approved, require_approved
from counterseal_client.asked import Asked
from counterseal_client.callback import Callback, verify_callback
from counterseal_client.client import Client
from counterseal_client.errors import (
    AskedTooOften,
    BadReply,
    CallbackRefused,
    Declined,
    EvidenceRefused,
    Finished,
    NotApproved,
    NotSent,
    NotThere,
    Overloaded,
    ReplyLost,
    RequestRefused,
    Unanswered,
    Unauthorised,
    Unfit,
    Unreachable,
)
from counterseal_client.trust import Trust

__all__ = [
    "Approval",
    "Asked",
    "AskedTooOften",
    "BadReply",
    "BindInvitation",
    "Button",
    "Callback",
    "CallbackRefused",
    "Client",
    "Declined",
    "EvidenceRefused",
    "Finished",
    "HtmlContent",
    "KnownAccount",
    "KnownDevice",
    "NotApproved",
    "NotSent",
    "NotThere",
    "Overloaded",
    "Pair",
    "PairsContent",
    "ProcessedRequest",
    "ReplyLost",
    "RequestRefused",
    "TextContent",
    "Trust",
    "Unanswered",
    "Unauthorised",
    "Unfit",
    "Unreachable",
    "is_approved",
    "require_approved",
    "verify_callback",
]
