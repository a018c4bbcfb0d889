"""An origin's client: ask a user, wait for the answer, and act on proof only."""

from __future__ import annotations

from counterseal.models import (
    AccountEventKind,
    Button,
    HtmlContent,
    Pair,
    PairsContent,
    TextContent,
)
from counterseal.wire.events import AccountEventPage, DescribedEvent
from counterseal.wire.messages import ProcessedRequest
from counterseal.wire.origin import BindInvitation, KnownAccount, KnownDevice
from counterseal_client.approval import Approval, Requirement, is_approved, require_approved
from counterseal_client.callback import Callback, verify_callback, verify_event
from counterseal_client.client import Client
from counterseal_client.errors import (
    AnotherAccount,
    AnotherDevice,
    AskedTooOften,
    BadReply,
    CallbackRefused,
    CodeNotTyped,
    Declined,
    EvidenceRefused,
    Finished,
    NoAlternativeMet,
    NotApproved,
    NotFound,
    NotSent,
    NotStrong,
    Overloaded,
    ReplyLost,
    RequestRefused,
    RequirementUnmet,
    TooSlow,
    Unanswered,
    Unauthorised,
    Unfit,
    Unreachable,
)
from counterseal_client.pending_request import PendingRequest
from counterseal_client.requirements import (
    AllOf,
    AnyOf,
    ByAccount,
    ByDevice,
    MatchingCode,
    StrongKey,
    Within,
)
from counterseal_client.trust import Trust

__all__ = [
    "AccountEventKind",
    "AccountEventPage",
    "AllOf",
    "AnotherAccount",
    "AnotherDevice",
    "AnyOf",
    "Approval",
    "AskedTooOften",
    "BadReply",
    "BindInvitation",
    "Button",
    "ByAccount",
    "ByDevice",
    "Callback",
    "CallbackRefused",
    "Client",
    "CodeNotTyped",
    "Declined",
    "DescribedEvent",
    "EvidenceRefused",
    "Finished",
    "HtmlContent",
    "KnownAccount",
    "KnownDevice",
    "MatchingCode",
    "NoAlternativeMet",
    "NotApproved",
    "NotFound",
    "NotSent",
    "NotStrong",
    "Overloaded",
    "Pair",
    "PairsContent",
    "PendingRequest",
    "ProcessedRequest",
    "ReplyLost",
    "RequestRefused",
    "Requirement",
    "RequirementUnmet",
    "StrongKey",
    "TextContent",
    "TooSlow",
    "Trust",
    "Unanswered",
    "Unauthorised",
    "Unfit",
    "Unreachable",
    "Within",
    "is_approved",
    "require_approved",
    "verify_callback",
    "verify_event",
]
