"""What an answer commits: everything that it was judged on is in the one commit, or guards it."""

import attrs
import pytest

from counterseal.errors import StrongKeyMissed, WrongCode
from counterseal.models import Account, AccountEvent, Binding, Callback, Challenge
from counterseal_testing.service import CALLBACK


class Commits:
    """A store that keeps what it was asked to commit."""

    def __init__(self, store):
        self._store = store
        self.commits = []

    def __getattr__(self, name):
        return getattr(self._store, name)

    def commit(self, changes, audit, operation):
        self._store.commit(changes, audit, operation)
        self.commits.append(changes)


@pytest.fixture
def alice(service):
    return service.bind("alice")


@pytest.fixture
def issued(service, alice):
    return service.ask("alice", "Pay?", show_code=True, callback=CALLBACK)


@pytest.fixture
def committed(service):
    """Do something that commits once; return what was done to the record of each kind."""

    def run(call, refusal=None):
        commits = Commits(service.store)
        watched = service.but(store=commits)
        if refusal is None:
            call(watched)
        else:
            with pytest.raises(refusal):
                call(watched)
        (changes,) = commits.commits
        done = {}
        for change in changes:
            created = "created" if change.old is None else "swapped"
            done[type(change.new)] = "guarded" if change.new is change.old else created
        assert len(done) == len(changes)
        return done

    return run


@pytest.mark.parametrize("verb", ["approve", "refuse", "disown"])
def test_s18_an_accepted_answer_holds_challenge_account_binding_and_callback(
    alice, issued, committed, verb
):
    call = {
        "approve": lambda service: service.answer(alice, issued.challenge, code=issued.code),
        "refuse": lambda service: service.answer(alice, issued.challenge, 1),
        "disown": lambda service: service.disown(alice, issued.challenge),
    }[verb]
    assert committed(call) == {
        Challenge: "swapped",
        Account: "swapped",
        Binding: "guarded",
        Callback: "created",
        **({AccountEvent: "created"} if verb == "disown" else {}),
    }


def test_an_answer_that_clears_strikes_swaps_the_binding(alice, issued, committed):
    with pytest.raises(StrongKeyMissed):
        attrs.evolve(alice, pin="0000").answer(issued.challenge, code=issued.code)
    done = committed(lambda service: service.answer(alice, issued.challenge, code=issued.code))
    assert done[Binding] == "swapped"


def test_a_strike_swaps_the_binding_and_numbers_its_event_on_the_account(alice, issued, committed):
    thief = attrs.evolve(alice, pin="0000")
    done = committed(lambda service: service.answer(thief, issued.challenge), StrongKeyMissed)
    assert done == {Binding: "swapped", Account: "swapped", AccountEvent: "created"}


def test_a_wrong_code_swaps_challenge_and_account_and_guards_the_binding(alice, issued, committed):
    def mistype(service):
        service.answer(alice, issued.challenge, code="wrong!")

    counted = {Challenge: "swapped", Account: "swapped", Binding: "guarded"}
    assert committed(mistype, WrongCode) == counted
    assert committed(mistype, WrongCode) == counted
    assert committed(mistype, WrongCode) == counted | {Callback: "created"}


def test_a_repeat_commits_nothing(service, alice, issued):
    token = service.signed(alice, issued.challenge, code=issued.code)
    service.send(alice, token)
    commits = Commits(service.store)
    service.but(store=commits).send(alice, token)
    assert commits.commits == []
