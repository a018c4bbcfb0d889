"""Pending: calls that wait for a request, until it has ended (long poll) or step by step."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import attrs

from counterseal.models import UNFINISHED, Challenge, RelyingParty
from counterseal.ports import Clock
from counterseal.wire.messages import processed_document
from counterseal_web.messages import EVENTS, Reply, Response, encode
from counterseal_web.problems import busy, retry_after
from counterseal_web.settings import Settings


@attrs.frozen(kw_only=True)
class LongPoll:
    """
    A call that is answered once the request has ended, or when its time is over.

    Attributes:
        party: The origin that calls.
        challenge: The request, as the call found it.
        limit: How long to wait at most.
        settings: How the service is reached.
        clock: Tells what is over.
        operation: The id of the operation.
    """

    party: RelyingParty
    challenge: Challenge
    limit: timedelta
    settings: Settings
    clock: Clock
    operation: str | None = None

    def is_done(self, challenge: Challenge) -> bool:
        """Tell whether *challenge* is what the call waits for."""
        return challenge.state not in UNFINISHED

    def refuse(self) -> Response:
        """Return the response if there is no slot: the request as it stands."""
        return self.respond(self.challenge, early=True)

    def respond(self, challenge: Challenge, *, early: bool) -> Response:
        """
        Return the response.

        Args:
            challenge: As it was last seen.
            early: Whether the call had to stop before its time, and so may come again later.
        """
        headers = retry_after(self.settings) if early else {}
        document = processed_document(challenge, now=self.clock.now())
        return Reply(document=document, headers=headers).response(self.operation)


@attrs.frozen(kw_only=True)
class EventStream:
    """
    A call that gets each state of a request until it has ended, as Server-Sent Events.

    Attributes:
        party: The origin that calls.
        challenge: The request, as the call found it.
        settings: How the service is reached.
        clock: Tells what is over.
        operation: The id of the operation.
    """

    party: RelyingParty
    challenge: Challenge
    settings: Settings
    clock: Clock
    operation: str | None = None

    @property
    def limit(self) -> timedelta:
        """Return how long the stream is silent at most."""
        return self.settings.beat_every

    def refuse(self) -> Response:
        """Return the response if there is no slot."""
        return busy(self.settings).response(self.operation)

    def respond(self, pieces: Iterable[bytes]) -> Response:
        """
        Return the response.

        Args:
            pieces: The body; closed when it is sent or lost.
        """
        return Reply(media_type=EVENTS, stream=pieces).response(self.operation)

    def opening(self) -> tuple[bytes, bytes]:
        """Return the first two pieces: when to come again, and the request as it stands."""
        milliseconds = int(self.settings.retry_after.total_seconds() * 1000)
        return f"retry: {max(1, milliseconds)}\n\n".encode(), self._event(self.challenge)

    def piece(self, before: Challenge, after: Challenge) -> bytes:
        """
        Return the piece that follows a wait: an event, or a comment if there is none.

        Args:
            before: The request as the client knows it.
            after: As it was last seen.
        """
        return b": still waiting\n\n" if after.state is before.state else self._event(after)

    def _event(self, challenge: Challenge) -> bytes:
        data = encode(processed_document(challenge, now=self.clock.now()))
        state = challenge.state.value.encode()
        return b"event: %b\nid: %d\ndata: %b\n\n" % (state, challenge.version, data)
