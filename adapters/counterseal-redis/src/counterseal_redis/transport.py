"""
Sends calls to the server, or to the servers of a cluster, and returns their replies.

A cluster has a transport of its own: its client cannot send two calls over one connection, and
`WAIT` confirms only the writes of its own connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

from redis import Redis, exceptions
from redis.cluster import ClusterNode, RedisCluster

from counterseal_redis.commands import Call, Command
from counterseal_redis.connection import PinnedConnection

Client: TypeAlias = "Redis | RedisCluster"
"""A client of redis-py; Sentinel makes a `Redis` too."""

Reply: TypeAlias = Any
"""The server's reply; the error, where it refused."""

REDIRECTIONS = 5
"""How often a call follows a slot that moves before it fails."""


class Transport(Protocol):
    """
    Sends calls; each group takes one round trip to each server that it concerns.

    Attributes:
        single_slot: Whether one call may touch keys of one slot only.
    """

    single_slot: bool

    def send(self, calls: Sequence[Call], confirmation: Command, *, with_text: bool) -> list[Reply]:
        """
        Send *calls*, and then *confirmation*, unless it is empty, over the same connection.

        Args:
            calls: The calls.
            confirmation: The command that confirms their writes, or nothing.
            with_text: Whether to send the text of scripts, and not their names.

        Returns:
            The reply to each call, and then that to *confirmation*: the smallest of all servers'.

        Raises:
            Exception: Any error of redis-py.
        """


class SingleNode:
    """Reaches one server, or the primary that Sentinel names."""

    single_slot = False

    def __init__(self, client: Redis) -> None:
        self._connection = PinnedConnection(client, keep=True)

    def send(self, calls: Sequence[Call], confirmation: Command, *, with_text: bool) -> list[Reply]:
        """Send *calls* over one connection."""
        commands = [call.to_command(with_text=with_text) for call in calls]
        if confirmation:
            commands.append(confirmation)
        return self._connection.pipeline(commands)


class Cluster:
    """Reaches the servers of a cluster."""

    single_slot = True

    def __init__(self, client: RedisCluster) -> None:
        self._client = client

    def send(self, calls: Sequence[Call], confirmation: Command, *, with_text: bool) -> list[Reply]:
        """Send each of *calls* to the server that has its slot."""
        if confirmation:
            try:
                return self._send_confirmed(calls, confirmation, with_text=with_text)
            except (
                exceptions.ConnectionError,
                exceptions.TimeoutError,
                exceptions.ClusterDownError,
            ):
                # The next attempt must find the server that is the primary by then.
                self._client.nodes_manager.initialize()
                raise
        if len(calls) == 1:
            return [self._execute(calls[0].to_command(with_text=with_text))]
        pipeline = self._client.pipeline(transaction=False)  # type: ignore[no-untyped-call]
        for call in calls:
            # Without `target_nodes`, redis-py asks a server for the keys of each script call.
            command = call.to_command(with_text=with_text)
            pipeline.execute_command(*command, target_nodes=self._node_of(call))
        replies: list[Reply] = pipeline.execute(raise_on_error=False)
        return replies

    def _execute(self, command: Command) -> Reply:
        try:
            return self._client.execute_command(*command)  # type: ignore[no-untyped-call]
        except exceptions.ResponseError as error:
            return error

    def _send_confirmed(
        self, calls: Sequence[Call], confirmation: Command, *, with_text: bool
    ) -> list[Reply]:
        # If a slot has moved, redis-py would send the call again over another connection, and the
        # reply to the confirmation would be that of a server without the write.
        replies: list[Reply] = [None] * len(calls)
        confirmations: list[Reply] = []
        unsent = list(range(len(calls)))
        for _ in range(REDIRECTIONS):
            moved: list[int] = []
            for node, numbers in self._numbers_by_node(calls, unsent).items():
                commands = [calls[number].to_command(with_text=with_text) for number in numbers]
                server = self._client.get_redis_connection(node)
                *answers, last = PinnedConnection(server).pipeline([*commands, confirmation])
                for number, answer in zip(numbers, answers, strict=True):
                    replies[number] = answer
                    if isinstance(answer, exceptions.AskError):
                        moved.append(number)
                confirmations.append(last)
            if not moved:
                break
            unsent = moved
            self._follow([replies[number] for number in moved])
        refusals = [reply for reply in confirmations if isinstance(reply, Exception)]
        return [*replies, refusals[0] if refusals else min(confirmations)]

    def _numbers_by_node(
        self, calls: Sequence[Call], numbers: Sequence[int]
    ) -> dict[ClusterNode, list[int]]:
        by_node: dict[ClusterNode, list[int]] = {}
        for number in numbers:
            by_node.setdefault(self._node_of(calls[number]), []).append(number)
        return by_node

    def _node_of(self, call: Call) -> ClusterNode:
        node: ClusterNode = self._client.get_node_from_key(call.key)  # type: ignore[no-untyped-call]
        return node

    def _follow(self, refusals: Sequence[exceptions.AskError]) -> None:
        for refusal in refusals:
            if isinstance(refusal, exceptions.MovedError):
                self._client.nodes_manager.move_slot(refusal)
