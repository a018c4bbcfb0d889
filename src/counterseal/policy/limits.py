"""Limits of asking: what a policy lets one kind of clients do to a person."""

from __future__ import annotations

import attrs


@attrs.define(kw_only=True)
class AskingLimits:
    """
    How often a person may be asked by an origin.

    Attributes:
        pending: Open questions of the person, of all origins together.
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
