"""Blueprints: routes for operations, and an answer to everything else under them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPMethod, HTTPStatus
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, current_app, request
from flask.sansio.blueprints import BlueprintSetupState
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

import counterseal as cs
from counterseal_flask.incoming import message, respelled
from counterseal_web.admin_api import ADMIN_API
from counterseal_web.admission import NotAdmittedError, admitted, not_admitted
from counterseal_web.bodies import UnsupportedMediaTypeError
from counterseal_web.description import DESCRIPTION
from counterseal_web.device_api import DEVICE_API
from counterseal_web.inputs import Inputs
from counterseal_web.messages import Reply
from counterseal_web.operations import Audience, Operation
from counterseal_web.problems import problem, told
from counterseal_web.service import Service
from counterseal_web.service_api import SERVICE_API
from counterseal_web.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

UNMATCHED = "unmatched"
ROOMS = frozenset({"account", "admin/api", "device", "request"})
"""Paths that are wholly ours: what is under them, and no operation, is answered too."""

ALWAYS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Headers of each reply that does not say otherwise."""

PREFIXES = ("", "/api")
"""Clients of the Privakey CX service use both (privakey-wire 2)."""


def create_blueprints(ports: cs.Ports, policy: cs.Policy, settings: Settings) -> list[Blueprint]:
    """
    Return the blueprints that the settings want; give all the same `url_prefix`, or none.

    Args:
        ports: The adapters.
        policy: What the service allows.
        settings: How it is reached.
    """
    service = Service(ports, policy, settings)
    made = [service_blueprint(service), device_blueprint(service)]
    return [*made, admin_blueprint(service)] if settings.administration else made


def service_blueprint(service: Service, *, name: str = "counterseal_service") -> Blueprint:
    """Return what origins call, with and without `/api`."""
    return _blueprint(service, name, (*SERVICE_API, DESCRIPTION), PREFIXES)


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
    closed: set[str] = set()
    for operation in operations:
        view = _view(service, operation)
        for prefix in prefixes:
            blueprint.add_url_rule(
                prefix + operation.rule(),
                endpoint=operation.id,
                view_func=view,
                methods=[operation.method],
                provide_automatic_options=False,
                # A redirect to another path is no answer to a client that signs its path.
                merge_slashes=False,
            )
            closed |= _around(prefix, operation)
    blueprint.record(_closing(service, sorted(closed)))
    return blueprint


def _around(prefix: str, operation: Operation) -> set[str]:
    """Return the rules under which nobody but us has to answer, whatever the method."""
    rules = {prefix + operation.rule()}
    for room in ROOMS:
        if not f"{operation.path}/".startswith(f"/{room}/"):
            continue
        inside = f"{prefix}/{room}/"
        rules |= {inside, f"{inside}<path:rest>", f"{inside}/", f"{inside}/<path:rest>"}
    return rules


def _view(service: Service, operation: Operation) -> Callable[..., Response]:
    inputs = Inputs.of(operation)

    def view(**names: str) -> Response:
        def act() -> Reply:
            with service.call():
                return _handled(service, inputs, names)

        return _answered(service.settings, act)

    return view


def _handled(service: Service, inputs: Inputs, names: dict[str, str]) -> Reply:
    operation = inputs.operation
    # Once, and not at each of its attributes.
    received = request._get_current_object()  # type: ignore[attr-defined] # noqa: SLF001
    asked = message(received, operation, names, service.settings)
    if operation.audience is Audience.ORIGIN:
        party = admitted(asked, operation.audience, service.authentication.authenticate)
        return operation.handler(service, inputs.read(asked), party)
    if operation.audience is Audience.ADMIN:
        admin = admitted(asked, operation.audience, service.authentication.authenticate_admin)
        return operation.handler(service, inputs.read(asked), admin)
    return operation.handler(service, inputs.read(asked))


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

    def unmatched(**_: Any) -> Response:
        return _answered(service.settings, _nowhere)

    return close


def _nowhere() -> Reply:
    adapter = current_app.create_url_adapter(request)
    if adapter is None:
        return problem("no_such_endpoint")
    allowed = []
    for method in HTTPMethod:
        try:
            endpoint, _ = adapter.match(method=method)
        except HTTPException:
            continue
        if not endpoint.endswith(f".{UNMATCHED}"):
            allowed.append(str(method))
    if allowed:
        raise MethodNotAllowed(allowed)
    return problem("no_such_endpoint")


def _answered(settings: Settings, act: Callable[[], Reply]) -> Response:
    """Turn what *act* returns or raises into a response; nothing is left to the host's handlers."""
    try:
        reply = problem("no_such_endpoint") if respelled(request.environ) else act()
    except RequestEntityTooLarge:
        reply = problem("too_large")
    except MethodNotAllowed as error:
        reply = problem(
            "method_not_allowed",
            headers={"Allow": ", ".join(sorted(error.valid_methods or ()))},
        )
    except NotAdmittedError as error:
        reply = not_admitted(error.audience)
    except UnsupportedMediaTypeError as error:
        # RFC 9110, 15.5.16: the reply says what is read instead.
        reply = problem(
            "unsupported_media_type",
            headers={"Accept": ", ".join(error.accepted)},
            detail=f"Content-Type: {error.problem}",
        )
    except HTTPException:
        # A connection that broke off, say.
        reply = problem("bad_request")
    except Exception as error:  # noqa: BLE001 (the edge of the service)
        reply = told(error, settings)
    return _response(reply)


class _Written(Response):
    """A response whose headers are written: what is done to others would find nothing to do."""

    default_mimetype = None

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:  # noqa: ARG002
        """Return them as they are."""
        return self.headers


def _response(reply: Reply) -> Response:
    headers = {"Content-Type": reply.media_type, **ALWAYS, **reply.headers}
    if reply.stream is not None:
        return _Written(reply.stream, int(reply.status), Headers(list(headers.items())))
    if reply.document is None:
        del headers["Content-Type"]
    response = _Written(reply.body(), int(reply.status), Headers(list(headers.items())))
    if reply.status == HTTPStatus.NO_CONTENT:
        response.headers.remove("Content-Length")
    return response
