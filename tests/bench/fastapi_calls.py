"""
The ASGI face mounted in FastAPI beside `def` endpoints of FastAPI that call the same use cases.

Both are called in this process, eight calls at once; the CPU time is that of the whole process,
since both run the use cases in threads. Ours also checks the input, and answers every error.
"""

from __future__ import annotations

import asyncio
import gc
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

from bare import CALLS
from calls import Calls, Request
from fastapi import Body, Depends, FastAPI, Header, Query
from fastapi import Request as FastApiRequest
from measure import Cost, cost
from service import Service
from verdicts import scaled
from web import BASE

import counterseal as cs
from counterseal.bindings.documents.device import AnswerReply, OpenRequest, OpenRequests
from counterseal.challenges.documents.messages import processed_document
from counterseal.memory import memory_ports
from counterseal.models import Algorithm, DeviceCall, RelyingParty
from counterseal.wire.members import write_record
from counterseal_asgi import AsgiApplication, Settings
from counterseal_asgi import Service as UseCases
from counterseal_sql import connect, upgrade, with_sql

ROUNDS, OPERATIONS, AT_ONCE = scaled((9, 48, 8), (2, 16, 8))
WARMING = 8

AsgiCallable = Callable[[Any, Any, Any], Awaitable[None]]


async def read_body(request: FastApiRequest) -> bytes:
    """Return the body; FastAPI reads only JSON and forms itself."""
    return await request.body()


RawBody = Annotated[bytes, Depends(read_body)]
RequestGuid = Annotated[str, Query(alias="requestGuid")]
Authorization = Annotated[str, Header()]
Proof = Annotated[str, Header(alias="Counterseal-Proof")]


def own_endpoints(use_cases: UseCases) -> FastAPI:
    """Return endpoints as a FastAPI team would write them; each runs in a thread of FastAPI's."""
    app = FastAPI(openapi_url=None)

    def authenticate(method: str, path: str, authorization: str) -> RelyingParty:
        request = cs.SignedRequest(method=method, uri=BASE + path, authorization=authorization)
        return use_cases.authentication.authenticate(request)

    @app.post("/request/add", status_code=201)
    def add(document: Annotated[dict[str, Any], Body()], authorization: Authorization) -> Any:
        with use_cases.call():
            party = authenticate("POST", "/request/add", authorization)
            issued = use_cases.challenges.issue(party, cs.read_question(document))
        return processed_document(issued.challenge, now=use_cases.ports.clock.now())

    @app.get("/request/getRequest")
    def get_request(request_guid: RequestGuid, authorization: Authorization) -> Any:
        with use_cases.call():
            party = authenticate("GET", "/request/getRequest", authorization)
            challenge = use_cases.challenges.status(party, request_guid)
        return processed_document(challenge, now=use_cases.ports.clock.now())

    @app.get("/device/requests")
    def pending(proof: Proof) -> Any:
        call = DeviceCall(method="GET", uri=f"{BASE}/device/requests", body=b"", proof=proof)
        with use_cases.call():
            requests = tuple(map(OpenRequest.of, use_cases.answers.pending(call)))
        return write_record(OpenRequests(requests=requests))

    @app.post("/device/answer")
    def answer(body: RawBody, proof: Proof) -> Any:
        call = DeviceCall(method="POST", uri=f"{BASE}/device/answer", body=body, proof=proof)
        with use_cases.call():
            reply = AnswerReply.of(use_cases.answers.answer(call))
        return write_record(reply)

    return app


def mounted(use_cases: UseCases) -> FastAPI:
    """Return a FastAPI application with our face in it."""
    app = FastAPI(openapi_url=None)
    app.mount("", AsgiApplication(use_cases))
    return app


APPLICATIONS: dict[str, Callable[[UseCases], AsgiCallable]] = {
    "face": mounted,
    "def": own_endpoints,
}


async def call(app: AsgiCallable, request: Request) -> None:
    """Make one call, as an ASGI server does."""
    path, _, query = request.target.partition("?")
    messages: list[Any] = [{"type": "http.request", "body": request.body, "more_body": False}]
    statuses: list[int] = []
    headers = dict(request.headers)
    if request.body:
        headers["Content-Length"] = str(len(request.body))

    async def receive() -> Any:
        return messages.pop() if messages else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), text.encode()) for name, text in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 443),
    }
    await app(scope, receive, send)
    assert statuses == [request.status], statuses


async def call_all(app: AsgiCallable, requests: Sequence[Request]) -> None:
    """Make calls, so many at once."""

    async def work(share: Sequence[Request]) -> None:
        for request in share:
            await call(app, request)

    await asyncio.gather(*(work(requests[number::AT_ONCE]) for number in range(AT_ONCE)))


async def measure_store(calls: Calls, use_cases: UseCases) -> dict[str, tuple[Cost, Cost]]:
    """Measure each call on one store: the face, and the `def` endpoints."""
    applications = {name: make(use_cases) for name, make in APPLICATIONS.items()}
    measurements = {}
    for name in CALLS:
        spent: dict[str, list[float]] = {face: [] for face in applications}
        for _ in range(ROUNDS):
            for face in random.sample(list(applications), len(applications)):
                requests = calls.requests(name, WARMING + OPERATIONS)
                await call_all(applications[face], requests[:WARMING])
                gc.collect()
                begin = time.process_time_ns()
                await call_all(applications[face], requests[WARMING:])
                spent[face].append((time.process_time_ns() - begin) / OPERATIONS / 1000)
        measurements[name] = cost(spent["face"]), cost(spent["def"])
    return measurements


def measure() -> dict[tuple[str, str], tuple[Cost, Cost]]:
    """Measure each call on each store: the face, and the `def` endpoints."""
    measurements = {}
    with tempfile.TemporaryDirectory() as folder:
        for store in ("memory", "SQLite"):
            database = None
            ports = memory_ports()
            if store == "SQLite":
                database = connect(f"sqlite:///{Path(folder) / 'ours.db'}")
                upgrade(database)
                ports = with_sql(ports, database)
            calls = Calls.of(Service.of(Algorithm.ES256, ports), BASE)
            use_cases = UseCases(
                ports,
                calls.service.policy,
                Settings(public_url=BASE),
                call=nullcontext if database is None else database.call,
            )
            for name, costs in asyncio.run(measure_store(calls, use_cases)).items():
                measurements[store, name] = costs
            if database is not None:
                database.close()
    return measurements
