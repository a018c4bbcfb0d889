"""
An origin's client: ask a user, wait for the answer, and act on proof only.

It has every error that its calls raise, the families `Refused`, `Misuse` and `Unavailable` too.
"""

from __future__ import annotations

from counterseal import CountersealError, Misuse, Refused, Unavailable
from counterseal.accounts.documents import BindInvitation, KnownAccount, KnownDevice
from counterseal.approvals.documents import ActionProgress, KnownAction, KnownUse, UseOutcome
from counterseal.challenges.documents.messages import ProcessedRequest, RequestWarning
from counterseal.errors import InvalidField
from counterseal.events.documents import AccountEventPage, DescribedEvent
from counterseal.models import (
    AccountEventKind,
    Action,
    Button,
    HtmlContent,
    Pair,
    PairsContent,
    RequestContext,
    TextContent,
)
from counterseal_client.approval import Approval, Requirement, is_approved, require_approved
from counterseal_client.approved_calls import requires_approval
from counterseal_client.asked_calls import ArgumentsChanged
from counterseal_client.callback import Callback, verify_callback, verify_event
from counterseal_client.ciba import CibaClient
from counterseal_client.ciba_approval import CibaApproval, CibaUse
from counterseal_client.client import Client
from counterseal_client.errors import (
    ActionUsed,
    AnotherAccount,
    AnotherDevice,
    ArgumentsDiffer,
    AskedTooOften,
    BadReply,
    CallbackRefused,
    CodeNotTyped,
    Declined,
    EvidenceRefused,
    Finished,
    NoAlternativeMet,
    NoApproval,
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
from counterseal_client.ping import Ping, receive_ping
from counterseal_client.requirements import (
    AllOf,
    AnyOf,
    ByAccount,
    ByDevice,
    MatchingCode,
    StrongKey,
    Within,
)
from counterseal_client.started_request import StartedRequest
from counterseal_client.trust import Trust

__all__ = [
    "AccountEventKind",
    "AccountEventPage",
    "Action",
    "ActionProgress",
    "ActionUsed",
    "AllOf",
    "AnotherAccount",
    "AnotherDevice",
    "AnyOf",
    "Approval",
    "ArgumentsChanged",
    "ArgumentsDiffer",
    "AskedTooOften",
    "BadReply",
    "BindInvitation",
    "Button",
    "ByAccount",
    "ByDevice",
    "Callback",
    "CallbackRefused",
    "CibaApproval",
    "CibaClient",
    "CibaUse",
    "Client",
    "CodeNotTyped",
    "CountersealError",
    "Declined",
    "DescribedEvent",
    "EvidenceRefused",
    "Finished",
    "HtmlContent",
    "InvalidField",
    "KnownAccount",
    "KnownAction",
    "KnownDevice",
    "KnownUse",
    "MatchingCode",
    "Misuse",
    "NoAlternativeMet",
    "NoApproval",
    "NotApproved",
    "NotFound",
    "NotSent",
    "NotStrong",
    "Overloaded",
    "Pair",
    "PairsContent",
    "PendingRequest",
    "Ping",
    "ProcessedRequest",
    "Refused",
    "ReplyLost",
    "RequestContext",
    "RequestRefused",
    "RequestWarning",
    "Requirement",
    "RequirementUnmet",
    "StartedRequest",
    "StrongKey",
    "TextContent",
    "TooSlow",
    "Trust",
    "Unanswered",
    "Unauthorised",
    "Unavailable",
    "Unfit",
    "Unreachable",
    "UseOutcome",
    "Within",
    "is_approved",
    "receive_ping",
    "require_approved",
    "requires_approval",
    "verify_callback",
    "verify_event",
]
