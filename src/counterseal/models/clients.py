"""Clients: the two kinds of programs that call as an origin, and what each needs."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType

import attrs

from counterseal.challenges.records import FINISHED, ChallengeState
from counterseal.models.events import AccountEventKind


class Codes(enum.Enum):
    """What a challenge's `showCode` does for one origin."""

    TYPED = "typed"
    """The origin shows the code and the person types it into the device."""
    ECHOED = "echoed"
    """The flag is stored and returned, and no code is asked for."""


class TokenForm(enum.Enum):
    """How an origin's invitations give the session token."""

    TEXT = "text"
    """A text, as clients of the CX service read it since 2021."""
    OBJECT = "object"
    """`{guid, expiration}`, as its clients of 2019 read it."""


class OriginRole(enum.Enum):
    """What an origin may do; `tenancy.rules.authorization` names the calls."""

    FULL = "full"
    """All calls of an origin: it invites its users' devices, reads and revokes them, and asks."""
    ASKING = "asking"
    """Only to ask accounts that others have bound, and to use what it was approved."""


class Clients(enum.Enum):
    """The kind of programs that an origin is set up for."""

    CURRENT = "current"
    """Programs written for this service."""
    CX = "cx"
    """Programs written for the Privakey CX service, which call here unchanged."""


@attrs.frozen(kw_only=True)
class ClientProfile:
    """
    What one kind of clients needs.

    The first three are copied into an origin when its clients are set, and can be changed there
    afterwards; the others depend on the kind only.
    How often clients may ask a person is the policy's: `Policy.asking_limits`.

    Attributes:
        codes: What `showCode` does.
        wildcards: Whether an entry of the allow-list with `{*}` covers anything.
        callback_states: The endings that send a callback.
        number_ids: Whether a whole number of JSON as `accountId` is read as its text.
        object_user_info: Whether an object as `userInfo` is read, as its JSON text.
        events: What its origins hear of accounts, unless they are set otherwise.
        empty_values: Whether a line of a template without `value` is one with an empty value.
    """

    codes: Codes
    wildcards: bool
    callback_states: tuple[ChallengeState, ...]
    number_ids: bool
    object_user_info: bool
    empty_values: bool
    events: tuple[AccountEventKind, ...]


CURRENT = ClientProfile(
    codes=Codes.TYPED,
    wildcards=False,
    callback_states=FINISHED,
    number_ids=False,
    object_user_info=False,
    empty_values=False,
    events=tuple(AccountEventKind),
)
"""Every member is required, and of one type."""

CX = ClientProfile(
    codes=Codes.ECHOED,
    wildcards=True,
    callback_states=(ChallengeState.ANSWERED, ChallengeState.DISOWNED),
    number_ids=True,
    object_user_info=True,
    empty_values=True,
    events=(),
)
"""These clients show no code, and some expect callbacks for processed requests only."""

CLIENT_PROFILES: Mapping[Clients, ClientProfile] = MappingProxyType(
    {Clients.CURRENT: CURRENT, Clients.CX: CX}
)
"""The profile of each kind of clients."""


@attrs.define(kw_only=True)
class AskingLimits:
    """
    How often a person may be asked by an origin.

    `pending` and `account_window` do not include the questions of clients with a laxer limit; the
    laxest limit includes all questions (`challenges.rules.question_limits`).

    Attributes:
        pending: Open questions of the person.
        origin_window: Questions of this origin in the policy's window.
        account_window: Questions of all origins together in it, when this one asks.
        unapproved: Questions since the last approval; past it only a code may be asked for.
        cooldown: Whether the cool-down after refusals counts.
    """

    pending: int
    origin_window: int
    account_window: int
    unapproved: int
    cooldown: bool


MOST_PENDING = 100
"""Open questions of a person: the highest limit that a policy or an origin may set."""

MOST_QUESTIONS = 1000
"""Questions to a person in the policy's window: the highest limit that either may set."""


@attrs.frozen(kw_only=True)
class OwnLimits:
    """
    An origin's own limits of asking; they tighten the policy's, and never loosen them.

    Attributes:
        pending: Open questions that a person may have; None leaves it to the policy.
        questions: Questions in the policy's window that one person may get; None leaves it too.
        cooldown: Whether refusals begin a cool-down for this origin, whatever the policy says.
    """

    pending: int | None = None
    questions: int | None = None
    cooldown: bool = False


NO_OWN_LIMITS = OwnLimits()
"""Only the policy's limits apply."""
