"""
The records: frozen, and validated when they are made; `revise` and `replace` return changed copies.

Every stored record has a `guid`, a `version`, and three members for the store:
`parent` (what `list` finds it under), `due_at` (when a worker has to process it)
and `keep_until` (when the store may delete it; None means never).
"""

from __future__ import annotations

from typing import TypeAlias

import attrs

from counterseal.models.account import (
    Account,
    Alias,
    Device,
    History,
    Identity,
    Login,
    LoginState,
    Logout,
    OpenQuestion,
    PastQuestion,
)
from counterseal.models.action import Action, ActionTerms, Attachment
from counterseal.models.approved_action import (
    ActionState,
    ActionUse,
    ApprovedAction,
    UseState,
)
from counterseal.models.attestation import RegisteredPasskey, RegistrationResponse
from counterseal.models.audit_log import (
    AuditEvent,
    AuditPage,
    AuditQuery,
    ChainedEvent,
    ChainHead,
    ChainLink,
    CountKey,
    LogPlace,
    MemoryContent,
    RecordName,
    RememberedHead,
    SignedHead,
    StoredEvent,
    UnchainedEvents,
)
from counterseal.models.backchannel import BackchannelClient, BackchannelRequest, DeliveryMode
from counterseal.models.binding import (
    LIVING,
    PROVISIONAL,
    Authority,
    Binding,
    BindingState,
    KeyChange,
)
from counterseal.models.ceremony import (
    AuthenticationState,
    PasskeyAuthentication,
    PasskeyRegistration,
    RegistrationState,
    user_handle,
)
from counterseal.models.challenge import (
    DEFAULT_BUTTONS,
    FINISHED,
    UNFINISHED,
    Button,
    CancelReason,
    Challenge,
    ChallengeState,
    Content,
    HtmlContent,
    Outcome,
    Pair,
    PairsContent,
    Question,
    Reaction,
    RefusalReason,
    RequestContext,
    TextContent,
)
from counterseal.models.channel import ChannelRealm, ChannelRequest
from counterseal.models.clients import (
    CLIENT_PROFILES,
    ClientProfile,
    Clients,
    Codes,
    OriginRole,
    OwnLimits,
    TokenForm,
)
from counterseal.models.device_key import (
    PASSKEY_ALGORITHMS,
    Algorithm,
    DeviceCall,
    DeviceKey,
    Factor,
    PublicKey,
    Role,
)
from counterseal.models.events import (
    AccountEvent,
    AccountEventKind,
    AccountEventState,
    EventLog,
    EventStream,
    LoggedEvent,
)
from counterseal.models.fields import replace, revise
from counterseal.models.gauges import USER_GAUGES, Gauge, GaugeKey, sum_gauges
from counterseal.models.guid import OPERATORS, OPERATORS_COMPANY, PORTAL_ORIGIN, Guid
from counterseal.models.identity_provider import ClientAuth, IdpSettings
from counterseal.models.outbox import (
    Callback,
    CallbackState,
    DeadReason,
    Delivery,
    DeliveryOutcome,
    Notification,
    NotificationState,
    SkipReason,
)
from counterseal.models.passkeys import Passkey, PasskeyScope, PasskeyUse
from counterseal.models.policies import AppSpacePolicy, Level, OriginPolicy
from counterseal.models.push import (
    AddressKind,
    Occasion,
    PushAddress,
    PushMessage,
    PushOutcome,
    PushResult,
)
from counterseal.models.reservation import KeyScope, Reservation
from counterseal.models.session import (
    LIVING_SESSIONS,
    LogInMethod,
    Session,
    SessionProof,
    SessionState,
)
from counterseal.models.tenancy import (
    OPERATOR,
    Admin,
    Administrator,
    AdminRole,
    AppSpace,
    CallbackEntry,
    CallbackType,
    Company,
    Credential,
    HtmlUse,
    Logo,
    NewDeviceRule,
    Operator,
    Origin,
    RelyingParty,
    Scheme,
    Texts,
    WebhookKey,
    entry_addresses,
)
from counterseal.models.trace import TRACE, TraceContext

