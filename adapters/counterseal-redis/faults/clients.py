"""The clients: origins, devices, workers and readers that use one service at the same time."""

import json
import random
import threading
from collections import deque
from datetime import timedelta

from attrs import evolve, field, frozen
from ledger import end_of, end_text

from counterseal.challenges.usecases import Answers, Challenges
from counterseal.memory import SystemEntropy
from counterseal.models import ChallengeState, DeliveryOutcome, Question, TextContent
from counterseal.outbox.usecases.callbacks import Callbacks
from counterseal.policy import Policy
from counterseal_redis import with_redis
from counterseal_testing import FakeService, FrozenClock
from counterseal_testing.service import CALLBACK

ACCOUNTS = 24
SHORT, LONG = timedelta(minutes=1), timedelta(minutes=10)
"""How long challenges may be answered; on the clock of the worker, the short ones are over."""

TRIES = 3
"""How often a client repeats a call whose effect is unknown."""

RECENT = 24
"""How many of the last challenges are read and answered, open or not."""

SKIP_ENDED = 0.8
"""How often a device skips a challenge that has ended."""

WRITE_PAUSE, READ_PAUSE = 0.05, 0.002
"""Seconds between two cancels or expirations, and between two reads."""

POLICY = Policy(
    pending_limit=100,
    ask_limit=1_000,
    ask_limit_origin=1_000,
    cooldown_after=100,
    commit_attempts=3,
)
ENDS = {
    "approve": end_text(ChallengeState.ANSWERED.value, 0),
    "reject": end_text(ChallengeState.ANSWERED.value, 1),
    "disown": ChallengeState.DISOWNED.value,
    "cancel": ChallengeState.CANCELLED.value,
}


class Stopped(Exception):
    """The clients were stopped before there was anything to do."""


@frozen
class Receiver:
    """The receiver of callbacks: what it is sent is a result that a client was told."""

    ledger: object

    def require_callable(self, url):
        """Refuse none."""

    def send(self, delivery):
        """Read it as an origin does."""
        body = json.loads(delivery.body)
        message = dict(delivery.headers)["webhook-id"]
        self.ledger.record(
            "sent", body["guid"], end_text(body["state"], body["buttonSelected"]), message
        )
        return DeliveryOutcome(status=204)


def world_on(keyspace):
    """Return a service with its records on Redis, and the phones of all accounts."""
    entropy = SystemEntropy()

    def adapters(ports):
        return evolve(with_redis(ports, keyspace), wake=ports.wake, entropy=entropy)

    world = FakeService(policy=POLICY, adapters=adapters)
    world.entropy = entropy  # a forked process has entropy of its own
    return world, [world.bind(f"user {number}") for number in range(ACCOUNTS)]


@frozen
class Service:
    """One process of the service, with connections of its own."""

    world: object
    phones: list
    ports: object

    @classmethod
    def of(cls, world, phones, keyspace, ledger):
        """Return the service of *world* on the connections of *keyspace*."""
        ports = evolve(with_redis(world.ports, keyspace), wake=world.ports.wake)
        return cls(world, phones, evolve(ports, sender=Receiver(ledger)))

    def drain(self, ledger):
        """Deliver the remaining callbacks, after the end of every lease."""
        self.world.clock.advance(2 * POLICY.callback_lease)
        callbacks = Callbacks(self.ports, POLICY)
        while due := callbacks.due():
            for guid in due:
                ledger.attempt(lambda guid=guid: callbacks.attempt(guid))


