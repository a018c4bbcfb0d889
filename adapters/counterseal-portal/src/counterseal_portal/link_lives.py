"""Lives of links: how long a link works, as its maker chooses and the policy allows."""

from __future__ import annotations

from datetime import timedelta

import attrs

from counterseal_portal.forms import Field, FilledForm, Kind
from counterseal_portal.settings import value_text

LINK_LIFE = Field(
    name="link_life",
    label="How long the link works",
    hint="The shorter, the fewer people can find it in time. The policy says what is longest.",
    kind=Kind.CHOICE,
    meant_by=("life",),
)
LIVES = (timedelta(minutes=10), timedelta(hours=1), timedelta(days=1))
"""What is offered, as far as the policy allows it, beside the longest time that it allows."""
USUAL_LIFE = timedelta(hours=1)


def life_field(longest: timedelta) -> Field:
    """Return the field in which the life of a link is chosen, *longest* at most."""
    lives = (*(each for each in LIVES if each < longest), longest)
    return attrs.evolve(
        LINK_LIFE, options=tuple((_seconds(each), value_text(each)) for each in lives)
    )


def usual_life(longest: timedelta) -> tuple[str, ...]:
    """Return what is chosen at first in the field of `life_field`."""
    return (_seconds(min(USUAL_LIFE, longest)),)


def chosen_life(form: FilledForm) -> timedelta | None:
    """Return the life that was chosen; None if none was, for that of the policy."""
    seconds = form.number(LINK_LIFE.name)
    return None if seconds is None else timedelta(seconds=seconds)


def _seconds(life: timedelta) -> str:
    return f"{life.total_seconds():.0f}"
