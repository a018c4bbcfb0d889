"""Histories of orders, answers, time and crashes: what was approved is done once, and only that."""

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from interrupted_requests import IN_TRANSACTION, LONG, PAUSE, POINTS, InterruptedService
from own_orders import TABLE, Base, Order, Payment, cancel, pay, place_order
from sqlalchemy import create_engine, select
from sqlalchemy.orm import sessionmaker
from sqlalchemy.pool import StaticPool

from counterseal.models import ActionState
from counterseal_sql.own_data import ApprovalRequests, LocalService
from counterseal_testing import FakeService


class Crash(BaseException):
    """The end of the process at a point: only what was committed remains."""


CRASHES = st.sampled_from([None, *POINTS[1:]])


class OwnOrders(RuleBasedStateMachine):
    """
    Orders of a program, and the people who answer.

    The oracle knows which orders were committed, and whose approval Counterseal has used.
    """

    keys = Bundle("keys")

    def __init__(self):
        super().__init__()
        self.service = FakeService()
        engine = create_engine("sqlite://", poolclass=StaticPool)
        Base.metadata.create_all(engine)
        self.sessions = sessionmaker(engine)
        service = LocalService(self.service.ports, self.service.policy, self.service.origin)
        self.requests = ApprovalRequests(
            InterruptedService(service, self.interrupt),
            self.sessions,
            TABLE,
            on_approval=self.pay,
            on_end=cancel,
            pause=PAUSE,
        )
        self.point = None
        self.phones = {}
        self.committed = set()

    def interrupt(self, passed):
        if passed == self.point:
            raise Crash

    def pay(self, session, request):
        pay(session, request)
        self.interrupt(IN_TRANSACTION)

    def run(self, point, call, *arguments):
        """Make a call that ends at *point*, if it passes it."""
        self.point = point
        try:
            return call(*arguments)
        except Crash:
            return None
        finally:
            self.point = None

    @rule(target=keys, is_committed=st.booleans())
    def new_order(self, is_committed):
        key = f"order-{len(self.phones)}"
        self.phones[key] = self.service.bind(key)
        with self.sessions() as session:
            place_order(session, self.requests, key, key)
            session.flush()
            if is_committed:
                session.commit()
                self.committed.add(key)
        return key

    @rule(key=keys, point=CRASHES)
    def finish(self, key, point):
        if key in self.committed:
            self.run(point, self.requests.finish, key)

    @rule(point=CRASHES)
    def work(self, point):
        self.run(point, self.requests.work)

    @rule(key=keys, button=st.sampled_from([0, 0, 1]))
    def answer(self, key, button):
        phone = self.phones[key]
        for challenge in phone.pending():
            phone.answer(phone.fetch(challenge.guid), button)

    @rule(wait=st.sampled_from([PAUSE, LONG, timedelta(minutes=4), timedelta(minutes=20)]))
    def pass_time(self, wait):
        self.service.clock.advance(wait)
        self.service.challenges.expire()

    def status_of(self, key):
        """Return what Counterseal knows of the one challenge of an order; None if there is none."""
        phone = self.phones[key]
        challenges = [each.guid for each in (*phone.pending(), *phone.ended())]
        assert len(challenges) <= int(key in self.committed), "somebody was asked twice, or in vain"
        if not challenges:
            return None
        return self.service.actions.status(self.service.origin, challenges[0])

    def rows(self):
        with self.sessions() as session:
            states = dict(session.execute(select(Order.key, Order.state)).all())
            payments = list(session.scalars(select(Payment.order)))
            uses = dict(session.execute(select(TABLE.table.c.key, TABLE.table.c.use)).all())
        return states, payments, uses

    @invariant()
    def each_payment_is_that_of_one_use(self):
        states, payments, uses = self.rows()
        assert set(states) == set(uses) == self.committed
        assert sorted(payments) == sorted(key for key, use in uses.items() if use is not None)
        for key, state in states.items():
            assert (state == "paid") == (key in payments)
            if key in payments:
                assert self.status_of(key).use.guid == uses[key]
        # Also of orders that were rolled back.
        for key in self.phones:
            self.status_of(key)

    def teardown(self):
        """Whatever has happened: a worker that nobody interrupts finishes all."""
        for _ in range(3):
            self.service.clock.advance(LONG)
            self.requests.work()
        assert self.requests.unfinished() == []
        _, payments, _ = self.rows()
        for key in self.committed:
            status = self.status_of(key)
            is_used = status.action is not None and status.action.state is ActionState.USED
            assert is_used == (key in payments)
        self.service.clock.advance(timedelta(days=2))
        self.requests.work()
        self.service.clock.advance(LONG)
        assert self.requests.work() == 0
        states, _, _ = self.rows()
        assert "waiting" not in states.values()


TestOwnOrders = OwnOrders.TestCase
TestOwnOrders.settings = settings(stateful_step_count=30, deadline=None)