@frozen(eq=False)
class Clients:
    """
    Threads that issue, answer, cancel, read, deliver and expire until they are stopped.

    Attributes:
        recent: The last challenges; groups of clients that share it use the same challenges.
    """

    service: Service
    ledger: object
    recent: deque = field(factory=lambda: deque(maxlen=RECENT))
    _ended: set = field(factory=set)
    _stop: threading.Event = field(factory=threading.Event)
    _threads: list = field(factory=list)

    def start(self):
        """Start the threads."""
        calls = [self._issue, self._answer, self._cancel, self._read_status] * 2
        calls += [self._answer, self._cancel, self._deliver, self._expire]
        for seed, call in enumerate(calls):
            rng = random.Random(seed)
            thread = threading.Thread(target=self._repeat, args=(call, rng), daemon=True)
            self._threads.append(thread)
            thread.start()
        return self

    def stop(self):
        """Stop all threads, and wait for them."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
            if thread.is_alive():
                self.ledger.record("wrong", "a call that never returned")

    def _repeat(self, call, rng):
        while not self._stop.is_set():
            try:
                call(rng)
            except Stopped:
                return
            except Exception as error:  # noqa: BLE001 - an error of these clients must be seen
                self.ledger.record("wrong", f"{type(error).__name__} in a client: {error}")
                return

    def _issue(self, rng):
        ports, origin = self.service.ports, self.service.world.origin
        account = rng.randrange(ACCOUNTS)
        question = Question(
            account_id=f"user {account}",
            content=TextContent(text="Pay 10 EUR to Adam?"),
            callback=CALLBACK,
            duration=rng.choice([SHORT, LONG, LONG]),
        )
        challenges = Challenges(ports, POLICY)
        issued, _ = self.ledger.attempt(lambda: challenges.issue(origin, question))
        if issued is None:
            self._stop.wait(READ_PAUSE)
            return
        challenge = issued.challenge
        self.ledger.record("issued", challenge.guid)
        self.recent.append((account, challenge))

    def _answer(self, rng):
        account, challenge = self._pick_recent(rng)
        if challenge.guid in self._ended and rng.random() < SKIP_ENDED:
            self._stop.wait(READ_PAUSE)
            return
        how = rng.choice(["approve", "approve", "reject", "disown"])
        self.ledger.record("requested", challenge.guid, ENDS[how])
        phone, answers = self.service.phones[account], Answers(self.service.ports, POLICY)
        if how == "disown":
            token, respond = phone.device.disown(challenge.display), answers.disown
        else:
            button = ("approve", "reject").index(how)
            pin = phone.pin if button == 0 else None
            token = phone.device.answer(challenge.display, button, pin=pin)
            respond = answers.answer
        self._record_result(
            self.ledger.repeat(lambda: respond(phone.call("/", token.encode())), TRIES)
        )

    def _cancel(self, rng):
        self._stop.wait(WRITE_PAUSE)
        _, challenge = self._pick_recent(rng)
        challenges, origin = Challenges(self.service.ports, POLICY), self.service.world.origin
        self.ledger.record("requested", challenge.guid, ENDS["cancel"])
        # It makes one attempt: a result that is unknown is not recorded.
        self._record_result(
            self.ledger.attempt(lambda: challenges.cancel(origin, challenge.guid))[0]
        )

    def _read_status(self, rng):
        self._stop.wait(READ_PAUSE)
        _, challenge = self._pick_recent(rng)
        challenges, origin = Challenges(self.service.ports, POLICY), self.service.world.origin
        self._record_result(
            self.ledger.attempt(lambda: challenges.status(origin, challenge.guid))[0]
        )

    def _deliver(self, _):
        callbacks = Callbacks(self.service.ports, POLICY)
        due, _ = self.ledger.attempt(lambda: callbacks.due(20))
        for guid in due or ():
            self.ledger.attempt(lambda guid=guid: callbacks.attempt(guid))

    def _expire(self, _):
        self._stop.wait(WRITE_PAUSE)
        ahead = FrozenClock(self.service.world.clock.now() + 2 * SHORT)
        sweeper = Challenges(evolve(self.service.ports, clock=ahead), POLICY)
        self.ledger.attempt(lambda: sweeper.expire(5))

    def _pick_recent(self, rng):
        while not self.recent:
            if self._stop.wait(READ_PAUSE):
                raise Stopped
        return rng.choice(self.recent)

    def _record_result(self, challenge):
        if challenge is not None and end_of(challenge) is not None:
            self._ended.add(challenge.guid)
            self.ledger.record("result", challenge.guid, end_of(challenge))
