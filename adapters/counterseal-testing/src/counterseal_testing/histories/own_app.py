"""
Histories of one's own app: a person approves and refuses, and the app acts once, if approved.

The other machines test adapters below the core; this one tests the program above it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import ClassVar

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from counterseal.errors import Refused, Unavailable
from counterseal.models import Challenge, Guid
from counterseal.policy import STANDARD, Policy
from counterseal.ports import Ports
from counterseal_testing.faults import Crash, Faults, faulty_ports
from counterseal_testing.histories.planned_faults import FOREVER, PlannedFault
from counterseal_testing.service import FakeService

WAYS = (*["approve"] * 5, "refuse", "wrong PIN", "wrong code", "disown")
"""How the person answers; half of the time they approve, or little would be performed."""

SECONDS = (1, 61, 121, 601)
"""How long time passes: within and beyond the lifetimes of challenges and approvals."""

ENOUGH = 2
"""Open requests; with so many the app asks for nothing new, or the service would refuse it."""

CALLS = range(4)
"""The calls of ports at which the process dies, or a second worker comes: the first few."""

_FAULTS = (
    PlannedFault("lost reply", times=FOREVER),
    PlannedFault("lost request", times=FOREVER),
    PlannedFault("failure"),
    PlannedFault("failure", at=""),
    PlannedFault("crash after"),
    *(PlannedFault("crash", at="", skip=skip) for skip in CALLS),
)
FAULTS: st.SearchStrategy[PlannedFault | None] = st.sampled_from((None,) * len(_FAULTS) + _FAULTS)
"""What goes wrong between the app and the service; nothing in half of the calls."""


class OwnApp(RuleBasedStateMachine):
    """
    Histories of your app: it asks a person, and performs each task once, and only if approved.

    A task is whatever your app does after one approval: it ships an order, deletes a customer. Say
    in a subclass how your app is built, how it asks for a task, how it performs one, and which it
    has performed; then its `TestCase` is a test::

        class ShopHistories(OwnApp):
            def create_app(self):
                self.shop = Shop(self.service)

            def ask(self, task):
                self.shop.order(task, buyer=self.account_id)

            def perform(self, task):
                self.shop.ship_if_approved(task)

            def list_performed(self):
                return self.shop.shipped


        TestShop = ShopHistories.TestCase

    A history is a sequence of steps, in any order: the app asks for a new task, or for one again;
    the person approves, refuses, disowns, mistypes the PIN or the code; the app performs a task,
    however often, whatever the person did; time passes. While the app asks or performs, a reply of
    the service may get lost, the store may fail, or the process may die; then `restart_app` starts
    your app again.

    After each step this must hold:

    - no task was performed twice;
    - no task was performed that the person has not approved;
    - a task that was just approved, with nothing going wrong since it was first asked for, is
      performed by the next call of `perform`: an app that never does anything does not pass.

    There are as many histories as your Hypothesis profile has examples, 100 without one, of 50
    steps each; `TestShop.settings = settings(max_examples=30, stateful_step_count=20)` takes fewer.

    A failure prints the shortest history that Hypothesis can make of the one that it found, as
    calls of the rules below. Add rules for what else your app does, such as a refund or a callback
    that arrives twice.

    Attributes:
        account_id: The person, as your app knows them.
        policy: The policy of the service.
        interleaves: Whether `perform` is also called while it runs, as by two workers. The second
            call is made by the same thread, between two calls of the service by the first one; so
            an app that holds a lock of its own meanwhile, which one thread cannot take twice,
            leaves it False.
        refusals: What `ask` and `perform` raise on purpose, when the service refuses or fails.
        tasks: The tasks that were asked for, for your own rules to draw from.
        service: The service; `service.challenges` and the other use cases are what your app calls.
        phone: The person's phone.
        faults: What is between the use cases and the ports of the service.
    """

    tasks: Bundle[str] = Bundle("tasks")

    account_id: ClassVar[str] = "user-42"
    policy: ClassVar[Policy] = STANDARD
    interleaves: ClassVar[bool] = False
    refusals: ClassVar[tuple[type[Exception], ...]] = (Refused, Unavailable)

    def __init__(self) -> None:
        super().__init__()
        self.faults = Faults()
        self.service = FakeService(
            policy=self.policy,
            adapters=lambda ports: faulty_ports(self.adapters(ports), self.faults),
        )
        self.phone = self.service.bind(self.account_id)
        self._challenges: dict[str, list[Guid]] = {}
        self._codes: dict[Guid, str] = {}
        self._approved: set[Guid] = set()
        self._undisturbed_tasks: set[str] = set()
        self._fresh_approvals: set[str] = set()
        self.create_app()

    # What you write

    def create_app(self) -> None:
        """
        Build your app on `self.service`, for one history.

        Raises:
            NotImplementedError: The subclass does not say how.
        """
        raise NotImplementedError("say in `create_app` how your app is built on `self.service`")

    def restart_app(self) -> None:
        """
        Start your app again, after its process has died.

        Override it: build the app anew on what it has stored, as on its database, so that nothing
        else of it is left. Without it the app goes on with all that it had in memory, and these
        histories do not find what it forgets.
        """

    def ask(self, task: str) -> str | None:
        """
        Let your app ask the person to approve a task, perhaps again; when it returns, it has asked.

        Args:
            task: A name, such as an order's number.

        Returns:
            The matching code that your app shows to the person; None if it shows none.

        Raises:
            NotImplementedError: The subclass does not say how.
        """
        raise NotImplementedError("say in `ask` how your app asks for a task")

    def perform(self, task: str) -> None:
        """
        Let your app perform a task if it is approved; it decides that itself.

        Raises:
            NotImplementedError: The subclass does not say how.
        """
        raise NotImplementedError("say in `perform` how your app performs a task if it may")

    def list_performed(self) -> Iterable[str]:
        """
        Return the tasks that your app has performed, each as often as it did.

        Raises:
            NotImplementedError: The subclass does not say how to find out.
        """
        raise NotImplementedError("return in `list_performed` what your app has performed")

    def adapters(self, ports: Ports) -> Ports:
        """Return the service's ports; override it to run your app on your own adapters."""
        return ports

    def is_approved(self, task: str) -> bool:
        """Tell whether the person has approved a task, by any challenge for it."""
        return not self._approved.isdisjoint(self._challenges.get(task, ()))

    # What happens

    @precondition(lambda self: len(self._open_challenges()) < ENOUGH)
    @rule(target=tasks, fault=FAULTS)
    def asks(self, fault: PlannedFault | None) -> str:
        """Ask for a new task."""
        return self._ask_anew(fault)

    @rule(task=tasks, fault=FAULTS)
    def asks_again(self, task: str, fault: PlannedFault | None) -> None:
        """Ask for a task once more, as after a double click or a lost reply."""
        self._ask(task, fault)

    @precondition(lambda self: self._open_challenges())
    @rule(which=st.integers(0, ENOUGH - 1), way=st.sampled_from(WAYS))
    def answers(self, which: int, way: str) -> None:
        """Let the person answer one of the open requests; 0 is the latest one."""
        open_challenges = self._open_challenges()
        self._answer_request(*open_challenges[::-1][which % len(open_challenges)], way)

    @precondition(lambda self: len(self._open_challenges()) < ENOUGH)
    @rule(target=tasks, way=st.sampled_from(WAYS))
    def asks_and_answers(self, way: str) -> str:
        """Ask for a new task, and let the person answer at once."""
        task = self._ask_anew(None)
        for guid, other_task in self._open_challenges()[::-1]:
            if other_task == task:
                self._answer_request(guid, task, way)
                break
        return task

    @rule(task=tasks, fault=FAULTS)
    def performs(self, task: str, fault: PlannedFault | None) -> None:
        """Perform a task, whatever the person has done, perhaps again."""
        self._call(task, "perform", self.perform, fault)
        if task in self._fresh_approvals:
            assert task in self.list_performed(), f"{task} is approved, and was not performed"

    @precondition(lambda self: self.interleaves)
    @rule(task=tasks, call=st.sampled_from(CALLS))
    def performs_while_performing(self, task: str, call: int) -> None:
        """Perform a task while it is being performed, as two workers do: before a port's call."""
        self._call(task, "perform", self.perform, PlannedFault("perform", at="", skip=call))

    @rule(seconds=st.sampled_from(SECONDS))
    def waits(self, seconds: int) -> None:
        """Let time pass; what is over expires."""
        self._fresh_approvals.clear()
        self.service.clock.advance(timedelta(seconds=seconds))
        self.service.sweep()

    @invariant()
    def performed_once_if_approved(self) -> None:
        """Demand what must hold after each step."""
        for task, count in Counter(self.list_performed()).items():
            assert self.is_approved(task), f"{task} was performed, and is not approved"
            assert count == 1, f"{task} was performed {count} times"

    # How it is done

    def _ask_anew(self, fault: PlannedFault | None) -> str:
        """Let the app ask for a new task; return its name."""
        task = f"task {len(self._challenges) + 1}"
        self._challenges[task] = []
        self._undisturbed_tasks.add(task)
        has_returned = self._ask(task, fault)
        if has_returned and [*self._challenges] == [task] and task in self._undisturbed_tasks:
            # Later, the service may have refused, and the app may have said so to the person.
            assert self._challenges[task], f"the person was not asked for {task}"
        return task

    def _ask(self, task: str, fault: PlannedFault | None) -> bool:
        """Let the app ask; return whether it returned."""
        before = {challenge.guid for challenge in self._pending()}
        codes: list[str | None] = []
        has_returned = self._call(task, "ask", lambda name: codes.append(self.ask(name)), fault)
        new = [challenge.guid for challenge in self._pending() if challenge.guid not in before]
        self._challenges[task] += new
        for code in filter(None, codes):
            # Asked for again, the app may show the code of the challenge that there was.
            self._codes.update(dict.fromkeys(new or self._challenges[task][-1:], code))
        return has_returned

    def _call(
        self,
        task: str,
        verb: str,
        call: Callable[[str], object],
        fault: PlannedFault | None,
    ) -> bool:
        """Call the app with a fault; return whether it returned."""
        happened = self.faults.happened
        expected: tuple[type[BaseException], ...] = (*self.refusals, Crash)
        if fault is not None:
            fault.arm(self.faults, lambda _: self._interleave(task))
        try:
            call(task)
        except expected as error:
            note(f"  {verb} {task} -> {getattr(error, 'code', type(error).__name__)}")
            has_died = isinstance(error, Crash)
        else:
            note(f"  {verb} {task} -> returned")
            return True
        finally:
            self.faults.clear()
            if self.faults.happened != happened:
                self._undisturbed_tasks.discard(task)
                self._fresh_approvals.discard(task)
        if has_died:
            self.restart_app()
        return False

    def _interleave(self, task: str) -> None:
        try:
            self.perform(task)
        except self.refusals as error:
            note(f"  perform {task} meanwhile -> {getattr(error, 'code', type(error).__name__)}")
        else:
            note(f"  perform {task} meanwhile -> returned")

    def _answer_request(self, guid: Guid, task: str, way: str) -> None:
        try:
            approving = self._answer(self.phone.fetch(guid), way)
        except Refused as refusal:
            note(f"  {way} {task} -> {refusal.code}")
            self._fresh_approvals.clear()
            return
        note(f"  {way} {task} -> accepted")
        if not approving:
            self._fresh_approvals.clear()  # it may have locked the account
        else:
            self._approved.add(guid)
            if task in self._undisturbed_tasks:
                self._fresh_approvals.add(task)

    def _answer(self, challenge: Challenge, way: str) -> bool:
        """Answer in a *way*; return whether that approves."""
        refusing = [
            number for number, button in enumerate(challenge.buttons) if not button.approving
        ]
        if way == "disown" or (way == "refuse" and not refusing):
            self.phone.disown(challenge)
            return False
        approving = next(
            number for number, button in enumerate(challenge.buttons) if button.approving
        )
        code = self._codes.get(challenge.guid)
        if way == "wrong code" and code is not None:
            code = code[:-1] + str((int(code[-1]) + 1) % 10)
        pin = self.phone.pin
        if way == "wrong PIN":
            self.phone.pin = pin[::-1]
        try:
            self.phone.answer(challenge, refusing[0] if way == "refuse" else approving, code=code)
        finally:
            self.phone.pin = pin
        return way != "refuse"

    def _open_challenges(self) -> list[tuple[Guid, str]]:
        """Return the open challenges with their tasks, oldest first."""
        tasks = {guid: task for task, guids in self._challenges.items() for guid in guids}
        pending = [challenge.guid for challenge in self._pending()]
        return [(guid, tasks[guid]) for guid in pending if guid in tasks]

    def _pending(self) -> tuple[Challenge, ...]:
        bond = self.phone.device.bond
        assert bond is not None
        return self.service.ports.store.pending(bond.account)
