"""Watched: what a call waits for: a request of an origin, or the open requests of a device."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Protocol

import attrs

from counterseal.bindings.documents.device import OpenRequest, OpenRequests
from counterseal.challenges.documents.messages import processed_document
from counterseal.models import UNFINISHED, Challenge, Guid
from counterseal.ports import Clock
from counterseal.wire.members import write_record


class Watched(Protocol):
    """What a call waits for, as it was read once."""

    @property
    def key(self) -> Hashable:
        """Return what is the same for all calls that may share each load."""

    @property
    def version(self) -> int:
        """Return a number that is higher than that of what was stored before, under this key."""

    @property
    def topic(self) -> Guid:
        """Return the GUID that `Wake` is notified of when it changes."""

    @property
    def owner(self) -> Guid:
        """Return whose share of the slots the call uses."""

    @property
    def device(self) -> Guid | None:
        """Return the device that waits; None for an origin."""

    @property
    def is_awaited(self) -> bool:
        """Tell whether it is what a long poll waits for."""

    @property
    def is_final(self) -> bool:
        """Tell whether it changes no more."""

    def load(self) -> Watched:
        """
        Return it as it stands now.

        Raises:
            Refused: It is gone, or the caller may not see it any more.
            Unavailable: A port failed.
        """

    def differs(self, before: Watched) -> bool:
        """Tell whether a client that knows *before* gets an event."""

    def requests_ended_since(self, before: Watched) -> tuple[Guid, ...]:
        """Return the requests that were open in *before*, and are no more, oldest first."""

    def document(self) -> Any:
        """Return what a reply or an event says."""

    def event_fields(self) -> bytes:
        """Return the lines of an event before its data."""


@attrs.frozen(kw_only=True)
class WatchedRequest:
    """
    One request, for its origin.

    Attributes:
        clock: Tells what is over.
        load_challenge: Returns the request as it stands.
    """

    challenge: Challenge
    clock: Clock
    load_challenge: Callable[[], Challenge]

    device = None

    @property
    def key(self) -> Guid:
        """Return the GUID of the request: all that wait for it share each load."""
        return self.challenge.guid

    topic = key

    @property
    def version(self) -> int:
        """Return the request's version."""
        return self.challenge.version

    @property
    def owner(self) -> Guid:
        """Return the origin."""
        return self.challenge.origin

    @property
    def is_final(self) -> bool:
        """Tell whether the request has ended."""
        return self.challenge.state not in UNFINISHED

    is_awaited = is_final

    def load(self) -> WatchedRequest:
        """Load the request."""
        return attrs.evolve(self, challenge=self.load_challenge())

    def differs(self, before: Watched) -> bool:
        """Tell whether the state is another."""
        assert isinstance(before, WatchedRequest)  # noqa: S101 (for the type checker)
        return self.challenge.state is not before.challenge.state

    def requests_ended_since(self, before: Watched) -> tuple[Guid, ...]:  # noqa: ARG002
        """Return none: the event with the request's state says it."""
        return ()

    def document(self) -> Any:
        """Return the request."""
        return processed_document(self.challenge, now=self.clock.now())

    def event_fields(self) -> bytes:
        """Return the state, and the version."""
        state = self.challenge.state.value.encode()
        return b"event: %b\nid: %d\n" % (state, self.version)


@attrs.frozen(kw_only=True)
class WatchedList:
    """
    The open requests of an account, for one of its devices.

    Attributes:
        topic: The account, whose GUID is notified whenever a request is new or has ended.
        owner: The App Space: its devices together have the share of one origin.
        load_challenges: Returns the open requests if the device may still see them.
        known_guids: The requests that the device knows of.
        key: The call's own, since each call was authenticated for itself.
    """

    challenges: tuple[Challenge, ...]
    device: Guid
    topic: Guid
    owner: Guid
    load_challenges: Callable[[], tuple[Challenge, ...]]
    known_guids: frozenset[Guid]
    key: Hashable = attrs.field(factory=object)

    version = 0
    is_final = False

    @property
    def guids(self) -> frozenset[Guid]:
        """Return which requests are open."""
        return frozenset(challenge.guid for challenge in self.challenges)

    @property
    def is_awaited(self) -> bool:
        """Tell whether these are other requests than the device knows of."""
        return self.guids != self.known_guids

    def load(self) -> WatchedList:
        """Load the open requests."""
        return attrs.evolve(self, challenges=self.load_challenges())

    def differs(self, before: Watched) -> bool:
        """Tell whether a request is new or has ended."""
        assert isinstance(before, WatchedList)  # noqa: S101 (for the type checker)
        return self.guids != before.guids

    def requests_ended_since(self, before: Watched) -> tuple[Guid, ...]:
        """Return the requests of *before* that are no longer in the list."""
        assert isinstance(before, WatchedList)  # noqa: S101 (for the type checker)
        return tuple(
            challenge.guid for challenge in before.challenges if challenge.guid not in self.guids
        )

    def document(self) -> Any:
        """Return the list, oldest first."""
        return write_record(OpenRequests(requests=tuple(map(OpenRequest.of, self.challenges))))

    def event_fields(self) -> bytes:
        """Return the event's name; the list says everything, so no client resumes after an id."""
        return b"event: requests\n"
