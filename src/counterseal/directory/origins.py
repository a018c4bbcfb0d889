"""Origins: what one is made with, and what an edit leaves of it."""

from __future__ import annotations

import attrs

from counterseal.errors import InvalidField
from counterseal.models import (
    FINISHED,
    PROFILES,
    ChallengeState,
    Clients,
    Codes,
    Origin,
    OwnLimits,
    TokenForm,
)

MOST_PENDING = 100
MOST_ASKED = 1000
"""The highest that any policy can allow: a limit that tightens nothing."""


@attrs.frozen(kw_only=True)
class OriginEdit:
    """
    What is to change of an origin; None leaves a member as it is.

    Attributes:
        name: What it is called.
        clients: For which programs it is set up. Another kind than before brings the codes, the
            wildcards and the callback states of its profile, unless they are given.
        codes: What `showCode` does.
        wildcards: Whether an entry of the allow-list with `{*}` covers anything.
        callback_states: The endings that send a callback.
        token_form: How invitations give the session token.
        pending, questions, cooldown: As `OwnLimits` has them.
    """

    name: str | None = None
    clients: Clients | None = None
    codes: Codes | None = None
    wildcards: bool | None = None
    callback_states: frozenset[ChallengeState] | None = None
    token_form: TokenForm | None = None
    pending: int | None = None
    questions: int | None = None
    cooldown: bool | None = None


def edited_origin(origin: Origin, edit: OriginEdit) -> Origin:
    """
    Return *origin* as *edit* wants it.

    Raises:
        InvalidField: A state is no ending, or a limit is not within its span.
    """
    clients = origin.clients if edit.clients is None else edit.clients
    base = origin
    if clients is not origin.clients:
        profile = PROFILES[clients]
        base = attrs.evolve(
            origin,
            clients=clients,
            codes=profile.codes,
            wildcards=profile.wildcards,
            callback_states=profile.callback_states,
        )
    return attrs.evolve(
        base,
        name=base.name if edit.name is None else edit.name,
        codes=base.codes if edit.codes is None else edit.codes,
        wildcards=base.wildcards if edit.wildcards is None else edit.wildcards,
        callback_states=_endings(base, edit),
        token_form=base.token_form if edit.token_form is None else edit.token_form,
        limits=_limits(base.limits, edit),
    )


def _endings(origin: Origin, edit: OriginEdit) -> tuple[ChallengeState, ...]:
    wanted = edit.callback_states
    if wanted is None:
        return origin.callback_states
    if not wanted <= frozenset(FINISHED):
        endings = ", ".join(state.value for state in FINISHED)
        raise InvalidField("callbackStates", f"not one of {endings}")
    return tuple(state for state in FINISHED if state in wanted)


def _limits(limits: OwnLimits, edit: OriginEdit) -> OwnLimits:
    _within(edit.pending, MOST_PENDING, "pendingLimit")
    _within(edit.questions, MOST_ASKED, "askLimit")
    return OwnLimits(
        pending=limits.pending if edit.pending is None else edit.pending,
        questions=limits.questions if edit.questions is None else edit.questions,
        cooldown=limits.cooldown if edit.cooldown is None else edit.cooldown,
    )


def _within(limit: int | None, most: int, field: str) -> None:
    if limit is not None and not 1 <= limit <= most:
        raise InvalidField(field, f"not within 1 and {most}")
