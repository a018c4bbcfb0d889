"""
Faces: what the service serves beside its HTTP API, each by a package of its own.

A face is served if its setting says so. Its package is an extra, so it loads when it is built.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Protocol
from urllib.parse import urlsplit

import attrs

from counterseal.errors import InvalidField
from counterseal.models.passkeys import origin_of
from counterseal_server.extras import require_extra
from counterseal_server.settings import Settings
from counterseal_web import Request, Response, Service


class Face(Protocol):
    """What responds to requests for some paths."""

    def serves(self, path: str) -> bool:
        """Return whether *path* is one of them."""

    def respond(self, request: Request) -> Response:
        """Return the response to a request for one of them."""


@attrs.frozen(kw_only=True)
class FaceKind:
    """
    A face that the service can have.

    Attributes:
        setting: The setting that serves it.
        modules: What it needs of an extra; the first one has the face.
        build: Makes the face of that module.
        demand: Refuses settings with which it cannot work, by InvalidField.
        pages: The operation of requests for its pages and files, in metrics and logs; empty where
            the face names the operations itself.
    """

    setting: str
    modules: tuple[str, ...]
    build: Callable[[ModuleType, Settings, Service], Face]
    demand: Callable[[Settings], None] = lambda _: None
    pages: str = ""

    def require(self, settings: Settings) -> ModuleType | None:
        """
        Return the module of the face; None if it is not served.

        Raises:
            InvalidField: It cannot work with *settings*, or its extra is not installed.
        """
        if not getattr(settings, self.setting):
            return None
        module = require_extra(self.setting, *self.modules)
        self.demand(settings)
        return module


@attrs.frozen
class ServedFace:
    """
    A face that is served.

    Attributes:
        face: The face.
        kind: Its kind.
    """

    face: Face
    kind: FaceKind

    @property
    def operations(self) -> Iterable[str]:
        """Return the operations of its requests, in metrics and logs."""
        names: Iterable[str] = (self.kind.pages,) if self.kind.pages else self.face.operations  # type: ignore[attr-defined]
        return names


def _demand_host(settings: Settings) -> None:
    if not origin_of(settings.public_url):
        problem = "browsers have no passkeys there: the portal needs https, or http://localhost"
        raise InvalidField("public_url", problem)
    if urlsplit(settings.public_url).path:
        # Its pages, and its cookies in development, name /portal of the whole host.
        raise InvalidField("public_url", "the portal needs a host of its own, without a path")


def _demand_no_arguments(settings: Settings) -> None:
    # The protocol never presents them.
    if settings.policy.arguments_required:
        raise InvalidField("aap", "needs arguments_required = false in the policy")


PORTAL = FaceKind(
    setting="portal",
    modules=("counterseal_portal", "counterseal_webauthn"),
    demand=_demand_host,
    build=lambda module, _, service: module.Portal(service, module.SessionVisitors(service)),
    pages="portal",
)
"""Pages for administrators and support staff."""

FACES = (
    FaceKind(
        setting="browser_device",
        modules=("counterseal_pwa",),
        build=lambda module, settings, _: module.Pages(documents=settings.browser_device_documents),
        pages="app",
    ),
    PORTAL,
    FaceKind(
        setting="ciba",
        modules=("counterseal_ciba",),
        build=lambda module, _, service: module.Backchannel(service),
    ),
    FaceKind(
        setting="keycloak",
        modules=("counterseal_keycloak",),
        build=lambda module, _, service: module.Channel(service),
    ),
    FaceKind(
        setting="aap",
        modules=("counterseal_aap",),
        demand=_demand_no_arguments,
        build=lambda module, _, service: module.ApprovalProvider(service),
    ),
)
"""Every face; a request is for the first one that serves its path."""

PAGES = frozenset(kind.pages for kind in FACES if kind.pages)
"""The operations of requests for pages and files."""


def require_faces(settings: Settings) -> None:
    """
    Refuse settings with which a face that they serve cannot work.

    Raises:
        InvalidField: An extra is not installed, browsers have no passkeys at `public_url` of the
            portal, or that has a path; or the policy demands arguments, which AAP never presents.
    """
    for kind in FACES:
        kind.require(settings)


def build_faces(settings: Settings, service: Service) -> tuple[ServedFace, ...]:
    """
    Return the faces that *settings* serve.

    Raises:
        InvalidField: As `require_faces`.
    """
    modules = [(kind, kind.require(settings)) for kind in FACES]
    return tuple(
        ServedFace(kind.build(module, settings, service), kind)
        for kind, module in modules
        if module is not None
    )
