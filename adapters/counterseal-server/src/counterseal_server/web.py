"""The application: the blueprints, and what operators ask of it."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from counterseal_flask import Service, admin_blueprint, device_blueprint, service_blueprint
from counterseal_flask import Settings as Face
from counterseal_server.gateway import STARTED, Gateway, Pools, Refusal
from counterseal_server.house import House
from counterseal_server.logs import NO_REQUEST, request_id
from counterseal_server.metrics import CONTENT_TYPE, Metrics
from counterseal_server.readiness import Readiness
from counterseal_server.receiving import BUSY, REFUSED, SLOW, Receiving
from counterseal_server.thread_pool import Exhaustion, ThreadPool
from counterseal_web.admin import ADMIN_API
from counterseal_web.devices import DEVICE_API
from counterseal_web.openapi import DESCRIPTION, statuses
from counterseal_web.origins import ORIGIN_API
from counterseal_web.problems import problem

REQUEST_ID = "X-Request-Id"
GIVEN_ID = "HTTP_X_REQUEST_ID"
"""Where WSGI has it, if the client gives one."""

ID_BYTES = 12
OPERATORS = frozenset({"healthz", "readyz", "metrics"})
"""Asked every few seconds, by machines."""

NOWHERE = "none"
"""What requests to no endpoint are counted and logged as."""

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
"""What any request may be answered with."""

REFUSAL_HEADERS = {BUSY: {"Retry-After": "1"}, SLOW: {"Connection": "close"}}

_FIT_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_FIT_METHOD = re.compile(r"[A-Za-z]{1,20}")
"""All of IANA's registered methods, but for those with a hyphen."""

log = logging.getLogger("counterseal_server.access")


def build_gateway(
    house: House, service: Service, metrics: Metrics, begun: Callable[[], None]
) -> Gateway:
    """
    Put the application together as a server gets it: with bodies received, in threads.

    Args:
        house: The ports and settings.
        service: The use cases behind the blueprints.
        metrics: Where requests are counted.
        begun: Called in the server's thread once its loop runs, before it serves.
    """
    settings = house.settings
    receiving = Receiving(settings.bodies, settings.body_deadline, service.settings.body_limit)

    def pool(name: str, count: int = 1, waiting: int = settings.bodies) -> ThreadPool:
        return ThreadPool(name, count, waiting)

    pools = Pools(
        requests=pool("request", settings.threads),
        # One sender's refusals are as many as its connections, and not all of them.
        refusals=pool("refusal", waiting=settings.connections),
        reserved={f"/{operation}": pool(operation) for operation in sorted(OPERATORS)},
    )
    exhaustions = {"bodies": receiving.exhaustion, "threads": pools.requests.exhaustion}
    metrics.observe_use({name: one.used for name, one in exhaustions.items()})
    app = application(house, service, metrics, exhaustions)
    return Gateway(app.wsgi_app, receiving, pools, partial(refuse, metrics), begun)


def refuse(metrics: Metrics, seconds: float) -> Refusal:
    """
    Count a request that no thread takes, and return the reply to it: too many wait already.

    No line is logged: this is called in the server's thread when it has most to do.

    Args:
        metrics: Where requests are counted.
        seconds: How long it has taken.
    """
    metrics.answered(NOWHERE, int(HTTPStatus.SERVICE_UNAVAILABLE), seconds)
    reply = problem(BUSY, headers=REFUSAL_HEADERS[BUSY])
    body = reply.body()
    kind = {"Content-Type": reply.media_type, "Content-Length": str(len(body))}
    return Refusal(int(reply.status), {**reply.headers, **kind}, body)


def application(
    house: House,
    service: Service,
    metrics: Metrics,
    exhaustions: Mapping[str, Exhaustion] | None = None,
) -> Flask:
    """
    Put the application together, for a server that has received the bodies.

    The access log and the metrics time a request from the moment at which its head came, so with
    the time that its body took and that it waited for a thread; a server says that moment by
    `counterseal_server.gateway.STARTED`. Without it they begin with the application.

    Args:
        house: The ports and settings.
        service: The use cases behind the blueprints.
        metrics: Where requests are counted.
        exhaustions: By name, of what no request can do without.
    """
    app = Flask(__name__, static_folder=None)
    app.url_map.merge_slashes = False  # else a path with two slashes is answered by a redirect
    _observe(app, house, metrics)
    app.register_blueprint(service_blueprint(service))
    app.register_blueprint(device_blueprint(service))
    if house.settings.administration:
        app.register_blueprint(admin_blueprint(service))
    _operate(app, house, metrics, Readiness(house, exhaustions or {}))
    _expect(app, metrics)
    return app


