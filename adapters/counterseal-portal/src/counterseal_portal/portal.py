"""Portal: the response to any request for a page, whatever is wrong with it; and all routes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import attrs

from counterseal.errors import CredentialRefused, InvalidField, RoleLacking
from counterseal.models import AdminRole, Company
from counterseal_portal import csrf
from counterseal_portal.answers import MOUNT, Answer, redirect
from counterseal_portal.assets import CACHING, load_assets
from counterseal_portal.audit_export import EXPORTS
from counterseal_portal.enrolment import ENROLMENT_ROUTES
from counterseal_portal.forms import read_body
from counterseal_portal.login import LOGIN_ROUTES
from counterseal_portal.navigation import navigation
from counterseal_portal.own import OWN_ROUTES
from counterseal_portal.pages.accounts import ACCOUNT_ROUTES
from counterseal_portal.pages.admin_log_ins import ADMIN_LOG_IN_ROUTES
from counterseal_portal.pages.admins import ADMIN_ROUTES
from counterseal_portal.pages.app_spaces import APP_SPACE_ROUTES
from counterseal_portal.pages.audit import AUDIT_ROUTES
from counterseal_portal.pages.audit_chain import AUDIT_CHAIN_ROUTES
from counterseal_portal.pages.callbacks import CALLBACK_ROUTES
from counterseal_portal.pages.companies import COMPANY_ROUTES
from counterseal_portal.pages.invitations import INVITATION_ROUTES
from counterseal_portal.pages.login_tests import LOGIN_TEST_ROUTES
from counterseal_portal.pages.mailed_links import MAILED_LINK_ROUTES, PUBLIC_ROUTES
from counterseal_portal.pages.notifications import NOTIFICATION_ROUTES
from counterseal_portal.pages.origin_clients import ORIGIN_CLIENT_ROUTES
from counterseal_portal.pages.origin_events import ORIGIN_EVENT_ROUTES
from counterseal_portal.pages.origin_secrets import ORIGIN_SECRET_ROUTES
from counterseal_portal.pages.origins import ORIGIN_ROUTES
from counterseal_portal.pages.overview import OVERVIEW_ROUTES
from counterseal_portal.pages.policies import POLICY_ROUTES
from counterseal_portal.refusals import error_page, log_refusal
from counterseal_portal.rendering import build_environment
from counterseal_portal.routes import Route, Routes
from counterseal_portal.step_up import STEP_UP_ROUTES
from counterseal_portal.visit import Visit, Visitor, Visitors
from counterseal_web import Request, Response, Service, router
from counterseal_web.bodies import require_media_type, take_body
from counterseal_web.messages import FORM
from counterseal_web.problems import MethodNotAllowedError, NoSuchEndpointError
from counterseal_web.slots import WaitSlots
from counterseal_web.wsgi import read_environ, write_response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

OPERATION = "portal"
"""The operation of these requests, in metrics and logs."""

STATIC = f"{MOUNT}/static/"
LOGIN = "/login"
STEP_UP = "/step-up"
PARAMETERS = 8

DIRECTIVES: Mapping[str, str] = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "frame-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}
"""Nothing inline, nothing evaluated, nothing from elsewhere, and no frame around it."""

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in DIRECTIVES.items()),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # With `no-referrer`, browsers would send forms with `Origin: null` (Fetch, 3.2).
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Of every response."""

PAGE_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Type": "text/html; charset=utf-8",
}
"""Of every page: nothing of it stays in a cache, or in a history after a log-out."""

LOG_IN_ROUTES: tuple[Route, ...] = (
    *LOGIN_ROUTES,
    *ENROLMENT_ROUTES,
    *STEP_UP_ROUTES,
    *OWN_ROUTES,
    *PUBLIC_ROUTES,
)
"""The log-in, what concerns the person alone, and what users open: the same for every role."""

ROLE_ROUTES: tuple[Route, ...] = (
    *OVERVIEW_ROUTES,
    *ACCOUNT_ROUTES,
    *INVITATION_ROUTES,
    *MAILED_LINK_ROUTES,
    *COMPANY_ROUTES,
    *APP_SPACE_ROUTES,
    *LOGIN_TEST_ROUTES,
    *ORIGIN_ROUTES,
    *ORIGIN_SECRET_ROUTES,
    *ORIGIN_EVENT_ROUTES,
    *ORIGIN_CLIENT_ROUTES,
    *POLICY_ROUTES,
    *CALLBACK_ROUTES,
    *ADMIN_ROUTES,
    *ADMIN_LOG_IN_ROUTES,
    *AUDIT_ROUTES,
    *AUDIT_CHAIN_ROUTES,
    *NOTIFICATION_ROUTES,
)
"""Pages and acts that depend on the person's role and reach."""

ROUTES = (*LOG_IN_ROUTES, *ROLE_ROUTES)
"""Each page and each act."""


