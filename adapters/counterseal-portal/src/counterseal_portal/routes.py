"""Routes: which page a method and a path name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, NamedTuple

import attrs

from counterseal.models import Admin, AdminRole
from counterseal_portal.answers import MOUNT, Answer
from counterseal_web.problems import MethodNotAllowedError, NoSuchEndpointError

NAME = re.compile(r"\{([a-z_]+)\}")


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


class FoundRoute(NamedTuple):
    """A route, and the variable segments of the path that named it."""

    route: Route
    names: Mapping[str, str]


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
        self._by_shape: dict[re.Pattern[str], dict[str, Route]] = {}
        # Fixed segments are tried before variable ones.
        for route in sorted(self.all, key=lambda route: NAME.sub("~", route.path)):
            shape = re.compile(MOUNT + NAME.sub(r"(?P<\1>[^/]+)", route.path))
            methods = self._by_shape.setdefault(shape, {})
            if route.method in methods:
                raise ValueError(f"two routes: {route.method} {route.path}")
            methods[route.method] = route

    def find(self, method: str, path: str) -> FoundRoute:
        """
        Return the route that *method* and *path* name; `HEAD` names what `GET` does.

        Raises:
            NoSuchEndpointError: There is none with this path.
            MethodNotAllowedError: There is, with another method.
        """
        for shape, methods in self._by_shape.items():
            match = shape.fullmatch(path)
            if match is None:
                continue
            route = methods.get("GET" if method == "HEAD" else method)
            if route is None:
                raise MethodNotAllowedError([*methods, *(["HEAD"] if "GET" in methods else [])])
            return FoundRoute(route, match.groupdict())
        raise NoSuchEndpointError