def use_cases(house: House) -> Service:
    """Return the use cases as the settings have them."""
    settings = house.settings
    face = Face(
        public_url=settings.public_url,
        administration=settings.administration,
        waiters=settings.waiters,
    )
    return Service(house.ports, house.policy, face, call=house.records.call)


def _observe(app: Flask, house: House, metrics: Metrics) -> None:
    @app.before_request
    def begin() -> Response | None:
        environ = request.environ
        environ.setdefault(STARTED, time.perf_counter())
        given = environ.get(GIVEN_ID, "")
        fits = _FIT_ID.fullmatch(given)
        request_id.set(given if fits else house.ports.entropy.token(ID_BYTES).hex())
        word = environ.get(REFUSED)
        if word is not None:
            return _not_received(word)
        return _problem("no_such_endpoint") if environ["PATH_INFO"].startswith("//") else None

    @app.after_request
    def end(response: Response) -> Response:
        seconds = time.perf_counter() - request.environ[STARTED]
        # Never the path as it was sent: somebody may have put a secret into it.
        operation = _operation(request.endpoint)
        status = response.status_code
        metrics.answered(operation, status, seconds)
        level = logging.DEBUG if operation in OPERATORS else logging.INFO
        method = _method(request.method)
        log.log(level, "%s %s %d %.1f ms", method, operation, status, 1_000 * seconds)
        response.headers.add(REQUEST_ID, request_id.get())
        return response

    @app.teardown_request
    def forget(_: BaseException | None) -> None:
        request_id.set(NO_REQUEST)


def _expect(app: Flask, metrics: Metrics) -> None:
    """Tell *metrics* of every endpoint, and of what the description says that it may answer."""
    described = {
        operation.id: statuses(operation)
        for operation in (*ORIGIN_API, *DEVICE_API, *ADMIN_API, DESCRIPTION)
    }
    for endpoint in sorted({NOWHERE, *map(_operation, app.view_functions)}):
        metrics.expect(endpoint, described.get(endpoint, frozenset()) | ANY_STATUS)


def _operation(endpoint: str | None) -> str:
    """Return the name under which requests to *endpoint* are counted and logged."""
    return (endpoint or NOWHERE).rpartition(".")[2]


def _not_received(word: str) -> Response:
    return _problem(word, REFUSAL_HEADERS.get(word))


def _problem(word: str, headers: dict[str, str] | None = None) -> Response:
    told = problem(word, headers=headers)
    return Response(told.body(), int(told.status), dict(told.headers), content_type=told.media_type)


def _method(sent: str) -> str:
    return sent if _FIT_METHOD.fullmatch(sent) else "?"


def _operate(app: Flask, house: House, metrics: Metrics, readiness: Readiness) -> None:
    @app.errorhandler(HTTPException)
    def nowhere(error: HTTPException) -> Response:
        # What is under no blueprint: a browser's page would be no answer to a program.
        if isinstance(error, MethodNotAllowed):
            allow = {"Allow": ", ".join(sorted(error.valid_methods or ()))}
            return _problem("method_not_allowed", allow)
        return _problem("no_such_endpoint" if isinstance(error, NotFound) else "bad_request")

    @app.get("/healthz")
    def healthz() -> Any:
        return jsonify(status="alive")

    @app.get("/readyz")
    def readyz() -> Any:
        failing = readiness.failing()
        if failing:
            return jsonify(status="unready", failing=failing), HTTPStatus.SERVICE_UNAVAILABLE
        return jsonify(status="ready")

    if house.settings.metrics:

        @app.get("/metrics", endpoint="metrics")
        def counts() -> Response:
            return Response(metrics.text(), content_type=CONTENT_TYPE)
