"""Blueprints: Flask's routes for operations, and an answer to everything else under them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from http import HTTPMethod
from typing import TYPE_CHECKING, Any, NoReturn

import flask
from flask import Blueprint, current_app
from flask.sansio.blueprints import BlueprintSetupState
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

import counterseal as cs
from counterseal.models import replace
from counterseal_web import MOUNT, BrowserPages, Service, Settings
from counterseal_web.admin import ADMIN_API
from counterseal_web.application import PREFIXES, respond
from counterseal_web.description import DESCRIPTION
from counterseal_web.devices import DEVICE_API
from counterseal_web.inputs import Inputs
from counterseal_web.messages import Request, Response
from counterseal_web.operations import Operation
from counterseal_web.origins import ORIGIN_API
from counterseal_web.problems import (
    BodyTooLargeError,
    BrokenBodyError,
    MethodNotAllowedError,
    NoSuchEndpointError,
)
from counterseal_web.router import NAME, Route
from counterseal_web.wsgi import read_environ

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

UNMATCHED = "unmatched"
STREAM = "counterseal.stream"
"""In `environ`, the response of a request that is answered with an event stream."""

OWN_PATHS = frozenset({"account", "admin/api", "device", "request"})
"""Paths that are wholly ours: what is under them, and no operation, is answered too."""


PREFIXES_OF_APP = "counterseal.prefixes"
"""In `Flask.extensions`, the prefix under which each blueprint is registered, by its name."""


def create_blueprints(ports: cs.Ports, policy: cs.Policy, settings: Settings) -> list[Blueprint]:
    """
    Return the blueprints that the settings want; give all the same `url_prefix`, or none.

    With a `url_prefix`, it is the end of `public_url`.

    Args:
        ports: The adapters.
        policy: What the service allows.
        settings: How it is reached.
    """
    return blueprints_of(Service(ports, policy, settings))


def blueprints_of(service: Service) -> list[Blueprint]:
    """Return the blueprints that the settings of *service* want, as `create_blueprints` does."""
    blueprints = [service_blueprint(service), device_blueprint(service)]
    administration = service.settings.administration
    return [*blueprints, admin_blueprint(service)] if administration else blueprints


def service_blueprint(service: Service, *, name: str = "counterseal_service") -> Blueprint:
    """Return what origins call, with and without `/api`."""
    return _blueprint(service, name, (*ORIGIN_API, DESCRIPTION), PREFIXES)


def device_blueprint(service: Service, *, name: str = "counterseal_device") -> Blueprint:
    """Return what devices call, and the service's public keys."""
    return _blueprint(service, name, DEVICE_API, ("",))


def admin_blueprint(service: Service, *, name: str = "counterseal_admin") -> Blueprint:
    """Return what administrators call; described where the settings say `administration`."""
    return _blueprint(service, name, ADMIN_API, ("",))


def _blueprint(
    service: Service, name: str, operations: Iterable[Operation], prefixes: tuple[str, ...]
) -> Blueprint:
    blueprint = Blueprint(name, __name__)
    closed_rules: set[str] = set()
    for operation in operations:
        view = _View(service, operation)
        rule = NAME.sub(r"<\1>", operation.path)
        for prefix in prefixes:
            blueprint.add_url_rule(
                prefix + rule,
                endpoint=operation.id,
                view_func=view,
                methods=[operation.method],
                provide_automatic_options=False,
                # A redirect to another path is no answer to a client that signs its path.
                merge_slashes=False,
            )
            closed_rules |= {prefix + rule, *_rules_around(prefix, operation)}
    blueprint.record(_note_prefix)
    blueprint.record(_closing(service, sorted(closed_rules)))
    blueprint.teardown_request(_close_unsent)
    return blueprint


def pages_blueprint(pages: BrowserPages, *, name: str = "counterseal_pages") -> Blueprint:
    """
    Return the device in the browser, at `/app`.

    Args:
        pages: What responds, `counterseal_pwa.Pages`.
        name: The blueprint's.
    """
    blueprint = Blueprint(name, __name__)
    blueprint.record(_note_prefix)

    def respond_with_page(**_: str) -> flask.Response:
        return _response(pages.respond(_request()))

    for rule in (MOUNT, f"{MOUNT}/", f"{MOUNT}/<path:rest>"):
        blueprint.add_url_rule(
            rule,
            endpoint="file",
            view_func=respond_with_page,
            # What is not served is refused by the pages, too.
            methods=[method.value for method in HTTPMethod],
            provide_automatic_options=False,
            merge_slashes=False,
        )
    return blueprint


