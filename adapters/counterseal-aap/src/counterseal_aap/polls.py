"""Polls: a client that waits for the decision about a request."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from counterseal.models import Challenge
from counterseal_web import Response
from counterseal_web.messages import Reply
from counterseal_web.pending import LongPoll
from counterseal_web.problems import retry_after
from counterseal_web.watched import Watched, WatchedRequest


@attrs.frozen(kw_only=True)
class DecisionPoll(LongPoll):
    """
    A call that is answered once a request has ended, or when its time is over.

    Attributes:
        reply: Returns the reply about the request, as it was last seen.
    """

    reply: Callable[[Challenge], Reply]

    def respond(self, watched: Watched, *, early: bool) -> Response:
        """Return the response, as `LongPoll.respond` does."""
        assert isinstance(watched, WatchedRequest)  # noqa: S101 (for the type checker)
        reply = self.reply(watched.challenge)
        if early:
            reply = attrs.evolve(reply, headers={**reply.headers, **retry_after(self.settings)})
        return reply.response(self.operation, self.headers)