class Portal:
    """
    The pages for administrators and support staff, and a WSGI application that serves them.

    Args:
        service: The use cases, and the settings, of which `public_url` says how browsers reach it.
        visitors: Who is logged in.
        routes: Pages besides those of this package, such as those of a log-in.
    """

    def __init__(
        self, service: Service, visitors: Visitors, *, routes: Iterable[Route] = ()
    ) -> None:
        self._service = service
        self._visitors = visitors
        self.routes = Routes((*ROUTES, *routes))
        self._assets = load_assets()
        self._environment = build_environment()
        self._exports = WaitSlots(EXPORTS)

    def serves(self, path: str) -> bool:
        """Return whether *path* is the portal's or below it."""
        return path == MOUNT or path.startswith(f"{MOUNT}/")

    def respond(self, request: Request) -> Response:
        """Return the response to *request*, whose path begins with `MOUNT`; raises nothing."""
        if request.path.startswith(STATIC):
            return self._asset_response(request)
        if request.path == f"{MOUNT}/":
            return self._page_response(redirect(""), None, None)
        visitor: Visitor | None = None
        route: Route | None = None
        company: Company | None = None
        try:
            with self._service.call():
                # First, so that a page that says "not found" has the person's navigation.
                visitor = self._visitors.visitor(request)
                company = self._company_of(visitor)
                found_route = self.routes.find(request.method, request.path)
                route = found_route.endpoint
                answer = self._answer(request, found_route, visitor)
        except CredentialRefused as refusal:
            # Revoked since the log-in.
            log_refusal(refusal)
            answer = redirect(LOGIN)
        except Exception as error:  # noqa: BLE001 (the edge of the service)
            answer = error_page(error)
        try:
            return self._page_response(answer, route, visitor, company)
        except Exception as error:  # noqa: BLE001 (a template failed)
            return self._page_response(error_page(error), None, None)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request; the host moves `MOUNT` from `PATH_INFO` to `SCRIPT_NAME`."""
        request = read_environ(environ)
        response = self.respond(attrs.evolve(request, path=MOUNT + request.path))
        return write_response(response, request.method, start_response)

    def _company_of(self, visitor: Visitor | None) -> Company | None:
        """Return the one company that *visitor* administers; None for everybody else."""
        admin = None if visitor is None else visitor.admin
        if admin is None or admin.role is not AdminRole.COMPANY or admin.company is None:
            return None
        return self._service.administration(by=admin).get(admin.company, Company)

    def _answer(
        self, request: Request, found_route: router.Route[Route], visitor: Visitor | None
    ) -> Answer:
        route = found_route.endpoint
        posted = route.method == "POST"
        if posted:
            csrf.require_same_origin(request, self._service.settings.public_url)
        if visitor is None and not route.public:
            return redirect(LOGIN) if posted else redirect(LOGIN, next=_address(request))
        if visitor is not None and not route.is_for(visitor.admin):
            raise RoleLacking
        query = _read_query(request.query, route)
        body: dict[str, tuple[str, ...]] = {}
        if posted:
            body = self._read_form(request, route)
            token = body.pop(csrf.FIELD, ("",))
            if visitor is not None:
                csrf.require_token(visitor, token[0] if len(token) == 1 else "")
        if route.stepped_up and visitor is not None and not visitor.stepped_up:
            path = _fill(route.confirmed_at, found_route.names)
            back = f"{MOUNT}{path}" if path else _address(request)
            return redirect(STEP_UP, next=back, title=f"{route.stepped_up}?")
        return route.handler(
            Visit(
                service=self._service,
                request=request,
                route=route,
                names=found_route.names,
                query=query,
                body=body,
                visitor=visitor,
                questions=self.routes.questions,
                exports=self._exports,
            )
        )

    def _read_form(self, request: Request, route: Route) -> dict[str, tuple[str, ...]]:
        require_media_type(request, FORM)
        body = read_body(take_body(request, self._service.settings.body_limit))
        for name in body:
            if name not in route.fields and name != csrf.FIELD:
                raise InvalidField(name, "the form has no such field")
        return body

    def _page_response(
        self,
        answer: Answer,
        route: Route | None,
        visitor: Visitor | None,
        company: Company | None = None,
    ) -> Response:
        headers = {**HEADERS, **PAGE_HEADERS}
        body = b""
        if answer.template:
            template = self._environment.get_template(answer.template)
            context = {
                "visitor": visitor,
                "navigation": navigation(visitor, route, company),
                "csrf_field": csrf.FIELD,
                "csrf_token": "" if visitor is None else visitor.csrf_token,
            }
            body = template.render({**context, **answer.context}).encode(errors="replace")
        else:
            del headers["Content-Type"]
        if answer.stream is None:
            headers["Content-Length"] = str(len(body))
        return Response(
            status=int(answer.status),
            headers=(*headers.items(), *answer.headers),
            body=body,
            stream=answer.stream,
            operation=OPERATION,
        )

    def _asset_response(self, request: Request) -> Response:
        if request.method not in {"GET", "HEAD"}:
            error = MethodNotAllowedError(("GET", "HEAD"))
            return self._page_response(error_page(error), None, None)
        asset = self._assets.get(request.path.removeprefix(STATIC))
        if asset is None:
            return self._page_response(error_page(NoSuchEndpointError()), None, None)
        headers = {**HEADERS, **CACHING, "ETag": asset.etag}
        if asset.is_known(request.headers.get("if-none-match", "")):
            return Response(
                status=int(HTTPStatus.NOT_MODIFIED),
                headers=tuple(headers.items()),
                operation=OPERATION,
            )
        headers |= {"Content-Type": asset.media_type, "Content-Length": str(len(asset.body))}
        return Response(
            status=int(HTTPStatus.OK),
            headers=tuple(headers.items()),
            body=asset.body,
            operation=OPERATION,
        )


def _address(request: Request) -> str:
    query = request.query.decode("ascii", errors="ignore")
    return f"{request.path}?{query}" if query else request.path


def _fill(path: str, names: Mapping[str, str]) -> str:
    return router.NAME.sub(lambda match: names[match[1]], path)


def _read_query(query: bytes, route: Route) -> dict[str, str]:
    parameters: dict[str, str] = {}
    try:
        pairs = parse_qsl(
            query.decode(), keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS
        )
    except ValueError:
        raise InvalidField("address", "not UTF-8, or too many parameters") from None
    for name, value in pairs:
        if name not in route.query or name in parameters:
            raise InvalidField("address", "a parameter that this page does not have, or twice")
        parameters[name] = value
    return parameters
