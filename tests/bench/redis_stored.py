"""
Many challenges on a server, written quickly.

The adapter writes one account with a binding and five challenges. Its keys, values and index
entries are read back, and written again for account after account with other GUIDs, in batches of
raw commands. The log and the operations are not copied.
"""

from __future__ import annotations

import random
import re
import socket
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import attrs
from redis import Redis
from redis_costs import Answers
from redis_setup import HOST
from service import QUESTION

import counterseal as cs
from counterseal.models import Guid
from counterseal.models.guid import ENTROPY_BYTES, account_partition, mint, partition_of
from counterseal_records import natural_key
from counterseal_redis.codec import compact

EACH = 5
"""Open challenges of one account: the limit of the standard policy."""

BATCH = 2_000
"""Accounts in one batch."""

SAMPLE = 20_000


@attrs.frozen
class Filled:
    """
    A server with many challenges.

    Attributes:
        answers: The service on it.
        guids: Some of the challenges.
        used: Bytes of the server's memory for the challenges, with their indexes.
        plain: Bytes of their JSON.
    """

    answers: Answers
    guids: Sequence[Guid]
    used: int
    plain: int


@attrs.frozen
class Blank:
    """
    Bytes with blanks for names.

    Attributes:
        pieces: The bytes between the names, and the blanks.
        names: The index of the name in each blank.
    """

    pieces: list[bytes]
    names: list[int]

    @classmethod
    def of(cls, stored: bytes, names: Sequence[bytes]) -> Blank:
        """Cut *stored* at each of *names*."""
        pieces = re.split(b"(" + b"|".join(map(re.escape, names)) + b")", stored)
        return cls(pieces, [names.index(name) for name in pieces[1::2]])

    def filled(self, names: Sequence[bytes]) -> bytes:
        """Return the bytes with other names."""
        pieces = self.pieces.copy()
        pieces[1::2] = [names[index] for index in self.names]
        return b"".join(pieces)


@attrs.frozen
class Pattern:
    """
    All that the adapter wrote for one account.

    Attributes:
        begin: The beginning of its keys, before the partition.
        app_space: The App Space of the account.
        records: The number of GUIDs: of the account, the binding, and the challenges.
        strings: Pairs of key and value.
        entries: Key, member and score of each index entry.
    """

    begin: bytes
    app_space: Guid
    records: int
    strings: list[tuple[Blank, Blank]]
    entries: list[tuple[bytes, Blank, bytes]]

    def fields_of(self, number: int) -> tuple[int, list[bytes]]:
        """Return the partition and the names of one account; the same number has the same ones."""
        account_id, randomness = f"clone-{number}", random.Random(number)
        partition = account_partition(self.app_space, account_id)
        guids = [mint(partition, randomness.randbytes(ENTROPY_BYTES)) for _ in range(self.records)]
        return partition, _names(self.app_space, account_id, guids)


def pattern(answers: Answers) -> tuple[Pattern, Pattern]:
    """Let the adapter write; return the pattern without challenges, and that of the challenges."""
    service, client = answers.service, answers.keyspace.client
    bound, _, account_id = service.account()
    challenges = cs.Challenges(service.ports, service.policy)
    question = cs.read_question(QUESTION, account_id=account_id)
    pending = [challenges.issue(service.party, question).challenge for _ in range(EACH)]
    account = bound.binding.account
    first = [account, bound.binding.guid]
    guids = first + [one.guid for one in pending]
    begin = answers.keyspace.key(partition_of(account), "").encode()
    space = service.party.app_space.guid
    names = _names(space, account_id, guids)
    keys = [guid.encode() for guid in first] + [b"n" + names[-1]]
    asking = [one.guid.encode() for one in pending]

    def strings(keys: Sequence[bytes]) -> list[tuple[Blank, Blank]]:
        values = client.mget([begin + key for key in keys])
        pairs = zip(keys, values, strict=True)
        return [(Blank.of(key, names), Blank.of(value, names)) for key, value in pairs]

    entries: dict[bool, list[tuple[bytes, Blank, bytes]]] = {True: [], False: []}
    for key in client.scan_iter(begin + b"*", _type="zset"):
        for member, score in client.zrange(key, 0, -1, withscores=True):
            mine = [guid for guid in guids if guid.encode() in member or _raw([guid])[0] == member]
            if mine:
                name = key.removeprefix(begin)
                entry = name, Blank.of(member, names), f"{score:.0f}".encode()
                entries[mine[-1] in first].append(entry)
    head = begin.partition(b"{")[0]
    return (
        Pattern(head, space, len(guids), strings(keys), entries[True]),
        Pattern(head, space, len(guids), strings(asking), entries[False]),
    )


def fill(server: Any, answers: Answers, count: int) -> Filled:
    """Write *count* challenges to a server, five for each account."""
    client = answers.keyspace.client
    others, challenges = pattern(answers)
    accounts = range(count // EACH)
    with socket.create_connection((HOST, server.port)) as connection:
        _write(connection, others, accounts)
        before = _memory(client)
        plain = _write(connection, challenges, accounts)
        used = _memory(client) - before
    sample = random.Random(count).sample(accounts, min(len(accounts), SAMPLE // EACH))
    guids = [
        Guid(text.decode())
        for number in sample
        for text in challenges.fields_of(number)[1][2 : 2 + EACH]
    ]
    return Filled(answers, guids, used, plain)


def _write(connection: socket.socket, pattern: Pattern, accounts: range) -> int:
    plain = 0
    replies = connection.makefile("rb")
    for first in range(0, len(accounts), BATCH):
        commands: list[bytes] = []
        sets: dict[bytes, list[bytes]] = defaultdict(list)
        for number in accounts[first : first + BATCH]:
            partition, names = pattern.fields_of(number)
            begin = pattern.begin + b"{%02x}:" % partition
            for key, blank in pattern.strings:
                value = blank.filled(names)
                plain += len(value.partition(b"\n")[2])
                commands.append(_packed((b"SET", begin + key.filled(names), value)))
            for name, member, score in pattern.entries:
                sets[begin + name] += (score, member.filled(names))
        commands += [_packed((b"ZADD", key, *words)) for key, words in sets.items()]
        connection.sendall(b"".join(commands))
        for _ in commands:
            if replies.readline()[:1] not in b"+:":
                raise AssertionError
    return plain


def _packed(words: Iterable[bytes]) -> bytes:
    packed = [b"$%d\r\n%b\r\n" % (len(word), word) for word in words]
    return b"*%d\r\n%b" % (len(packed), b"".join(packed))


def _memory(client: Redis) -> int:
    used: int = client.info("memory")["used_memory"]
    return used


def _texts(guids: Iterable[Guid]) -> list[bytes]:
    return [guid.encode() for guid in guids]


def _raw(guids: Iterable[Guid]) -> list[bytes]:
    return [bytes.fromhex(guid.replace("-", "")) for guid in guids]


def _names(app_space: Guid, account_id: str, guids: Sequence[Guid]) -> list[bytes]:
    key = compact(natural_key(app_space, account_id)).encode()
    return [*_texts(guids), *_raw(guids), account_id.encode(), key]
