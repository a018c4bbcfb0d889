"""How many trips and commands each use case takes, as `round_trips.py` says."""

import re
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta

import pytest
from attrs import evolve
from redis.connection import AbstractConnection
from redis_servers import SURE
from round_trips import ON_REDIS, ROUND_TRIPS, statements_of
from use_case_trips import play_use_cases

from counterseal import SignedRequest
from counterseal.credentials.documents import write_basic
from counterseal.models import Question, Scheme, TextContent
from counterseal.models.guid import PARTITIONS
from counterseal.ports import Due
from counterseal_redis import NONE, commands, fsync, replicated, with_redis
from counterseal_testing import FakeService
from counterseal_testing.clock import START
from counterseal_testing.contracts.record_factory import RecordFactory

GUARD = re.compile(rb"\}:([yci])[A-Za-z0-9_-]{43}\r\n")
COMMAND = re.compile(rb"\*\d+\r\n")
PORTS = {b"y": "replay", b"c": "counters", b"i": "idempotency"}


class Trips:
    """Counts round trips: all that is sent, to any number of servers, before a reply is read."""

    def __init__(self, monkeypatch):
        self.payloads = []
        self._sending = False
        send, receive = AbstractConnection.send_packed_command, AbstractConnection.read_response

        def sending(connection, command, **options):
            packed = command if isinstance(command, list | tuple) else [command]
            payload = b"".join(map(bytes, packed))
            if self._sending:
                self.payloads[-1] += payload
            else:
                self.payloads.append(payload)
            self._sending = True
            return send(connection, command, **options)

        def reading(connection, *args, **options):
            self._sending = False
            return receive(connection, *args, **options)

        monkeypatch.setattr(AbstractConnection, "send_packed_command", sending)
        monkeypatch.setattr(AbstractConnection, "read_response", reading)

    @contextmanager
    def counted(self, name, database="redis"):
        begin = len(self.payloads)
        yield
        trips = Counter(map(self._port, self.payloads[begin:]))
        expected = (ROUND_TRIPS | ON_REDIS)[name]
        assert trips == expected, (name, self.payloads[begin:])
        if name in ROUND_TRIPS and database != "cluster":  # there a trip may go to several servers
            commands_sent = COMMAND.findall(b"".join(self.payloads[begin:]))
            assert len(commands_sent) == statements_of(name, database), (
                name,
                self.payloads[begin:],
            )

    def _port(self, payload):
        match = GUARD.search(payload)
        return PORTS[match[1]] if match else "store"


@pytest.fixture
def trips(monkeypatch):
    return Trips(monkeypatch)


@pytest.fixture
def new_world(new_keyspace):
    """Return a function that makes a world on a server that knows all scripts."""

    def new(server, **options):
        keyspace = new_keyspace(server, **options)
        for script in vars(commands).values():
            if isinstance(script, commands.Script):
                keyspace.client.script_load(script.text)
        # A thread of its own sends what `Wake` sends.
        world = FakeService(
            adapters=lambda ports: evolve(with_redis(ports, keyspace), wake=ports.wake)
        )
        for partition in range(PARTITIONS):
            keyspace.client.get(keyspace.key(partition, ""))  # each server has a connection
        return world

    return new


def play(world, trips, database):
    """Count the round trips of each use case."""
    play_use_cases(world, lambda name: trips.counted(name, database))


@pytest.mark.parametrize("durability", [NONE, replicated(patience=SURE)])
def test_the_five_calls_of_an_approval(new_world, pair, trips, durability):
    """Issue, list, read, answer and read the answer, in a service that knows the origin."""
    world = new_world(pair, durability=durability)
    database = "redis" if durability is NONE else "durable"
    phone = world.bind("zoe")
    origin = world.origin.origin.guid
    credential = write_basic(world.credentials.issue(origin, Scheme.BASIC).secret, guid=origin)
    request = SignedRequest(method="GET", uri="https://id.example/", authorization=credential)
    question = Question(account_id="zoe", content=TextContent(text="Pay 10 EUR to Adam?"))
    with trips.counted("authenticate an origin", database):
        world.authentication.authenticate(request)

    with trips.counted("authenticate an origin again, and ask", database):
        party = world.authentication.authenticate(request)
        guid = world.challenges.issue(party, question).challenge.guid
    with trips.counted("list requests", database):
        phone.pending()
    with trips.counted("read a request", database):
        challenge = phone.fetch(guid)
    with trips.counted("answer", database):
        phone.answer(challenge)
    with trips.counted("authenticate an origin again, and read the status", database):
        party = world.authentication.authenticate(request)
        assert world.challenges.status(party, guid).approved


def test_each_use_case_takes_its_round_trips_and_no_more(new_world, server, trips, request):
    is_cluster = request.node.callspec.params["server"] == "cluster"
    play(new_world(server), trips, "cluster" if is_cluster else "redis")


def test_durability_takes_no_more_trips(new_world, on_disk, pair, trips):
    play(new_world(on_disk, durability=fsync()), trips, "durable")
    play(new_world(pair, durability=replicated(patience=SURE)), trips, "durable")


def test_a_reservation_takes_two_trips(new_world, redis_8_2, trips):
    world = new_world(redis_8_2)
    world.bind("zoe")
    question = Question(account_id="zoe", content=TextContent(text="Lunch?"))

    with trips.counted("ask, with a key"):
        world.challenges.issue(world.origin, question, idempotency_key="once")


def test_workers_read_all_partitions_in_few_trips(new_world, server, trips):
    world = new_world(server)
    store = world.ports.store
    with trips.counted("look for what is due, where nothing is"):
        assert store.due(Due.CHALLENGE, START, 10) == ()
    for name in ("zoe", "adam"):
        world.bind(name)
        world.ask(name, "Lunch?")

    with trips.counted("look for what is due in two partitions"):
        assert len(store.due(Due.CHALLENGE, START + timedelta(days=1), 10)) == 2
    for _ in range(4):
        world.ask("zoe", "Lunch?")
    with trips.counted("look for more of one partition than its share"):
        assert len(store.due(Due.CHALLENGE, START + timedelta(days=1), 4)) == 4
    with trips.counted("find dead callbacks"):
        assert store.dead(world.origin.origin.guid, 10) == ()
    space = world.app_space.guid
    with trips.counted("read gauges"):
        assert sum(store.gauges(frozenset({space})).values()) == 8
    with trips.counted("search for what is not there"):
        assert store.search(space, "nobody", None, 10) == ()
    with trips.counted("search"):
        assert [one.account_id for one in store.search(space, "", None, 10)] == ["adam", "zoe"]
    factory = RecordFactory()
    factory.space = space
    for name in factory.neighbours(4):
        world.invitations.invite(world.origin, name)
    with trips.counted("search for more of one partition than its share"):
        assert len(store.search(space, "", None, 4)) == 4
    with trips.counted("list companies"):
        assert store.list(None)
    with trips.counted("list what is in an App Space"):
        assert store.list(world.app_space.guid)