def _note_prefix(state: BlueprintSetupState) -> None:
    prefixes = state.app.extensions.setdefault(PREFIXES_OF_APP, {})
    prefixes[f"{state.name_prefix}.{state.name}".lstrip(".")] = state.url_prefix or ""


def _rules_around(prefix: str, operation: Operation) -> set[str]:
    """Return the rules under which nobody but us has to answer, whatever the method."""
    rules: set[str] = set()
    for own_path in OWN_PATHS:
        if f"{operation.path}/".startswith(f"/{own_path}/"):
            inside = f"{prefix}/{own_path}/"
            rules |= {inside, f"{inside}<path:rest>", f"{inside}/", f"{inside}/<path:rest>"}
    return rules


class _View:
    """
    What Flask calls for one operation.

    Attributes:
        inputs: What the operation takes.
    """

    def __init__(self, service: Service, operation: Operation) -> None:
        self._service = service
        self.inputs = Inputs.of(operation)

    def __call__(self, **names: str) -> flask.Response:
        """Answer one request."""
        return _response(respond(self._service, _request(), lambda: Route(self.inputs, names)))


def _closing(service: Service, rules: list[str]) -> Callable[[BlueprintSetupState], None]:
    """Answer what matches *rules* and no operation, so that the host's handlers need not."""

    def close(state: BlueprintSetupState) -> None:
        endpoint = f"{state.name_prefix}.{state.name}.{UNMATCHED}".lstrip(".")
        for rule in rules:
            # Flask's own way always names methods, and a 405 would be the host's.
            path = (state.url_prefix or "") + rule
            state.app.url_map.add(
                state.app.url_rule_class(path, endpoint=endpoint, merge_slashes=False)
            )
        state.app.view_functions[endpoint] = unmatched

    def unmatched(**_: Any) -> flask.Response:
        return _response(respond(service, _request(), _refuse))

    return close


def _refuse() -> NoReturn:
    """
    Refuse a request that names no operation.

    Raises:
        MethodNotAllowedError: With another method it names something, of ours or of the host's.
        NoSuchEndpointError: It does with none.
    """
    adapter = current_app.create_url_adapter(flask.request)
    if adapter is None:
        raise NoSuchEndpointError
    allowed, endpoints = [], []
    for method in HTTPMethod:
        try:
            endpoint, _ = adapter.match(method=method)
        except HTTPException:
            continue
        if not endpoint.endswith(f".{UNMATCHED}"):
            allowed.append(str(method))
            view = current_app.view_functions[endpoint]
            if isinstance(view, _View):
                endpoints.append(view.inputs)
    if allowed:
        raise MethodNotAllowedError(allowed, endpoints)
    raise NoSuchEndpointError


def _request() -> Request:
    # Once, and not at each of its attributes.
    request = flask.request._get_current_object()  # type: ignore[attr-defined] # noqa: SLF001
    seen_request = read_environ(request.environ, partial(_read_body, request))
    prefix = current_app.extensions[PREFIXES_OF_APP].get(request.blueprint, "")
    if not prefix or not seen_request.path.startswith(f"{prefix}/"):
        return seen_request
    return replace(seen_request, path=seen_request.path.removeprefix(prefix))


def _read_body(request: flask.Request, limit: int) -> bytes:
    # Werkzeug cuts a body of unknown length off at its maximum without a word.
    request.max_content_length = limit
    try:
        return request.get_data(cache=True)
    except RequestEntityTooLarge:
        raise BodyTooLargeError from None
    except HTTPException:
        raise BrokenBodyError from None


def _close_unsent(error: BaseException | None) -> None:
    """Close the stream of a request that the host has failed to finish."""
    stream = flask.request.environ.pop(STREAM, None)
    if stream is not None and error is not None:
        stream.close()


class _FinishedResponse(flask.Response):
    """A response whose headers are complete: Werkzeug would look for what to add, in vain."""

    default_mimetype = None

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:  # noqa: ARG002
        """Return them as they are."""
        return self.headers


class _StreamResponse(_FinishedResponse):
    """A response in pieces, which is closed also where its status cannot be sent."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Begin the response, and return its pieces."""
        try:
            return super().__call__(environ, start_response)
        except BaseException:
            self.close()
            raise


def _response(response: Response) -> flask.Response:
    headers = Headers(list(response.headers))
    if response.stream is not None:
        stream = _StreamResponse(response.stream, response.status, headers)
        flask.request.environ[STREAM] = stream
        return stream
    finished = _FinishedResponse(response.body, response.status, headers)
    if "Content-Length" not in dict(response.headers):
        del finished.headers["Content-Length"]
    return finished
