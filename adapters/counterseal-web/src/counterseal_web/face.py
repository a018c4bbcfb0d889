"""
Face: the calls of another protocol beside the HTTP API, and the reply to each request for them.

    class Greetings(Face):
        def __init__(self, service):
            super().__init__(service, [Endpoint("greet", "GET", "/greetings/{name}", self._greet)])

        def _greet(self, call):
            return Reply(document={"hello": call.names["name"]})
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import attrs

from counterseal.models import Challenge
from counterseal_web.bodies import require_media_type, take_body
from counterseal_web.messages import Reply, Request, Response
from counterseal_web.pending import LongPoll
from counterseal_web.problems import reply_to, retry_after
from counterseal_web.router import Router
from counterseal_web.service import Service
from counterseal_web.watched import Watched, WatchedRequest


@attrs.frozen(kw_only=True)
class FaceCall:
    """
    A request that names an endpoint.

    Attributes:
        request: As it was received.
        names: What its path holds, by name.
        body_limit: Bytes of the longest body that is taken.
    """

    request: Request
    names: Mapping[str, str]
    body_limit: int

    @property
    def headers(self) -> Mapping[str, str]:
        """Return the headers of the request, by lower-case name."""
        return self.request.headers

    def body(self) -> bytes:
        """Return the body; raises as `take_body`."""
        return take_body(self.request, self.body_limit)

    def body_of(self, media_type: str) -> bytes:
        """Return the body, which is of *media_type*; raises as `take_body` too."""
        require_media_type(self.request, media_type)
        return self.body()


@attrs.frozen(kw_only=True)
class ChallengePoll(LongPoll):
    """
    A call that is answered once a challenge has ended, or when its time is over.

    Attributes:
        reply: Returns the reply about the challenge, as it was last seen, or raises an error for
            `Face.reply_to`.
    """

    watched: WatchedRequest
    reply: Callable[[Challenge], Reply]

    def respond(self, watched: Watched, *, early: bool) -> Response:
        """Return the response, as `LongPoll.respond` does."""
        assert isinstance(watched, WatchedRequest)  # noqa: S101 (for the type checker)
        reply = self.reply(watched.challenge)
        if early:
            reply = attrs.evolve(reply, headers={**reply.headers, **retry_after(self.settings)})
        return reply.response(self.operation, self.headers)


class Endpoint(NamedTuple):
    """
    One call of a protocol.

    Attributes:
        operation: Names it in logs and metrics.
        method: Upper case.
        path: With its variable segments in braces, as `Router` takes it.
        handler: Returns the reply, or what the call waits for.
    """

    operation: str
    method: str
    path: str
    handler: Callable[[FaceCall], Reply | LongPoll]


class Face:
    """
    What serves the calls of one protocol.

    Args:
        service: The use cases, and the settings.
        endpoints: The calls.
    """

    def __init__(self, service: Service, endpoints: Iterable[Endpoint]) -> None:
        self._service = service
        listed = tuple(endpoints)
        self._router = Router((each.method, each.path, each) for each in listed)
        self.operations = frozenset(each.operation for each in listed)
        """The operations that `Response.operation` may name."""

    def serves(self, path: str) -> bool:
        """Return whether *path* is one of the face's."""
        return self._router.serves(path)

    def respond(self, request: Request) -> Response:
        """
        Return the response to *request*, whose path it serves; raises nothing.

        It blocks while a call waits.
        """
        operation: str | None = None
        try:
            endpoint, names = self._router.find(request.method, request.path)
            operation = endpoint.operation
            limit = self._service.settings.body_limit
            with self._service.call():
                reply = endpoint.handler(FaceCall(request=request, names=names, body_limit=limit))
            if isinstance(reply, LongPoll):
                poll = attrs.evolve(reply, operation=operation)
                return self._service.waiters.respond(poll)
        except Exception as error:  # noqa: BLE001 (the edge of the service)
            reply = self.reply_to(error, operation)
        return reply.response(operation)

    def reply_to(
        self,
        error: Exception,
        operation: str | None,  # noqa: ARG002 (for faces whose errors differ by it)
    ) -> Reply:
        """
        Return what the outside may know of *error*, and log the rest.

        Args:
            error: What a handler, or the wait that it began, has raised.
            operation: Of the endpoint; None if the request names none.
        """
        return reply_to(error, self._service.settings)
