"""Routes: which page a method and a path name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

import attrs

from counterseal.models import Admin, AdminRole
from counterseal_portal.answers import MOUNT, Answer
from counterseal_web import router

EVERYBODY = frozenset(AdminRole)
ADMINS = EVERYBODY - {AdminRole.SUPPORT}
COMPANY_ADMINS = frozenset({AdminRole.COMPANY})


@attrs.frozen(kw_only=True)
class Route:
    """
    One page, or one act.

    Attributes:
        id: Names it, in tests and in logs.
        method: `GET` for a page, which changes nothing; `POST` for an act.
        path: After `MOUNT`; variable segments are in braces, and are GUIDs, or names that the
            handler knows.
        handler: Returns the answer to a `Visit`, which names its route.
        query: The parameters that the address may have; any other is refused.
        fields: The fields that the form may have; any other is refused.
        roles: Who gets it; anybody else learns that their role does not include it. The use cases
            decide all the same: this is for pages that only show a form.
        all_companies: Whether it is for administrators of all companies only.
        public: Whether it is there for people who are not logged in, too.
        stepped_up: What the person is about to do, where they have to have confirmed a moment ago
            that they are here, as a question without its mark; empty where they need not.
        confirmed_at: For an act, the path of the page that asks for it, where a step-up leads
            back to; empty for a page.
    """

    id: str
    method: Literal["GET", "POST"]
    path: str
    handler: Callable[..., Answer]
    query: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    roles: frozenset[AdminRole] = EVERYBODY
    all_companies: bool = False
    public: bool = False
    stepped_up: str = ""
    confirmed_at: str = ""

    def is_for(self, admin: Admin) -> bool:
        """Return whether the role of *admin* includes it."""
        return admin.role in self.roles and not (self.all_companies and admin.company is not None)


class Routes:
    """
    All routes of the portal, by method and path.

    Args:
        routes: No two have the same method and path.

    Attributes:
        all: The routes.
        questions: What a person may be asked to confirm, by any of them.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self.all = tuple(routes)
        self.questions = frozenset(f"{each.stepped_up}?" for each in self.all if each.stepped_up)
        self._router = router.Router((each.method, MOUNT + each.path, each) for each in self.all)

    def find(self, method: str, path: str) -> router.Route[Route]:
        """Return the route that *method* and *path* name; raises as `Router.find`."""
        return self._router.find(method, path)
