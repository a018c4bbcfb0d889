"""The application: the HTTP API, and the paths for health and metrics."""

from __future__ import annotations

import logging
import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import attrs

from counterseal_server.after_restore import RestoreWait
from counterseal_server.faces import PAGES, build_faces
from counterseal_server.gateway import STARTED, Gateway, Pools, Refusal
from counterseal_server.gateway import Application as WsgiApp
from counterseal_server.metrics import CONTENT_TYPE, Metrics
from counterseal_server.readiness import Readiness
from counterseal_server.receiving import BUSY, REFUSED, SLOW, Receiving
from counterseal_server.records import store_kind
from counterseal_server.runtime import Runtime
from counterseal_server.thread_pool import Exhaustion, ThreadPool
from counterseal_server.webpush_key import public_webpush_key
from counterseal_web import REQUEST_ID, Application, Request, Response, Service
from counterseal_web import Settings as Face
from counterseal_web.application import served
from counterseal_web.description import statuses
from counterseal_web.messages import Reply
from counterseal_web.problems import MethodNotAllowedError, problem, reply_to
from counterseal_web.wsgi import read_environ, write_response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from counterseal_server.tracing_export import Tracing  # an extra

ID_HEADER = "X-Request-Id"
CLIENT_ID = "HTTP_X_REQUEST_ID"
"""Its WSGI variable, if the client sent one."""

ID_BYTES = 12
OPERATORS = frozenset({"healthz", "readyz", "metrics"})
"""Paths that monitoring requests every few seconds."""

OPERATOR_METHODS = ("GET", "HEAD", "OPTIONS")

AFTER_RESTORE = "after_restore"
"""What fails in the reply of `/readyz` during the wait after a restore."""
RESTORED = "the service was restored, and serves after a wait"

NOWHERE = "none"
"""The operation of requests to unknown paths, in metrics and logs."""

ANY_STATUS = frozenset(
    {
        HTTPStatus.OK,
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.SERVICE_UNAVAILABLE,
    }
)
"""Statuses that any request may get."""

REFUSAL_HEADERS = {BUSY: {"Retry-After": "1"}, SLOW: {"Connection": "close"}}

_FIT_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_FIT_METHOD = re.compile(r"[A-Za-z]{1,20}")
"""All methods that IANA has registered, except those with a hyphen."""

log = logging.getLogger("counterseal_server.access")


def build_gateway(
    runtime: Runtime,
    service: Service,
    metrics: Metrics,
    begun: Callable[[], None],
    *,
    wait: RestoreWait | None = None,
    tracing: Tracing | None = None,
) -> Gateway:
    """
    Create the application for a server: it receives bodies, and runs requests in threads.

    Args:
        runtime: The ports and settings.
        service: The use cases behind the HTTP API.
        metrics: Where requests are counted.
        begun: Called in the server's thread once its loop runs, before it serves.
        wait: The wait after a restore; None if there is none.
        tracing: Traces the requests; None if nothing does.
    """
    settings = runtime.settings
    receiving = Receiving(settings.bodies, settings.body_deadline, service.settings.body_limit)

    def pool(name: str, count: int = 1, waiting: int = settings.bodies) -> ThreadPool:
        return ThreadPool(name, count, waiting)

    pools = Pools(
        requests=pool("request", settings.threads),
        # One sender can cause as many refusals as it has connections, which is not all of them.
        refusals=pool("refusal", waiting=settings.connections),
        reserved={f"/{operation}": pool(operation) for operation in sorted(OPERATORS)},
    )
    exhaustions = {"bodies": receiving.exhaustion, "threads": pools.requests.exhaustion}
    metrics.observe_use(exhaustions)
    app: WsgiApp = ServerApplication(runtime, service, metrics, exhaustions, wait)
    if tracing is not None:
        app = tracing.trace_requests(app, service)
    refusing = partial(refuse, metrics)
    return Gateway(app, receiving, pools, refusing, begun)


def refuse(metrics: Metrics, seconds: float) -> Refusal:
    """
    Count a request that cannot be queued, and return its reply.

    Nothing is logged: this runs in the server's thread when it is busiest. So the reply has no id
    of a request, which nobody could find in the log.

    Args:
        metrics: Where requests are counted.
        seconds: How long the request took.
    """
    metrics.answered(NOWHERE, int(HTTPStatus.SERVICE_UNAVAILABLE), seconds)
    response = problem(BUSY, headers=REFUSAL_HEADERS[BUSY]).response()
    return Refusal(response.status, dict(response.headers), response.body)


def use_cases(runtime: Runtime) -> Service:
    """Return the use cases with the settings of the service."""
    settings = runtime.settings
    face = Face(
        public_url=settings.public_url,
        administration=settings.administration,
        waiters=settings.waiters,
        cors=settings.cors,
        app_url=settings.app_url,
        app_origins=settings.app_origins,
        webpush_key=public_webpush_key(settings),
    )
    return Service(runtime.ports, runtime.policy, face, call=runtime.records.call)


