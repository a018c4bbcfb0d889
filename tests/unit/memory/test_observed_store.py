"""ObservedStore: each method of the port goes through `observe`, with its arguments and result."""

import inspect

import pytest

from counterseal.observed_store import ObservedStore
from counterseal.ports import PartSearch, Store

VERBS = [name for name in (*vars(Store), *vars(PartSearch)) if not name.startswith("_")]


class EchoStore:
    def __getattr__(self, verb):
        return lambda *arguments: (verb, arguments)


class LoggedStore(ObservedStore):
    def __init__(self, store):
        super().__init__(store)
        self.verbs = []

    def observe(self, verb, call):
        self.verbs.append(verb)
        return call()


@pytest.mark.parametrize("verb", VERBS)
def test_each_call_is_observed_and_passed_on(verb):
    port = Store if hasattr(Store, verb) else PartSearch
    parameters = list(inspect.signature(getattr(port, verb)).parameters.values())[1:]
    arguments = tuple(parameter.name for parameter in parameters)
    store = LoggedStore(EchoStore())

    result = getattr(store, verb)(*arguments)

    assert store.verbs == [verb]
    assert verb == "commit" or result == (verb, arguments)


def test_a_call_is_made_where_nothing_observes():
    assert ObservedStore(EchoStore()).bindings("account") == ("bindings", ("account",))


def test_a_store_that_finds_no_parts_finds_none_where_it_is_observed():
    class NoParts:
        """Nothing."""

    for store in (NoParts(), ObservedStore(NoParts())):
        assert ObservedStore(store).search_part is None
