"""Labels: what people read for the values of records."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from counterseal.models import (
    AccountEventKind,
    AddressKind,
    BindingState,
    CallbackState,
    ChallengeState,
    Clients,
    Codes,
    DeadReason,
    DeliveryMode,
    HtmlUse,
    NewDeviceRule,
    OriginRole,
    RefusalReason,
    Scheme,
    TokenForm,
)

BINDINGS: Mapping[BindingState, str] = {
    BindingState.INVITED: "Invited",
    BindingState.UNCONFIRMED: "Waits to be confirmed",
    BindingState.ACTIVE: "Active",
    BindingState.SUSPENDED: "Suspended",
    BindingState.REVOKED: "Revoked",
    BindingState.EXPIRED: "Expired",
}
CHALLENGES: Mapping[ChallengeState, str] = {
    ChallengeState.PENDING: "Waiting",
    ChallengeState.SEEN: "Seen on a device",
    ChallengeState.ANSWERED: "Answered",
    ChallengeState.DISOWNED: "“This was not me”",
    ChallengeState.CANCELLED: "Withdrawn",
    ChallengeState.FAILED: "Failed: too many wrong codes",
    ChallengeState.EXPIRED: "Not answered in time",
}
ACTIONS: Mapping[str, str] = {
    "payment": "Payment",
    "tool-call": "Tool call of an agent",
    "login": "Log-in",
    "document": "Document to sign",
}
"""The standard types of actions; any other is shown by its name."""
REASONS: Mapping[RefusalReason, str] = {
    RefusalReason.DECLINED: "did not want it",
    RefusalReason.NOT_MINE: "did not start it",
    RefusalReason.WRONG_DETAILS: "details are wrong",
    RefusalReason.OTHER: "another reason",
}
"""Without `PRESSURED`, which no page shows: whoever presses the person may read along."""
SCHEMES: Mapping[Scheme, str] = {
    Scheme.SIGNATURE: "Message signatures (RFC 9421)",
    Scheme.HMAC: "CX1-HMAC-SHA256",
    Scheme.BASIC: "Basic",
}
MODES: Mapping[DeliveryMode, str] = {
    DeliveryMode.POLL: "It polls",
    DeliveryMode.PING: "It is pinged, and then gets its tokens",
}
CLIENTS: Mapping[Clients, str] = {
    Clients.CURRENT: "Programs written for this service",
    Clients.CX: "Programs written for the Privakey CX service",
}
ROLES_OF_ORIGINS: Mapping[OriginRole, str] = {
    OriginRole.FULL: "Everything: it binds its users' devices, and asks",
    OriginRole.ASKING: "Only to ask, as an agent: it binds no devices, and sees no accounts",
}
EVENTS: Mapping[AccountEventKind, str] = {
    AccountEventKind.BOUND: "A first device was bound",
    AccountEventKind.DEVICE_ADDED: "A further device was bound",
    AccountEventKind.REVOKED: "A device was revoked",
    AccountEventKind.SUSPENDED: "A device was suspended",
    AccountEventKind.RESUMED: "A device may act again",
    AccountEventKind.LOCKED: "The account was locked",
    AccountEventKind.UNLOCKED: "The account was unlocked",
    AccountEventKind.STRIKE: "A wrong PIN was entered",
    AccountEventKind.DISOWNED: "“This was not me”",
    AccountEventKind.REPORTED: "A refusal with a reason that alerts",
    AccountEventKind.ERASED: "The account was erased",
}
CODES: Mapping[Codes, str] = {
    Codes.TYPED: "The person types the code that the origin shows",
    Codes.ECHOED: "No code is asked for; the flag is only returned",
}
TOKEN_FORMS: Mapping[TokenForm, str] = {
    TokenForm.TEXT: "As a text",
    TokenForm.OBJECT: "As an object, for clients of 2019",
}
HTML: Mapping[HtmlUse, str] = {
    HtmlUse.SHOW: "Origins may ask in HTML",
    HtmlUse.REFUSE: "Questions in HTML are refused",
}
NEW_DEVICES: Mapping[NewDeviceRule | None, str] = {
    None: "As the policy says",
    NewDeviceRule.AT_ONCE: "At once",
    NewDeviceRule.CONFIRMED: "Once it is confirmed",
}
CHANNELS: Mapping[AddressKind, str] = {
    AddressKind.APNS: "Apple (APNs)",
    AddressKind.FCM_FID: "Firebase (installation ids)",
    AddressKind.FCM_TOKEN: "Firebase (tokens)",
    AddressKind.RELAY: "Relay",
    AddressKind.WEBPUSH: "Web Push",
}
CALLBACKS: Mapping[CallbackState, str] = {
    CallbackState.QUEUED: "Queued",
    CallbackState.DELIVERED: "Delivered",
    CallbackState.DEAD: "Dead",
    CallbackState.DROPPED: "Dropped",
}
DEAD_REASONS: Mapping[DeadReason, str] = {
    DeadReason.EXHAUSTED: "Every attempt failed",
    DeadReason.GONE: "The receiver said that the address is gone (410)",
    DeadReason.FINAL: "No attempt could ever succeed",
    DeadReason.FORBIDDEN: "The address is no longer on the allow-list",
    DeadReason.FORGOTTEN: "What it is about has been deleted",
    DeadReason.UNKNOWN: "It may have arrived, and is sent at most once",
}
DEAD_CAUSES: Mapping[DeadReason, str] = {
    DeadReason.EXHAUSTED: "every attempt failed",
    DeadReason.GONE: "address is gone (410)",
    DeadReason.FINAL: "never possible",
    DeadReason.FORBIDDEN: "no longer on the allow-list",
    DeadReason.FORGOTTEN: "deleted meanwhile",
    DeadReason.UNKNOWN: "may have arrived",
}
"""The same in few words, for a table."""
CHOICE_LABELS: Mapping[type[Enum], Mapping[Any, str]] = {
    AccountEventKind: EVENTS,
    ChallengeState: CHALLENGES,
    Clients: CLIENTS,
    Codes: CODES,
    HtmlUse: HTML,
    NewDeviceRule: NEW_DEVICES,
    OriginRole: ROLES_OF_ORIGINS,
    TokenForm: TOKEN_FORMS,
}
"""The labels of what an editable member may be; that of None is for one that is cleared."""
