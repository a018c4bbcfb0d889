"""Visit: one request for a page, as its handler sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

import counterseal as cs
from counterseal.errors import InvalidField, NotFound
from counterseal.models import Admin, Guid
from counterseal.models.guid import parse
from counterseal_portal.routes import Route
from counterseal_portal.visitor import Visitor
from counterseal_web import Request, Service


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
    """

    service: Service
    request: Request
    route: Route
    names: Mapping[str, str]
    query: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    body: Mapping[str, Sequence[str]] = attrs.field(factory=dict, repr=False)
    visitor: Visitor | None
    questions: frozenset[str] = frozenset()

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
