import pytest

from counterseal.errors import (
    BindingInactive,
    Contended,
    Indeterminate,
    SignerUnavailable,
    StoreUnavailable,
)
from counterseal.models import OPERATOR, BindingState
from counterseal_testing import Crash, FakeService, Fault, Faults, faulty, faulty_ports


class Bench:
    """A world whose ports may fail, with a bound phone and a question."""

    def __init__(self):
        self.faults = Faults()
        self.world = FakeService(adapters=lambda ports: faulty_ports(ports, self.faults))
        self.phone = self.world.bind("zoe")
        self.challenge = self.world.ask("zoe", "Pay?", callback="https://shop.example/done")
        self.challenge = self.challenge.challenge
        self.faults.calls.clear()

    def state(self):
        return self.world.challenges.status(self.world.origin, self.challenge.guid).state.value


@pytest.fixture
def bench():
    return Bench()


def test_nothing_happens_by_itself(bench):
    bench.phone.answer(bench.challenge)

    assert bench.faults.happened == 0
    assert bench.faults.calls == [
        "notifier.kinds",
        "store.get",
        "replay.first_seen",
        "signer.jwks",
        "signer.sign",
        "store.commit",
        *["wake.notify"] * 3,
    ]


def test_a_failure_changes_nothing(bench):
    bench.faults.fail()

    with pytest.raises(StoreUnavailable):
        bench.phone.answer(bench.challenge)
    assert bench.state() == "PENDING"
    assert bench.faults.happened == 1


def test_a_failure_may_be_of_any_port_and_kind(bench):
    bench.faults.fail("signer.sign", SignerUnavailable())

    with pytest.raises(SignerUnavailable):
        bench.phone.answer(bench.challenge)
    assert bench.state() == "PENDING"


def test_one_lost_reply_makes_no_difference(bench):
    bench.faults.lose_reply()

    assert bench.phone.answer(bench.challenge).approved
    assert bench.faults.calls.count("store.commit") == 2


def test_a_lost_request_is_sent_again(bench):
    bench.faults.lose_reply(applied=False)

    assert bench.phone.answer(bench.challenge).approved


@pytest.mark.parametrize(("applied", "state"), [(True, "ANSWERED"), (False, "PENDING")])
def test_replies_that_are_lost_for_good_leave_the_caller_in_doubt(bench, applied, state):
    bench.faults.lose_reply(applied=applied, times=1000)

    with pytest.raises(Indeterminate):
        bench.phone.answer(bench.challenge)
    assert bench.state() == state


@pytest.mark.parametrize("skip", range(7))
def test_a_crash_is_no_exception(bench, skip):
    bench.faults.crash(skip=skip)

    with pytest.raises(Crash):
        bench.phone.answer(bench.challenge)
    assert not issubclass(Crash, Exception)
    assert bench.state() == ("ANSWERED" if skip == 6 else "PENDING")


def test_a_crash_may_come_after_the_call(bench):
    bench.faults.crash("store.commit", after=True)

    with pytest.raises(Crash):
        bench.phone.answer(bench.challenge)
    assert bench.state() == "ANSWERED"


def test_somebody_may_come_between(bench):
    bench.faults.meanwhile(lambda: bench.world.devices.revoke(bench.phone.guid, by=OPERATOR))

    with pytest.raises(BindingInactive):
        bench.phone.answer(bench.challenge)
    assert bench.state() == "PENDING"
    (binding,) = bench.world.accounts.list_devices(bench.world.origin, "zoe")
    assert binding.state is BindingState.REVOKED


def test_somebody_may_come_between_again_and_again(bench):
    def disturb():
        for lock in (bench.world.accounts.lock, bench.world.accounts.unlock):
            lock(bench.challenge.account, by=OPERATOR)

    for skip in range(bench.world.policy.commit_attempts):
        # Each of the two commits that come between counts, too.
        bench.faults.meanwhile(disturb, skip=3 * skip)

    with pytest.raises(Contended):
        bench.phone.answer(bench.challenge)


def test_calls_may_pass_before_it_happens(bench):
    bench.faults.fail("store.get", skip=1)

    assert bench.phone.fetch(bench.challenge.guid)
    with pytest.raises(StoreUnavailable):
        bench.phone.fetch(bench.challenge.guid)


def test_what_did_not_happen_can_be_forgotten(bench):
    bench.faults.add(Fault(effect=lambda: pytest.fail("it happened")))
    bench.faults.clear()

    assert bench.phone.answer(bench.challenge).approved


def test_one_port_can_be_faulty_alone():
    faults = Faults()
    clock = faulty(FakeService().clock, "clock", faults)
    faults.meanwhile(lambda: None, at="clock.now")

    assert clock.now()
    assert clock.moments
    assert faults.calls == ["clock.now"]