class ServerApplication:
    """
    The WSGI application that `serve` runs, for a server that has received the bodies.

    Access log and metrics measure a request from the arrival of its headers, so the time for its
    body and the wait for a thread are included. The server passes that time in
    `counterseal_server.gateway.STARTED`; without it, the measurement begins here.

    Args:
        runtime: The ports and settings.
        service: The use cases behind the HTTP API.
        metrics: Where requests are counted.
        exhaustions: By name, of what every request needs.
        wait: The wait after a restore; until it is over, all but the paths for operators get 503.
    """

    def __init__(
        self,
        runtime: Runtime,
        service: Service,
        metrics: Metrics,
        exhaustions: Mapping[str, Exhaustion] | None = None,
        wait: RestoreWait | None = None,
    ) -> None:
        self._wait = wait
        self._entropy = runtime.ports.entropy
        self._service = service
        self._application = Application(service)
        self._faces = build_faces(runtime.settings, service)
        self._metrics = metrics
        self._readiness = Readiness(runtime, exhaustions or {})
        self._operators: dict[str, Callable[[], Reply | Response]] = {
            "healthz": self._alive,
            "readyz": self._ready,
        }
        if runtime.settings.metrics:
            self._operators["metrics"] = self._counts
        self._expect()
        metrics.describe(store_kind(runtime.settings.store))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, log it and count it."""
        started = environ.setdefault(STARTED, time.perf_counter())
        client_id = environ.get(CLIENT_ID, "")
        fits = _FIT_ID.fullmatch(client_id)
        identifier = client_id if fits else self._entropy.token(ID_BYTES).hex()
        REQUEST_ID.set(identifier)
        try:
            request = read_environ(environ)
            response = self._respond(request, environ.get(REFUSED))
            self._record(request.method, response, time.perf_counter() - started)
            if response.stream is not None:
                stream = IdentifiedStream(response.stream, identifier)
                response = attrs.evolve(response, stream=stream)
            headers = ((ID_HEADER, identifier),)
            return write_response(response, request.method, start_response, headers)
        finally:
            REQUEST_ID.set(None)

    def _respond(self, request: Request, refusal: str | None) -> Response:
        operator = request.path.removeprefix("/")
        answer = self._operators.get(operator) if request.path.startswith("/") else None
        if refusal is not None:
            operation = self._application.find_operation(request) if answer is None else operator
            return problem(refusal, headers=REFUSAL_HEADERS.get(refusal)).response(operation)
        if answer is None and self._wait is not None:
            refused = self._refuse_while_waiting(request)
            if refused is not None:
                return refused
        if answer is None:
            for served_face in self._faces:
                if served_face.face.serves(request.path):
                    return served_face.face.respond(request)
            return self._application.respond(request)
        try:
            reply = _operate(request.method, answer)
        except Exception as error:  # noqa: BLE001 (the edge of the service)
            reply = reply_to(error, self._service.settings)
        return reply if isinstance(reply, Response) else reply.response(operator)

    def _refuse_while_waiting(self, request: Request) -> Response | None:
        remaining = self._remaining()
        if not remaining:
            self._wait = None
            return None
        headers = {"Retry-After": str(math.ceil(remaining.total_seconds()))}
        operation = self._application.find_operation(request)
        return problem(BUSY, headers=headers, detail=RESTORED).response(operation)

    def _remaining(self) -> timedelta:
        wait = self._wait  # another thread may end it
        return timedelta(0) if wait is None else wait.remaining()

    def _record(self, method: str, response: Response, seconds: float) -> None:
        # Never the path as it was sent, which may contain a secret.
        operation = response.operation or NOWHERE
        self._metrics.answered(operation, response.status, seconds)
        # A page of the app comes with some fifty files, and one of the portal with a few.
        quiet = operation in OPERATORS or (
            operation in PAGES and response.status < HTTPStatus.BAD_REQUEST
        )
        level = logging.DEBUG if quiet else logging.INFO
        logged_method = method if _FIT_METHOD.fullmatch(method) else "?"
        log.log(
            level, "%s %s %d %.1f ms", logged_method, operation, response.status, 1_000 * seconds
        )

    def _expect(self) -> None:
        """Set the metrics of every operation to zero, for the statuses that OpenAPI lists."""
        described = {
            operation.id: statuses(operation) for _, operation in served(self._service.settings)
        }
        of_faces = {name for served_face in self._faces for name in served_face.operations}
        for operation in sorted({NOWHERE, *of_faces, *self._operators, *described}):
            self._metrics.expect(operation, described.get(operation, frozenset()) | ANY_STATUS)

    def _alive(self) -> Reply:
        return Reply(document={"status": "alive"})

    def _ready(self) -> Reply:
        failing = [AFTER_RESTORE] if self._remaining() else self._readiness.failing()
        if failing:
            document = {"status": "unready", "failing": failing}
            return Reply(status=HTTPStatus.SERVICE_UNAVAILABLE, document=document)
        return Reply(document={"status": "ready"})

    def _counts(self) -> Response:
        text = self._metrics.text()
        headers = (("Content-Type", CONTENT_TYPE), ("Content-Length", str(len(text))))
        return Response(status=HTTPStatus.OK, headers=headers, body=text, operation="metrics")


class IdentifiedStream:
    """
    The body of a response in pieces; each is made under the id of its request.

    Args:
        pieces: The body.
        identifier: The id of the request.
    """

    def __init__(self, pieces: Iterable[bytes], identifier: str) -> None:
        self._pieces = pieces
        self._identifier = identifier

    def __iter__(self) -> Iterator[bytes]:
        pieces = iter(self._pieces)
        while True:
            # Not around `yield`: this thread may serve others between two pieces.
            token = REQUEST_ID.set(self._identifier)
            try:
                piece = next(pieces)
            except StopIteration:
                return
            finally:
                REQUEST_ID.reset(token)
            yield piece

    def close(self) -> None:
        """Close the body."""
        close: Callable[[], None] = getattr(self._pieces, "close", lambda: None)
        close()


def _operate(method: str, answer: Callable[[], Reply | Response]) -> Reply | Response:
    """
    Return the reply on a path for operators.

    Raises:
        MethodNotAllowedError: The path has other methods.
    """
    if method == "OPTIONS":
        return Reply(headers={"Allow": ", ".join(OPERATOR_METHODS)})
    if method not in OPERATOR_METHODS:
        raise MethodNotAllowedError(OPERATOR_METHODS)
    return answer()
