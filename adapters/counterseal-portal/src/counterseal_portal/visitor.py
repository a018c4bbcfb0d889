"""Visitor: the person who is logged in, as the portal's pages know them."""

from __future__ import annotations

from typing import Protocol

import attrs

from counterseal.models import Admin, Guid
from counterseal_web import Request


@attrs.frozen(kw_only=True)
class Visitor:
    """
    A person who is logged in.

    Attributes:
        admin: Whose role and reach the person has.
        session: The GUID of their session.
        csrf_token: What each of the session's forms has to send back; nobody else can know it.
        stepped_up: Whether the person has confirmed a moment ago that they are here, which
            dangerous acts require.
    """

    admin: Admin
    session: Guid
    csrf_token: str = attrs.field(repr=False)
    stepped_up: bool = False


class Visitors(Protocol):
    """Who is logged in."""

    def visitor(self, request: Request) -> Visitor | None:
        """
        Return whose session *request* belongs to; None if it belongs to none that is in force.

        Raises:
            Unavailable: A port failed.
        """
