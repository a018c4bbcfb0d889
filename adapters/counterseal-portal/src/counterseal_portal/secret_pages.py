"""Secret pages: what was just made is shown once, and never again."""

from __future__ import annotations

import attrs

from counterseal_portal.answers import Answer, Step, page


@attrs.frozen
class Secret:
    """
    One value to hand over.

    Attributes:
        label: What it is.
        value: As it has to be copied.
        is_secret: Whether it is shown this once only.
    """

    label: str
    value: str = attrs.field(repr=False)
    is_secret: bool = False


def secret_page(
    *,
    title: str,
    intro: tuple[str, ...],
    secrets: tuple[Secret, ...],
    continue_to: Step,
    trail: tuple[Step, ...],
    button: str = "I have stored it",
) -> Answer:
    """Return the page that shows *secrets*; it is the answer to the form, and has no address."""
    return page(
        "secrets.html",
        title=title,
        intro=intro,
        secrets=secrets,
        continue_to=continue_to,
        button=button,
        trail=(*trail, continue_to),
        notice="",
    )
