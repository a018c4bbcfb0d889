"""States: how a request stands, now, once it has ended, or step by step."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

import counterseal as cs
from counterseal.models import UNFINISHED, Challenge, Guid, RelyingParty
from counterseal.wire.messages import processed_document
from counterseal_web.calls import Call
from counterseal_web.members import number
from counterseal_web.messages import EVENTS, Reply, encode
from counterseal_web.places import Place
from counterseal_web.problems import busy, retry_after
from counterseal_web.service import Service


def state_now(service: Service, call: Call, party: RelyingParty, guid: Guid) -> Reply:
    """
    Return the request; with `wait`, once it has ended, or as it stands when the time is over.

    If too many wait already, or this one has to go for somebody who has fewer places, it is
    returned as it stands, with `Retry-After`.

    Raises:
        InvalidField: `wait` is no number of seconds.
        NotFound: There is no such request.
        Foreign: Another origin issued it.
        Unavailable: A port failed.
    """
    asked_for = timedelta(seconds=number(call.query, "wait") or 0)
    wait = min(asked_for, service.settings.wait_limit)
    held = service.challenges.status(party, guid)
    headers: dict[str, str] = {}
    if wait and held.state in UNFINISHED:
        place = service.waiters.enter(party)
        if place is not None:
            try:
                held = _ended(service, party, held, wait, place)
            finally:
                place.leave()
        if place is None or place.over:
            headers = retry_after(service.settings)
    return Reply(document=processed_document(held, now=service.ports.clock.now()), headers=headers)


def state_stream(service: Service, party: RelyingParty, guid: Guid) -> Reply:
    """
    Stream the states of a request until it has ended, as Server-Sent Events.

    If too many wait already, it is refused with `Retry-After`.

    Raises:
        NotFound: There is no such request.
        Foreign: Another origin issued it.
        Unavailable: A port failed.
    """
    held = service.challenges.status(party, guid)
    place = service.waiters.enter(party)
    if place is None:
        return busy(service.settings)
    return Reply(media_type=EVENTS, stream=_Stream(_events(service, party, held, place), place))


class _Stream:
    """Events in pieces; the place is given back when the connection ends, even before the first."""

    def __init__(self, events: Iterator[bytes], place: Place) -> None:
        self._events = events
        self._place = place

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._events)

    def close(self) -> None:
        """Give the place back."""
        self._place.leave()


def _events(
    service: Service, party: RelyingParty, held: Challenge, place: Place
) -> Iterator[bytes]:
    retry = int(service.settings.retry_after.total_seconds() * 1000)
    yield f"retry: {max(1, retry)}\n\n".encode()
    yield _event(service, held)
    try:
        while held.state in UNFINISHED and not (service.waiters.closed or place.over):
            seen = service.waiters.changed(party, held, service.settings.beat_every, place)
            yield b": still waiting\n\n" if seen.state is held.state else _event(service, seen)
            held = seen
    except cs.CountersealError:
        # The stream breaks off, and the client asks anew.
        return


def _event(service: Service, held: Challenge) -> bytes:
    data = encode(processed_document(held, now=service.ports.clock.now()))
    return b"event: %b\nid: %d\ndata: %b\n\n" % (held.state.value.encode(), held.version, data)


def _ended(
    service: Service, party: RelyingParty, held: Challenge, wait: timedelta, place: Place
) -> Challenge:
    end = time.monotonic() + wait.total_seconds()
    while held.state in UNFINISHED:
        left = end - time.monotonic()
        if left <= 0 or service.waiters.closed or place.over:
            break
        held = service.waiters.changed(party, held, timedelta(seconds=left), place)
    return held
