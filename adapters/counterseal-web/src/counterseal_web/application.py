"""Application: the response to any request, whatever is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import attrs

from counterseal_web.admin import ADMIN_API
from counterseal_web.admission import admit
from counterseal_web.calls import read_call
from counterseal_web.description import DESCRIPTION
from counterseal_web.devices import DEVICE_API
from counterseal_web.inputs import Inputs
from counterseal_web.messages import Reply, Request, Response
from counterseal_web.operations import Audience, Operation
from counterseal_web.origins import ORIGIN_API
from counterseal_web.pending import EventStream, LongPoll
from counterseal_web.problems import (
    MethodNotAllowedError,
    NoSuchEndpointError,
    RefusedRequestError,
    reply_to,
)
from counterseal_web.router import Route, Router
from counterseal_web.service import Service
from counterseal_web.settings import Settings

PREFIXES = ("", "/api")
"""Clients of the Privakey CX service use both."""


Pending = LongPoll | EventStream
"""A call that waits."""


class Application:
    """
    The HTTP API: a response to each request.

    Args:
        service: The use cases, and the settings; they say whether administrators are served.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._router = Router(
            (operation.method, prefix + operation.path, Inputs.of(operation))
            for prefix, operation in served(service.settings)
        )

    def respond(self, request: Request) -> Response:
        """Return the response to *request*; blocks while a call waits, and raises nothing."""
        return respond(self._service, request, self._find(request))

    def begin(self, request: Request) -> Response | Pending:
        """
        Return the response to *request*, or what its call waits for; raises nothing.

        For a face that waits in an event loop: what it returns instead of a response is waited
        for by a driver of `counterseal_web.waiting`, and an error of that is for `problem`.
        """
        return begin(self._service, request, self._find(request))

    def problem(self, error: Exception, pending: Pending) -> Response:
        """Return what the outside may know of *error*, which ended the wait for *pending*."""
        reply = reply_to(error, self._service.settings)
        return reply.response(pending.operation, pending.headers)

    def find_operation(self, request: Request) -> str | None:
        """Return the id of the operation that *request* names; None if there is none."""
        try:
            return self._find(request)().endpoint.operation.id
        except RefusedRequestError:
            return None

    def _find(self, request: Request) -> Callable[[], Route[Inputs]]:
        return partial(self._router.find, request.method, request.path)


def served(settings: Settings) -> Iterator[tuple[str, Operation]]:
    """Return every operation that *settings* want, with each prefix under which it is served."""
    for operation in (*ORIGIN_API, DESCRIPTION):
        for prefix in PREFIXES:
            yield prefix, operation
    for operation in DEVICE_API:
        yield "", operation
    if settings.administration:
        for operation in ADMIN_API:
            yield "", operation


def respond(service: Service, request: Request, find: Callable[[], Route[Inputs]]) -> Response:
    """
    Return the response to *request*; blocks while a call waits, and raises nothing.

    Args:
        service: The use cases, and the settings.
        request: As it was received.
        find: Returns the operation that the request names, or raises `NoSuchEndpointError` or
            `MethodNotAllowedError`; for a framework that has a router of its own.
    """
    pending = begin(service, request, find)
    if isinstance(pending, Response):
        return pending
    try:
        return service.waiters.respond(pending)
    except Exception as error:  # noqa: BLE001 (the edge of the service)
        return reply_to(error, service.settings).response(pending.operation, pending.headers)


def begin(
    service: Service, request: Request, find: Callable[[], Route[Inputs]]
) -> Response | Pending:
    """
    Return the response to *request*, or what its call waits for; raises nothing.

    Args:
        service: The use cases, and the settings.
        request: As it was received.
        find: As for `respond`.
    """
    route: Route[Inputs] | None = None
    try:
        # A proxy that guards a path, and a client that signs it, mean exactly that path.
        if request.path.startswith("//"):
            raise NoSuchEndpointError  # noqa: TRY301 (one place makes problems)
        route = find()
        with service.call():
            reply = _handle(service, request, route)
    except MethodNotAllowedError as error:
        operations = [inputs.operation for inputs in error.endpoints]
        preflight = service.cors.preflight(request, operations)
        if preflight is not None:
            return preflight
        reply = error.reply()
    except Exception as error:  # noqa: BLE001 (the edge of the service)
        reply = reply_to(error, service.settings)
    if route is None:
        return reply.response() if isinstance(reply, Reply) else reply
    operation = route.endpoint.operation
    cors = service.cors.headers(request, operation)
    if isinstance(reply, Reply):
        return reply.response(operation.id, cors)
    return attrs.evolve(reply, operation=operation.id, headers=cors)


def _handle(service: Service, request: Request, route: Route[Inputs]) -> Reply | Pending:
    inputs, operation = route.endpoint, route.endpoint.operation
    call = read_call(request, operation, route.names, service.settings)
    if operation.audience is Audience.ORIGIN:
        party = admit(call, operation.audience, service.authentication.authenticate)
        return operation.handler(service, inputs.read(call), party)
    if operation.audience is Audience.ADMIN:
        admin = admit(call, operation.audience, service.authentication.authenticate_admin)
        return operation.handler(service, inputs.read(call), admin)
    return operation.handler(service, inputs.read(call))
