"""Visit: one request for a page, as its handler sees it: who visits, and what was just done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Protocol

import attrs

import counterseal as cs
from counterseal.errors import InvalidField, NotFound
from counterseal.models import Admin, Guid
from counterseal.models.guid import parse
from counterseal_portal.routes import Route
from counterseal_web import Request, Service
from counterseal_web.slots import WaitSlots

NOTICES: Mapping[str, str] = {
    "account-locked": "The account is locked.",
    "account-unlocked": "The account is unlocked.",
    "account-erased": "The account is erased.",
    "devices-revoked": "All devices and open invitations are revoked.",
    "device-suspended": "The device is suspended.",
    "device-resumed": "The device may act again.",
    "device-revoked": "The device is revoked.",
    "link-ended": "The link no longer works.",
    "question-withdrawn": "The question is withdrawn.",
    "company-created": "The company is created.",
    "company-saved": "The company is saved.",
    "company-verified": "The verified name is saved. Devices show it at their next call.",
    "app-space-created": "The App Space is created.",
    "app-space-saved": "The App Space is saved.",
    "setting-saved": "The setting is saved.",
    "origin-created": "The origin is created. It needs a credential before it can ask anybody.",
    "origin-saved": "The origin is saved.",
    "events-saved": "What the origin hears is saved.",
    "client-saved": "The origin is a CIBA client.",
    "client-ended": "The origin is a CIBA client no longer.",
    "credentials-revoked": "All credentials of the origin are revoked.",
    "credential-revoked": "The credential is revoked.",
    "entry-added": "The entry is on the allow-list.",
    "entry-removed": "The entry is no longer on the allow-list.",
    "callback-requeued": "The callback is queued again.",
    "callbacks-requeued": "The callbacks are queued again, and leave one after the other.",
    "callbacks-further": (
        "As many callbacks as one confirmation allows are queued again. The list has those that are"
        " left."
    ),
    "callbacks-unread": (
        "No callback is queued again. Only the oldest of each origin are looked at, and none of"
        " these is one that you chose and that can be sent. Queue or drop them to reach newer ones."
    ),
    "callbacks-remaining": (
        "Every callback that can be sent is queued again. Nobody can send those in the list: what"
        " they are about has been deleted, or they may have arrived. Drop them."
    ),
    "callback-dropped": "The callback is dropped, and will not be sent.",
    "session-ended": "The session is ended.",
    "admin-revoked": "The administrator is revoked.",
    "key-removed": "It is removed, and can no longer be used.",
    "key-removed-alone": (
        "It is removed, and can no longer be used. All other sessions and links are ended: you are"
        " logged in in this browser only."
    ),
    "passkey-added": "The passkey is added.",
    "device-confirmed": "The device is confirmed, and approves for you.",
    "device-miscompared": "Too many wrong codes: the device is removed. Add it again.",
}
"""Closed: an address that says anything else says nothing."""

DONE = "done"
"""The parameter."""


@attrs.frozen(kw_only=True)
class Visit:
    """
    One request for a page, or one act.

    Attributes:
        service: The use cases.
        request: As it was received.
        route: What its path names.
        names: The variable segments of its path.
        query: The parameters of the address, each once.
        body: The fields of the form, without the session's token; each value as it was sent.
        visitor: Who is logged in; None only on a route that is public.
        questions: What a person may be asked to confirm, by any page of the portal.
        exports: The slots of files that come in pieces.
    """

    service: Service
    request: Request
    route: Route
    names: Mapping[str, str]
    query: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    body: Mapping[str, Sequence[str]] = attrs.field(factory=dict, repr=False)
    visitor: Visitor | None
    questions: frozenset[str] = frozenset()
    exports: WaitSlots = attrs.field(factory=partial(WaitSlots, 1), repr=False)

    @property
    def admin(self) -> Admin:
        """Return who acts."""
        if self.visitor is None:
            raise RuntimeError(f"{self.route.id}: nobody is logged in on a public route")
        return self.visitor.admin

    @property
    def tenancy(self) -> cs.Administration:
        """Return the use cases of tenancy, for the person."""
        return self.service.administration(by=self.admin)

    @property
    def credentials(self) -> cs.Credentials:
        """Return the use cases of secrets, for the person."""
        return self.service.credentials(by=self.admin)

    @property
    def sessions(self) -> cs.Sessions:
        """Return the use cases of people's log-ins."""
        return cs.Sessions(self.service.ports, self.service.policy)

    def guid(self, name: str) -> Guid:
        """
        Return a variable segment of the path.

        Raises:
            NotFound: It is not a GUID.
        """
        try:
            return parse(self.names[name], field=name)
        except InvalidField:
            raise NotFound from None


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


def notice_of(visit: Visit) -> str:
    """Return what to say at the top of the page; empty for nothing."""
    return NOTICES.get(visit.query.get(DONE, ""), "")
