"""
Every error that Counterseal raises: one root, three families, and a store's word.

The families tell the caller what to do, not what went wrong inside:

- `Refused`: the other side may not do this. Answer it and do not retry.
- `Misuse`: the program that embeds Counterseal is wrong. Fix it.
- `Unavailable`: a port failed. The same call may be retried.

`Conflict` is what a store says when a commit lost a race;
no use case lets it out.

`code` is stable and for machines.
Texts are for logs, may change at any time,
and hold neither secrets nor expected values.
A refusal's `outward` is the only word that the refused side may see:
refusals that would tell an attacker which check failed share one.
"""

from __future__ import annotations

from counterseal.errors.asking import (
    CallbackForbidden,
    CallbackUncallable,
    CodeDemanded,
    KeyInProgress,
    KeyReused,
    TooManyPending,
    TooOften,
)
from counterseal.errors.binding import (
    KeysIncomplete,
    NotEndorsed,
    NotPossessed,
    TokenSpent,
    TooManyBindings,
    UnfitKey,
    WrongToken,
)
from counterseal.errors.credentials import (
    CredentialRefused,
    RequestStale,
    RoleLacking,
)
from counterseal.errors.evidence import (
    ButtonChanged,
    CodeMissing,
    DisplayChanged,
    IssuerUntrusted,
    MalformedToken,
    ReceiptChanged,
    Replayed,
    StaleProof,
    StrongKeyMissed,
    WeakKey,
    WrongAlgorithm,
    WrongAudience,
    WrongChallenge,
    WrongCode,
    WrongDevice,
    WrongKey,
    WrongPin,
    WrongRequest,
    WrongSignature,
    WrongType,
)
from counterseal.errors.families import (
    Conflict,
    CountersealError,
    Misuse,
    Refused,
    Unavailable,
)
from counterseal.errors.misuse import (
    NotBound,
    OperationReused,
    PartitionCrossed,
    PolicyUnsound,
    WrongRecord,
)
from counterseal.errors.outages import (
    Contended,
    IdentityUnavailable,
    Indeterminate,
    NotifierUnavailable,
    SealBroken,
    SenderUnavailable,
    SignerUnavailable,
    StoreUnavailable,
)
from counterseal.errors.standing import (
    AccountLocked,
    AccountUnbound,
    AccountUnknown,
    BindingInactive,
    DeadlineAhead,
    DeadlinePassed,
    Foreign,
    InvalidField,
    LeaseLost,
    NotFound,
    WrongKind,
    WrongState,
)
from counterseal.errors.vouching import (
    AccountTaken,
    IdentityWithdrawn,
    ReturnForbidden,
    WrongAuthority,
    WrongIssuer,
)

__all__ = [
    "AccountLocked",
    "AccountTaken",
    "AccountUnbound",
    "AccountUnknown",
    "BindingInactive",
    "ButtonChanged",
    "CallbackForbidden",
    "CallbackUncallable",
    "CodeDemanded",
    "CodeMissing",
    "Conflict",
    "Contended",
    "CountersealError",
    "CredentialRefused",
    "DeadlineAhead",
    "DeadlinePassed",
    "DisplayChanged",
    "Foreign",
    "IdentityUnavailable",
    "IdentityWithdrawn",
    "Indeterminate",
    "InvalidField",
    "IssuerUntrusted",
    "KeyInProgress",
    "KeyReused",
    "KeysIncomplete",
    "LeaseLost",
    "MalformedToken",
    "Misuse",
    "NotBound",
    "NotEndorsed",
    "NotFound",
    "NotPossessed",
    "NotifierUnavailable",
    "OperationReused",
    "PartitionCrossed",
    "PolicyUnsound",
    "ReceiptChanged",
    "Refused",
    "Replayed",
    "RequestStale",
    "ReturnForbidden",
    "RoleLacking",
    "SealBroken",
    "SenderUnavailable",
    "SignerUnavailable",
    "StaleProof",
    "StoreUnavailable",
    "StrongKeyMissed",
    "TokenSpent",
    "TooManyBindings",
    "TooManyPending",
    "TooOften",
    "Unavailable",
    "UnfitKey",
    "WeakKey",
    "WrongAlgorithm",
    "WrongAudience",
    "WrongAuthority",
    "WrongChallenge",
    "WrongCode",
    "WrongDevice",
    "WrongIssuer",
    "WrongKey",
    "WrongKind",
    "WrongPin",
    "WrongRecord",
    "WrongRequest",
    "WrongSignature",
    "WrongState",
    "WrongToken",
    "WrongType",
]
