"""Which accounts a store finds by a part of their ids, if it can: STORE-33 to STORE-35."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterseal.models import Account, Guid
from counterseal.ports import PartSearch
from counterseal_testing.clock import START
from counterseal_testing.contracts.clauses import needs
from counterseal_testing.contracts.race import bounded_shrinking
from counterseal_testing.contracts.record_factory import RecordFactory, next_version
from counterseal_testing.contracts.store_setup import NewStore, StoreSetup
from counterseal_testing.contracts.store_worker import StoreWorker

Search: TypeAlias = Callable[[Guid, str, Guid | None, int], tuple[Account, ...]]

IDS_BY_PART = {
    "zoe": ("zoe@example.com", "ZOE", "x zoe", "Z\u039fE zoe", "zoezo\x00zoe"),
    "ZoE@": ("zoe@example.com",),
    ".COM": ("zoe@example.com",),
    "strasse": ("STRASSE 7", "Straße 8", "stra\u1e9ee 9"),
    "ße ": ("STRASSE 7", "Straße 8", "stra\u1e9ee 9"),
    "sse": ("STRASSE 7", "Straße 8", "stra\u1e9ee 9"),
    "\u03c3\u03c3\u03c2": ("\u03a3\u03a3\u03a3",),
    "z\u03bfe": ("Z\u039fE zoe",),
    "100%": ("100% of_it",),
    "0%o": (),
    "0% o": ("100% of_it",),
    "f_i": ("100% of_it",),
    '"a"': ('say "a" AND b',),
    " and ": ('say "a" AND b',),
    "-*:": ("x-*:^(y)",),
    "\x00ZO": ("zoezo\x00zoe",),
    "o\x00z": ("zoezo\x00zoe",),
    "\u00e9e1": ("caf\u00e9e1",),
    "\u00e9e2": ("CAF\u00c9E2",),
    "e\u0301e": ("cafe\u0301e3",),
    "\U0001f469 a": ("\U0001f469 a",),
    "\U00010428bc": ("\U00010400bc",),
    "\uffff\U0010ffff!": ("\uffff\U0010ffff!",),
    "\ud800ab": (),
    "abcbcd": (),
    "aaaa": ("AAAAA",),
    "bananaband": (),
}
"""What is searched for, and the ids that are found, of all that are here and of `OTHERS`."""

OTHERS = (
    "zo",
    "aa\ufffezo",
    "ofxit 100x of",
    "zo e",
    "abcd bcda abc",
    "banana bananab nand anaband",
    "aaa baaab",
    "stras",
)


def fold_each(text: str) -> list[str]:
    """Return the code points of *text*, each folded by itself."""
    return [folded for character in text for folded in character.casefold()]


def contains(account_id: str, part: str) -> bool:
    """Tell whether *account_id* contains *part*, compared code point by code point."""
    folded, folded_part = fold_each(account_id), fold_each(part)
    return any(
        folded[begin : begin + len(folded_part)] == folded_part for begin in range(len(folded))
    )


IDS = st.text(st.sampled_from("aAbsSß\x00İ\u0131"), min_size=1, max_size=8)
STEPS = st.lists(st.tuples(st.integers(0, 3), IDS, st.booleans()), max_size=12)
"""Which account, the id that it gets, and whether it is erased."""


class StoreParts(StoreSetup):
    """The clauses of `search_part`."""

    def test_store_33_finds_the_ids_that_contain_it_and_no_other(self, new_store: NewStore) -> None:
        """STORE-33."""
        worker, search = self._searching(new_store, "STORE-33")
        factory = RecordFactory()
        ids = {*OTHERS, *(each for texts in IDS_BY_PART.values() for each in texts)}
        worker.create(*map(factory.account, sorted(ids)))

        for part, texts in IDS_BY_PART.items():
            actual = search(factory.space, part, None, 99)

            assert sorted(each.account_id for each in actual) == sorted(texts), part

    def test_store_33_app_spaces_do_not_meet(self, new_store: NewStore) -> None:
        """STORE-33."""
        worker, search = self._searching(new_store, "STORE-33")
        factory = RecordFactory()
        spaces = [factory.guid(partition) for partition in (0, 0, 1)]
        accounts = [factory.account("zoe", app_space=space) for space in spaces]
        worker.create(*accounts)

        for space, account in zip(spaces, accounts, strict=True):
            assert search(space, "zoe", None, 9) == (account,)
        assert search(factory.guid(), "zoe", None, 9) == ()

    def test_store_33_follows_an_account_that_changes(self, new_store: NewStore) -> None:
        """STORE-33: erased is gone at once, whether or not it gets another id."""
        worker, search = self._searching(new_store, "STORE-33")
        factory = RecordFactory()
        account = factory.account("anna@example.com")
        worker.create(account, factory.account("zoe"))
        space = factory.space

        changed = worker.replace(account, next_version(account, receipts=1))
        assert search(space, "ann", None, 9) == (changed,)
        renamed = worker.replace(changed, next_version(changed, account_id="hanna@example.org"))
        assert search(space, "ann", None, 9) == search(space, ".org", None, 9) == (renamed,)
        assert search(space, ".com", None, 9) == ()
        erased = worker.replace(renamed, next_version(renamed, erased_at=START))
        assert search(space, "ann", None, 9) == ()
        restored = worker.replace(erased, next_version(erased, erased_at=None))
        assert search(space, "ann", None, 9) == (restored,)
        renamed_erased = worker.replace(
            restored, next_version(restored, account_id="erased", erased_at=START)
        )
        worker.replace(renamed_erased, next_version(renamed_erased))
        for part in ("ann", "erased", "example"):
            assert search(space, part, None, 9) == ()

    def test_store_33_holds_whatever_was_committed(self, new_store: NewStore) -> None:
        """STORE-33: by a dictionary that knows all ids, in an App Space for each history."""
        worker, search = self._searching(new_store, "STORE-33")
        factory = RecordFactory()

        @settings(deadline=None, suppress_health_check=list(HealthCheck))
        @given(steps=STEPS, other_part=IDS)
        def holds(steps: list[tuple[int, str, bool]], other_part: str) -> None:
            space = factory.guid()
            accounts: dict[int, Account] = {}
            for slot, account_id, is_erased in steps:
                if any(one.account_id == account_id for one in accounts.values()):
                    continue
                old = accounts.get(slot)
                changes: dict[str, Any] = {"erased_at": START if is_erased else None}
                if old is None:
                    new = factory.account(account_id, app_space=space, **changes)
                else:
                    new = next_version(old, account_id=account_id, **changes)
                worker.commit((old, new))
                accounts[slot] = new
            living = [one for one in accounts.values() if one.erased_at is None]
            ids = [one.account_id for one in living]
            parts = {*_substrings(ids), *(text.swapcase() for text in _substrings(ids)), other_part}
            for part in (text for text in parts if len(text) >= 3):
                expected = {one for one in living if contains(one.account_id, part)}
                actual = search(space, part, None, 99)
                assert (len(actual), set(actual)) == (len(expected), expected), part

        with bounded_shrinking("STORE-33"):
            holds()

    def test_store_34_orders_by_age(self, new_store: NewStore) -> None:
        """STORE-34."""
        worker, search = self._searching(new_store, "STORE-34")
        factory = RecordFactory()
        accounts = [factory.account(f"{name}@example") for name in ("zoe", "adam", "Mia", "bob")]
        worker.create(*accounts)
        # What changes does not get younger.
        accounts[0] = worker.replace(accounts[0], next_version(accounts[0], receipts=1))
        accounts[1] = worker.replace(
            accounts[1], next_version(accounts[1], account_id="zed@example")
        )

        assert search(factory.space, "@example", None, 9) == tuple(accounts)
        for number, account in enumerate(accounts, start=1):
            later = tuple(accounts[number:])
            assert search(factory.space, "@EXAMPLE", account.guid, 9) == later

    def test_store_34_goes_on_after_an_account_that_does_not_fit(self, new_store: NewStore) -> None:
        """STORE-34: one that is erased, one that has another id, and one that never fitted."""
        worker, search = self._searching(new_store, "STORE-34")
        factory = RecordFactory()
        erased, first, renamed, second, other, third = (
            factory.account(f"{number}{text}")
            for number, text in enumerate(("zoe", "zoe", "zoe", "zoe", "adam", "zoe"))
        )
        worker.create(erased, first, renamed, second, other, third)
        worker.replace(erased, next_version(erased, account_id="erased", erased_at=START))
        worker.replace(renamed, next_version(renamed, account_id="bob"))
        space, expected = factory.space, (first, second, third)

        for after, count in ((erased, 3), (renamed, 2), (other, 1), (third, 0)):
            assert search(space, "zoe", after.guid, 9) == expected[3 - count :]
        assert search(space, "zoe", factory.guid(), 9) == ()

    def test_store_34_nothing_comes_after_a_record_that_is_no_account_of_the_app_space(
        self, new_store: NewStore
    ) -> None:
        """STORE-34: an account of another App Space, and a record of another kind."""
        worker, search = self._searching(new_store, "STORE-34")
        factory = RecordFactory()
        other = factory.account("zoe", app_space=factory.guid())
        first, login, last = factory.account("zoe 1"), factory.login(), factory.account("zoe 2")
        worker.create(other, first, login, last)

        assert search(factory.space, "zoe", first.guid, 9) == (last,)
        assert search(factory.space, "zoe", other.guid, 9) == ()
        assert search(factory.space, "zoe", login.guid, 9) == ()

    def test_store_35_pages_leave_nothing_out(self, new_store: NewStore) -> None:
        """STORE-35: also where most have all the characters, and few have them in a row."""
        worker, search = self._searching(new_store, "STORE-35")
        factory = RecordFactory()
        ids = [f"abcd bcde {number}" for number in range(40)] + factory.neighbours(12)
        ids += [f"abcde {number}" for number in range(7)]
        accounts = list(map(factory.account, ids))
        worker.create(*accounts)

        for part in ("abc", "BCD", "abcd", "abcde", "cd "):
            expected = tuple(one for one in accounts if contains(one.account_id, part))
            for limit in (1, 5, len(expected), 1000):
                pages = search_pages(search, factory.space, part, limit)
                assert [account for page in pages for account in page] == list(expected)
                assert all(len(page) == limit for page in pages[:-1]), "fewer than there are"
                assert all(len(page) <= limit for page in pages), "more accounts than the limit"

    def test_store_35_pages_hold_while_others_come_and_go(self, new_store: NewStore) -> None:
        """STORE-35."""
        worker, search = self._searching(new_store, "STORE-35")
        factory = RecordFactory()
        accounts = [factory.account(f"user {number}") for number in range(12)]
        worker.create(*accounts)
        first = search(factory.space, "user", None, 4)
        assert first == tuple(accounts[:4])

        worker.create(factory.account("a user"), factory.account("user 3a"))
        for account in (accounts[3], accounts[6]):
            worker.replace(account, next_version(account, erased_at=START))
        rest = search(factory.space, "user", first[-1].guid, 99)

        remaining = [one for one in accounts[4:] if one is not accounts[6]]
        assert [one for one in rest if one in accounts] == remaining

    def _searching(self, new_store: NewStore, number: str) -> tuple[StoreWorker, Search]:
        """Return a worker on a new store, and the store's `search_part`."""
        needs(self, "finds_parts", number)
        worker = self.worker(new_store)
        return worker, cast("PartSearch", worker.store).search_part


def search_pages(search: Search, space: Guid, part: str, limit: int) -> list[tuple[Account, ...]]:
    """Return all pages that have accounts."""
    pages: list[tuple[Account, ...]] = []
    after = None
    while page := search(space, part, after, limit):
        pages.append(page)
        after = page[-1].guid
    return pages


def _substrings(texts: Iterable[str]) -> set[str]:
    return {
        text[begin:end]
        for text in texts
        for begin in range(len(text))
        for end in range(begin + 3, len(text) + 1)
    }
