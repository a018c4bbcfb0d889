"""Pending: calls that wait, for one thing to happen (long poll) or for each change (stream)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

import attrs

from counterseal_web.members import read_number
from counterseal_web.messages import EVENTS, Reply, Response, encode
from counterseal_web.problems import busy, retry_after
from counterseal_web.settings import Settings
from counterseal_web.watched import Watched


@attrs.frozen(kw_only=True)
class LongPoll:
    """
    A call that is answered once what it waits for has happened, or when its time is over.

    Attributes:
        watched: What it waits for, as the call found it.
        limit: How long to wait at most.
        settings: How the service is reached.
        operation: The id of the operation.
        headers: More headers of the response.
    """

    watched: Watched
    limit: timedelta
    settings: Settings
    operation: str | None = None
    headers: tuple[tuple[str, str], ...] = ()

    def is_done(self, watched: Watched) -> bool:
        """Tell whether *watched* is what the call waits for."""
        return watched.is_awaited

    def refuse(self) -> Response:
        """Return the response if there is no slot: what is watched, as it stands."""
        return self.respond(self.watched, early=True)

    def respond(self, watched: Watched, *, early: bool) -> Response:
        """
        Return the response.

        Args:
            watched: As it was last seen.
            early: Whether the call had to stop before its time, and so may come again later.
        """
        headers = retry_after(self.settings) if early else {}
        reply = Reply(document=watched.document(), headers=headers)
        return reply.response(self.operation, self.headers)


@attrs.frozen(kw_only=True)
class EventStream:
    """
    A call that gets what is watched, and again at each change, as Server-Sent Events.

    Attributes:
        watched: What it waits for, as the call found it.
        life: How long the stream lasts at most, though something may still change; None for no
            limit.
        settings: How the service is reached.
        operation: The id of the operation.
        headers: More headers of the response.
    """

    watched: Watched
    life: timedelta | None = None
    settings: Settings
    operation: str | None = None
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def limit(self) -> timedelta:
        """Return how long the stream is silent at most."""
        beat = self.settings.beat_every
        return beat if self.life is None else min(beat, self.life)

    def refuse(self) -> Response:
        """Return the response if there is no slot."""
        return busy(self.settings).response(self.operation, self.headers)

    def respond(self, pieces: Iterable[bytes]) -> Response:
        """
        Return the response.

        Args:
            pieces: The body; closed when it is sent or lost.
        """
        return Reply(media_type=EVENTS, stream=pieces).response(self.operation, self.headers)

    def deadline(self, now: float) -> float:
        """
        Return when the stream ends at the latest, in the seconds of the driver's clock.

        Args:
            now: When it begins.
        """
        return float("inf") if self.life is None else now + self.life.total_seconds()

    def opening(self) -> tuple[bytes, bytes]:
        """Return the first two pieces: when to come again, and what is watched as it stands."""
        milliseconds = int(self.settings.retry_after.total_seconds() * 1000)
        return f"retry: {max(1, milliseconds)}\n\n".encode(), _event(self.watched)

    def piece(self, before: Watched, after: Watched) -> bytes:
        """
        Return the piece that follows a wait: its events, or a comment if there is none.

        Each request that has ended has an event of its own, before that of what is open now.

        Args:
            before: What is watched, as the client knows it.
            after: As it was last seen.
        """
        if not after.differs(before):
            return b": still waiting\n\n"
        endings = [
            b"event: ended\ndata: %b\n\n" % encode({"requestGuid": guid})
            for guid in after.requests_ended_since(before)
        ]
        return b"".join((*endings, _event(after)))


def read_wait(query: Mapping[str, str], settings: Settings) -> timedelta:
    """
    Return how long a call waits; nothing if it does not ask to.

    Raises:
        InvalidField: `wait` is no number of seconds.
    """
    return min(timedelta(seconds=read_number(query, "wait") or 0), settings.wait_limit)


def _event(watched: Watched) -> bytes:
    return b"%bdata: %b\n\n" % (watched.event_fields(), encode(watched.document()))
