"""
The roads to the server: how calls are sent, and what comes back if one is lost.

There are two, because a cluster is many servers and a client of it cannot send two calls over
one connection; `WAIT` says nothing about what was written over another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import attrs
from redis import Redis, exceptions
from redis.cluster import ClusterNode, RedisCluster

from counterseal_redis.durability import Command
from counterseal_redis.lines import Line
from counterseal_redis.scripts import Script

Client: TypeAlias = "Redis | RedisCluster"
"""Any of redis-py's, also one that Sentinel made."""

Reply: TypeAlias = Any
"""What the server answered; the error, where it refused."""

REDIRECTIONS = 5
"""How often a call follows a slot that moves, before it gives up."""


@attrs.frozen
class Call:
    """
    One call.

    Attributes:
        command: What is sent; for a script, all but its name and text.
        key: A key of the slot in which everything lies that it touches.
        script: Of a script.
    """

    command: Command
    key: str
    script: Script | None = None

    def words(self, *, whole: bool) -> Command:
        """Return what is sent, with the *whole* script or its name."""
        if self.script is None:
            return self.command
        if whole:
            return ("EVAL", self.script.text, *self.command)
        return ("EVALSHA", self.script.sha, *self.command)


def scripted(script: Script, keys: Sequence[str], arguments: Sequence[str | bytes | int]) -> Call:
    """Make a call of *script*."""
    return Call((len(keys), *keys, *arguments), keys[0], script)


class Road(Protocol):
    """
    Sends calls; each group in one trip to each server that it concerns.

    Attributes:
        splits: Whether a call may touch keys of one slot only.
    """

    splits: bool

    def send(self, calls: Sequence[Call], confirm: Command, *, whole: bool) -> list[Reply]:
        """
        Send *calls*, and after them *confirm*, if there is any, over the same connection.

        Returns:
            The reply to each call, and then that to *confirm*: the least of all servers'.

        Raises:
            Exception: Whatever redis-py raises.
        """


class Straight:
    """The road to one server, or to the one that Sentinel says."""

    splits = False

    def __init__(self, client: Redis) -> None:
        self._line = Line(client, keeps=True)

    def send(self, calls: Sequence[Call], confirm: Command, *, whole: bool) -> list[Reply]:
        """Send *calls* over one connection."""
        commands = [call.words(whole=whole) for call in calls]
        if confirm:
            commands.append(confirm)
        return self._line.talk(commands)


class Branching:
    """The roads to a cluster's servers."""

    splits = True

    def __init__(self, client: RedisCluster) -> None:
        self._client = client

    def send(self, calls: Sequence[Call], confirm: Command, *, whole: bool) -> list[Reply]:
        """Send *calls*, each to the server that has its slot."""
        if confirm:
            try:
                return self._confirmed(calls, confirm, whole=whole)
            except (
                exceptions.ConnectionError,
                exceptions.TimeoutError,
                exceptions.ClusterDownError,
            ):
                # Who asks again is to find the server that is the primary by then.
                self._client.nodes_manager.initialize()
                raise
        if len(calls) == 1:
            return [self._alone(calls[0].words(whole=whole))]
        pipeline = self._client.pipeline(transaction=False)  # type: ignore[no-untyped-call]
        for call in calls:
            # Without its server, redis-py asks one which keys a script has: a trip more for each.
            pipeline.execute_command(*call.words(whole=whole), target_nodes=self._node(call))
        replies: list[Reply] = pipeline.execute(raise_on_error=False)
        return replies

    def _alone(self, command: Command) -> Reply:
        try:
            return self._client.execute_command(*command)  # type: ignore[no-untyped-call]
        except exceptions.ResponseError as error:
            return error

    def _confirmed(self, calls: Sequence[Call], confirm: Command, *, whole: bool) -> list[Reply]:
        # redis-py would follow a slot that has moved over another connection, and the reply to
        # `confirm` would be that of a server which has seen nothing.
        replies: list[Reply] = [None] * len(calls)
        confirmed: list[Reply] = []
        left = list(range(len(calls)))
        for _ in range(REDIRECTIONS):
            moved: list[int] = []
            for node, places in self._by_node(calls, left).items():
                commands = [calls[place].words(whole=whole) for place in places]
                server = self._client.get_redis_connection(node)
                *answers, last = Line(server).talk([*commands, confirm])
                for place, answer in zip(places, answers, strict=True):
                    replies[place] = answer
                    if isinstance(answer, exceptions.AskError):
                        moved.append(place)
                confirmed.append(last)
            if not moved:
                break
            left = moved
            self._follow([replies[place] for place in moved])
        refusals = [one for one in confirmed if isinstance(one, Exception)]
        return [*replies, refusals[0] if refusals else min(confirmed)]

    def _by_node(
        self, calls: Sequence[Call], places: Sequence[int]
    ) -> dict[ClusterNode, list[int]]:
        found: dict[ClusterNode, list[int]] = {}
        for place in places:
            node = self._node(calls[place])
            found.setdefault(node, []).append(place)
        return found

    def _node(self, call: Call) -> ClusterNode:
        node: ClusterNode = self._client.get_node_from_key(call.key)  # type: ignore[no-untyped-call]
        return node

    def _follow(self, refusals: Sequence[exceptions.AskError]) -> None:
        for refusal in refusals:
            if isinstance(refusal, exceptions.MovedError):
                self._client.nodes_manager.move_slot(refusal)