Record: TypeAlias = (
    Company
    | AppSpace
    | Logo
    | Origin
    | Admin
    | Session
    | Account
    | Binding
    | Login
    | Alias
    | PasskeyRegistration
    | PasskeyAuthentication
    | Challenge
    | ApprovedAction
    | ActionUse
    | Callback
    | Notification
    | AccountEvent
    | EventLog
    | EventStream
    | LoggedEvent
)
"""What a store holds."""


@attrs.frozen
class Change:
    """
    One record of a commit: (None, new) creates, (old, new) swaps, (old, old) guards.

    To guard, *new* is the same object as *old*, which the decision read.
    """

    old: Record | None
    new: Record


__all__ = [
    "CLIENT_PROFILES",
    "DEFAULT_BUTTONS",
    "FINISHED",
    "LIVING",
    "LIVING_SESSIONS",
    "OPERATOR",
    "OPERATORS",
    "OPERATORS_COMPANY",
    "PASSKEY_ALGORITHMS",
    "PORTAL_ORIGIN",
    "PROVISIONAL",
    "TRACE",
    "UNFINISHED",
    "USER_GAUGES",
    "Account",
    "AccountEvent",
    "AccountEventKind",
    "AccountEventState",
    "Action",
    "ActionState",
    "ActionTerms",
    "ActionUse",
    "AddressKind",
    "Admin",
    "AdminRole",
    "Administrator",
    "Algorithm",
    "Alias",
    "AppSpace",
    "AppSpacePolicy",
    "ApprovedAction",
    "Attachment",
    "AuditEvent",
    "AuditPage",
    "AuditQuery",
    "AuthenticationState",
    "Authority",
    "BackchannelClient",
    "BackchannelRequest",
    "Binding",
    "BindingState",
    "Button",
    "Callback",
    "CallbackEntry",
    "CallbackState",
    "CallbackType",
    "CancelReason",
    "ChainHead",
    "ChainLink",
    "ChainedEvent",
    "Challenge",
    "ChallengeState",
    "Change",
    "ChannelRealm",
    "ChannelRequest",
    "ClientAuth",
    "ClientProfile",
    "Clients",
    "Codes",
    "Company",
    "Content",
    "CountKey",
    "Credential",
    "DeadReason",
    "Delivery",
    "DeliveryMode",
    "DeliveryOutcome",
    "Device",
    "DeviceCall",
    "DeviceKey",
    "EventLog",
    "EventStream",
    "Factor",
    "Gauge",
    "GaugeKey",
    "Guid",
    "History",
    "HtmlContent",
    "HtmlUse",
    "Identity",
    "IdpSettings",
    "KeyChange",
    "KeyScope",
    "Level",
    "LogInMethod",
    "LogPlace",
    "LoggedEvent",
    "Login",
    "LoginState",
    "Logo",
    "Logout",
    "MemoryContent",
    "NewDeviceRule",
    "Notification",
    "NotificationState",
    "Occasion",
    "OpenQuestion",
    "Operator",
    "Origin",
    "OriginPolicy",
    "OriginRole",
    "Outcome",
    "OwnLimits",
    "Pair",
    "PairsContent",
    "Passkey",
    "PasskeyAuthentication",
    "PasskeyRegistration",
    "PasskeyScope",
    "PasskeyUse",
    "PastQuestion",
    "PublicKey",
    "PushAddress",
    "PushMessage",
    "PushOutcome",
    "PushResult",
    "Question",
    "Reaction",
    "Record",
    "RecordName",
    "RefusalReason",
    "RegisteredPasskey",
    "RegistrationResponse",
    "RegistrationState",
    "RelyingParty",
    "RememberedHead",
    "RequestContext",
    "Reservation",
    "Role",
    "Scheme",
    "Session",
    "SessionProof",
    "SessionState",
    "SignedHead",
    "SkipReason",
    "StoredEvent",
    "TextContent",
    "Texts",
    "TokenForm",
    "TraceContext",
    "UnchainedEvents",
    "UseState",
    "WebhookKey",
    "entry_addresses",
    "replace",
    "revise",
    "sum_gauges",
    "user_handle",
]
