"""Waiting: a token request waits until its request has ended (long polling)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import attrs

from counterseal.models import Challenge
from counterseal_web.messages import Reply, Response
from counterseal_web.pending import LongPoll
from counterseal_web.watched import Watched, WatchedRequest

DIGITS = 9
"""Of a number of seconds; a longer one is no preference."""


@attrs.frozen(kw_only=True)
class TokenPoll(LongPoll):
    """
    A token request that waits.

    Attributes:
        finish: Returns the reply to the request as it stands then, or raises what it is.
    """

    finish: Callable[[Challenge], Reply]

    def respond(self, watched: Watched, *, early: bool) -> Response:  # noqa: ARG002 (of LongPoll)
        """
        Return the response.

        Raises:
            OAuthError: There are no tokens: the request is open, or has ended otherwise.
        """
        assert isinstance(watched, WatchedRequest)  # noqa: S101 (for the type checker)
        return self.finish(watched.challenge).response(self.operation)


def read_preferred_wait(prefer: str, limit: timedelta) -> timedelta:
    """
    Return how long a client prefers to wait (RFC 7240, 4.3), *limit* at most.

    A preference is ignored if it is malformed, and so is every other one (RFC 7240, 2).
    """
    for preference in prefer.split(","):
        name, _, value = preference.partition(";")[0].partition("=")
        seconds = value.strip().strip('"')
        if name.strip().lower() == "wait" and seconds.isdecimal() and seconds.isascii():
            return min(timedelta(seconds=int(seconds[:DIGITS])), limit)
    return timedelta(0)
