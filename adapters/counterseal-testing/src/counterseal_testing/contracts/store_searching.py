"""Which accounts a store finds by the beginning of their ids: STORE-28 to STORE-30."""

from __future__ import annotations

from counterseal.models import Account, Guid
from counterseal.ports import Store
from counterseal_testing.clock import START
from counterseal_testing.contracts.record_factory import RecordFactory, next_version
from counterseal_testing.contracts.store_setup import NewStore, StoreSetup

SORTED = (
    "\x00",
    "%",
    "_",
    "z",
    "z\x00",
    "z%",
    "zo",
    "zo\x00e",
    "zoe",
    "zoe ",
    "zoe@example.com",
    "zoe\u0308",
    "zoë",
    "zo\ud7ff",
    "zo\ufb01",
    "zo\uffff",
    "zo\U00010000",
    "zo\U0010ffff",
    "zp",
    "É",
    "ß",
    "ﬁ",
    "\U0001f469",
)
"""Ids in the order of their code points; collations, patterns and UTF-16 compare some oddly."""

LONG = "long" * 200
"""As long as an id can be if a policy allows the most."""


def search_all(store: Store, app_space: Guid, prefix: str, limit: int) -> tuple[Account, ...]:
    """Return the accounts of all pages; each page but the last one has as many as it may."""
    accounts: list[Account] = []
    after = None
    while page := store.search(app_space, prefix, after, limit):
        assert len(page) <= limit, "more accounts than the limit"
        accounts += page
        after = page[-1].account_id
    return tuple(accounts)


class StoreSearching(StoreSetup):
    """The clauses of `search`."""

    def test_store_28_finds_the_ids_that_begin_so_and_no_other(self, new_store: NewStore) -> None:
        """STORE-28."""
        worker, factory = self.worker(new_store), RecordFactory()
        accounts = [factory.account(text) for text in (*SORTED, LONG, f"{LONG}!")]
        worker.create(*reversed(accounts))
        prefixes = {text[:length] for text in SORTED for length in range(len(text) + 1)}

        for prefix in (*sorted(prefixes), LONG, f"{LONG}!", "Z", "zoE", "zoe%", "x", "\ud800"):
            actual = worker.store.search(factory.space, prefix, None, 99)

            expected = {one for one in accounts if one.account_id.startswith(prefix)}
            assert (len(actual), set(actual)) == (len(expected), expected), prefix

    def test_store_28_app_spaces_do_not_meet(self, new_store: NewStore) -> None:
        """STORE-28."""
        worker, factory = self.worker(new_store), RecordFactory()
        spaces = [factory.guid(partition) for partition in (0, 0, 1)]
        accounts = [
            factory.account(text, app_space=space) for space in spaces for text in ("zoe", "zoé")
        ]
        worker.create(*accounts)

        for number, space in enumerate(spaces):
            own = accounts[2 * number : 2 * number + 2]
            assert worker.store.search(space, "zo", None, 9) == tuple(own)
            assert worker.store.search(space, "", "zoe", 9) == tuple(own[1:])
        assert worker.store.search(factory.guid(), "", None, 9) == ()

    def test_store_28_follows_an_account_that_changes(self, new_store: NewStore) -> None:
        """STORE-28: an erased account is ended_account at once, and its user may come back."""
        worker, factory = self.worker(new_store), RecordFactory()
        before, other, after = factory.neighbours(3)
        account = factory.account(before)
        worker.create(account, factory.account("zoe"))
        changed = worker.replace(account, next_version(account, receipts=1))
        assert worker.store.search(factory.space, before, None, 9) == (changed,)

        renamed = worker.replace(changed, next_version(changed, account_id=other))
        assert worker.store.search(factory.space, other, None, 9) == (renamed,)
        assert worker.store.search(factory.space, "", None, 9)[:-1] == (renamed,)

        erased = worker.replace(renamed, next_version(renamed, account_id=after, erased_at=START))
        for text in (before, other, after):
            assert worker.store.search(factory.space, text, None, 9) == ()
        worker.replace(erased, next_version(erased))
        assert len(worker.store.search(factory.space, "", None, 9)) == 1

        again = factory.account(other)
        worker.create(again)
        assert worker.store.search(factory.space, other, None, 9) == (again,)

    def test_store_28_erases_what_keeps_its_id(self, new_store: NewStore) -> None:
        """STORE-28: a store does not know that an erased account gets another id."""
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account()
        worker.create(account)

        erased = worker.replace(account, next_version(account, erased_at=START))
        assert worker.store.search(factory.space, "", None, 9) == ()

        restored = worker.replace(erased, next_version(erased, erased_at=None))
        assert worker.store.search(factory.space, "z", None, 9) == (restored,)

    def test_store_29_orders_by_code_points(self, new_store: NewStore) -> None:
        """STORE-29."""
        worker, factory = self.worker(new_store), RecordFactory()
        accounts = {text: factory.account(text) for text in SORTED}
        worker.create(*reversed(accounts.values()))

        assert worker.store.search(factory.space, "", None, 99) == tuple(accounts.values())
        for number, text in enumerate(SORTED):
            later = tuple(accounts.values())[number + 1 :]
            assert worker.store.search(factory.space, "", text, 99) == later

    def test_store_29_begins_after_an_id_that_no_account_has(self, new_store: NewStore) -> None:
        """STORE-29."""
        worker, factory = self.worker(new_store), RecordFactory()
        accounts = [factory.account(text) for text in ("a", "ab", "abc", "b")]
        worker.create(*accounts)

        for after, count in (("", 2), ("aa", 2), ("ab", 1), ("abb", 1), ("abc", 0), ("b", 0)):
            actual = worker.store.search(factory.space, "ab", after, 9)

            assert actual == tuple(accounts[3 - count : 3]), after

    def test_store_30_pages_leave_nothing_out(self, new_store: NewStore) -> None:
        """STORE-30: also where all ids of a page lie in one partition."""
        worker, factory = self.worker(new_store), RecordFactory()
        names = [f"user {number}" for number in range(40)] + factory.neighbours(12)
        accounts = sorted(map(factory.account, names), key=lambda one: one.account_id)
        worker.create(*accounts)

        for limit in (1, 3, 7, 51, 52, 53, 1000):
            assert worker.store.search(factory.space, "", None, limit) == tuple(accounts[:limit])
        for limit in (5, 52):
            assert search_all(worker.store, factory.space, "", limit) == tuple(accounts)
        assert search_all(worker.store, factory.space, "user 1", 2) == tuple(
            one for one in accounts if one.account_id.startswith("user 1")
        )

    def test_store_30_pages_hold_while_others_come_and_go(self, new_store: NewStore) -> None:
        """STORE-30."""
        worker, factory = self.worker(new_store), RecordFactory()
        accounts = [factory.account(f"{number:02}") for number in range(12)]
        worker.create(*accounts)
        first = worker.store.search(factory.space, "", None, 4)
        assert first == tuple(accounts[:4])

        worker.create(factory.account("00 a"), factory.account("05 a"))
        for ended_account in (accounts[3], accounts[6]):
            worker.replace(ended_account, next_version(ended_account, erased_at=START))
        after = first[-1].account_id
        rest = worker.store.search(factory.space, "", after, 99)

        remaining = [one.account_id for one in accounts[4:] if one is not accounts[6]]
        assert [one.account_id for one in rest if one.account_id != "05 a"] == remaining
