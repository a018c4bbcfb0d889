"""The crowd: origins, people, workers and onlookers, who use one service all at once."""

import json
import random
import threading
from collections import deque
from datetime import timedelta

from attrs import evolve, field, frozen
from book import end_of, word

from counterseal.memory import SystemEntropy
from counterseal.models import ChallengeState, DeliveryOutcome, Question, TextContent
from counterseal.policy import Policy
from counterseal.testing import FakeService, FrozenClock
from counterseal.testing.service import CALLBACK
from counterseal.usecases.answers import Answers
from counterseal.usecases.callbacks import Callbacks
from counterseal.usecases.challenges import Challenges
from counterseal_redis import with_redis

ACCOUNTS = 24
SHORT, LONG = timedelta(minutes=1), timedelta(minutes=10)
"""How long questions may be answered; on the sweeper's clock, the short ones are over."""

TRIES = 3
"""How often somebody asks again who was not told what became of it."""

RECENT = 24
"""Challenges that are asked about and answered, though they may be over."""

PASSED_OVER = 0.8
"""How often a person leaves alone what is over."""

PAUSE, GLANCE = 0.05, 0.002
"""Seconds between two cancels or sweeps, and between two looks."""

POLICY = Policy(
    pending_limit=100,
    ask_limit=1_000,
    ask_limit_origin=1_000,
    cooldown_after=100,
    commit_attempts=3,
)
ENDS = {
    "approve": word(ChallengeState.ANSWERED.value, 0),
    "reject": word(ChallengeState.ANSWERED.value, 1),
    "disown": ChallengeState.DISOWNED.value,
    "cancel": ChallengeState.CANCELLED.value,
}


class Left(Exception):
    """The crowd was stopped before there was anything to do."""


@frozen
class Receiver:
    """The other end of callbacks: whatever it is sent, somebody has been told."""

    book: object

    def require_callable(self, url):
        """Refuse none."""

    def send(self, delivery):
        """Read it as its origin would."""
        told = json.loads(delivery.body)
        message = dict(delivery.headers)["webhook-id"]
        self.book.note("sent", told["guid"], word(told["state"], told["buttonSelected"]), message)
        return DeliveryOutcome(status=204)


def world_on(keyspace):
    """Return a world with its records on Redis, and the phones of all accounts."""
    luck = SystemEntropy()

    def adapters(ports):
        return evolve(with_redis(ports, keyspace), wake=ports.wake, entropy=luck)

    world = FakeService(policy=POLICY, adapters=adapters)
    world.entropy = luck  # a process that is forked has luck of its own
    return world, [world.bind(f"user {number}") for number in range(ACCOUNTS)]


@frozen
class Service:
    """One process of the service, with connections of its own."""

    world: object
    phones: list
    ports: object

    @classmethod
    def of(cls, world, phones, keyspace, book):
        """Return the *world*'s service on the connections of *keyspace*."""
        ports = evolve(with_redis(world.ports, keyspace), wake=world.ports.wake)
        return cls(world, phones, evolve(ports, sender=Receiver(book)))

    def drain(self, book):
        """Deliver what is left, once no claim holds any more."""
        self.world.clock.advance(2 * POLICY.callback_lease)
        callbacks = Callbacks(self.ports, POLICY)
        while due := callbacks.due():
            for guid in due:
                book.attempt(lambda guid=guid: callbacks.attempt(guid))


@frozen(eq=False)
class Crowd:
    """
    Threads that ask, answer, cancel, look, deliver and expire until they are stopped.

    Attributes:
        recent: The challenges of late; crowds that share it meet.
    """

    service: Service
    book: object
    recent: deque = field(factory=lambda: deque(maxlen=RECENT))
    _over: set = field(factory=set)
    _stop: threading.Event = field(factory=threading.Event)
    _threads: list = field(factory=list)

    def start(self):
        """Let them in."""
        acts = [self._ask, self._answer, self._cancel, self._look] * 2
        acts += [self._answer, self._cancel, self._deliver, self._sweep]
        for seed, act in enumerate(acts):
            luck = random.Random(seed)
            thread = threading.Thread(target=self._keep_doing, args=(act, luck), daemon=True)
            self._threads.append(thread)
            thread.start()
        return self

    def stop(self):
        """Wait until all have gone."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
            if thread.is_alive():
                self.book.note("wrong", "a call that never came back")

    def _keep_doing(self, act, luck):
        while not self._stop.is_set():
            try:
                act(luck)
            except Left:
                return
            except Exception as error:  # noqa: BLE001 - the crowd's own fault is to be seen
                self.book.note("wrong", f"{type(error).__name__} in the crowd: {error}")
                return

    def _ask(self, luck):
        ports, origin = self.service.ports, self.service.world.origin
        account = luck.randrange(ACCOUNTS)
        question = Question(
            account_id=f"user {account}",
            content=TextContent(text="Pay 10 EUR to Adam?"),
            callback=CALLBACK,
            duration=luck.choice([SHORT, LONG, LONG]),
        )
        challenges = Challenges(ports, POLICY)
        issued, _ = self.book.attempt(lambda: challenges.issue(origin, question))
        if issued is None:
            self._stop.wait(GLANCE)
            return
        asked = issued.challenge
        self.book.note("asked", asked.guid)
        self.recent.append((account, asked))

    def _answer(self, luck):
        account, asked = self._met(luck)
        if asked.guid in self._over and luck.random() < PASSED_OVER:
            self._stop.wait(GLANCE)
            return
        how = luck.choice(["approve", "approve", "reject", "disown"])
        self.book.note("said", asked.guid, ENDS[how])
        phone, answers = self.service.phones[account], Answers(self.service.ports, POLICY)
        if how == "disown":
            token, respond = phone.device.disown(asked.display), answers.disown
        else:
            button = ("approve", "reject").index(how)
            pin = phone.pin if button == 0 else None
            token = phone.device.answer(asked.display, button, pin=pin)
            respond = answers.answer
        self._told(self.book.insist(lambda: respond(phone.call("/", token.encode())), TRIES))

    def _cancel(self, luck):
        self._stop.wait(PAUSE)
        _, asked = self._met(luck)
        challenges, origin = Challenges(self.service.ports, POLICY), self.service.world.origin
        self.book.note("said", asked.guid, ENDS["cancel"])
        # It gives up at once: what is not told is not done for the asking.
        self._told(self.book.attempt(lambda: challenges.cancel(origin, asked.guid))[0])

    def _look(self, luck):
        self._stop.wait(GLANCE)
        _, asked = self._met(luck)
        challenges, origin = Challenges(self.service.ports, POLICY), self.service.world.origin
        self._told(self.book.attempt(lambda: challenges.status(origin, asked.guid))[0])

    def _deliver(self, _):
        callbacks = Callbacks(self.service.ports, POLICY)
        due, _ = self.book.attempt(lambda: callbacks.due(20))
        for guid in due or ():
            self.book.attempt(lambda guid=guid: callbacks.attempt(guid))

    def _sweep(self, _):
        self._stop.wait(PAUSE)
        ahead = FrozenClock(self.service.world.clock.now() + 2 * SHORT)
        sweeper = Challenges(evolve(self.service.ports, clock=ahead), POLICY)
        self.book.attempt(lambda: sweeper.expire(5))

    def _met(self, luck):
        while not self.recent:
            if self._stop.wait(GLANCE):
                raise Left
        return luck.choice(self.recent)

    def _told(self, challenge):
        if challenge is not None and end_of(challenge) is not None:
            self._over.add(challenge.guid)
            self.book.note("told", challenge.guid, end_of(challenge))
