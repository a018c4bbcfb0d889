"""Errors of the Django app; all other errors are the core's."""

from __future__ import annotations

from counterseal.errors import Misuse


class UnfitSettings(Misuse, code="unfit_settings"):
    """A member of `settings.COUNTERSEAL` is missing, unknown or of another kind."""


class UnfitDatabase(Misuse, code="unfit_database"):
    """The alias `counterseal` is missing, or names a database that Counterseal cannot use."""


class StoreInTransaction(Misuse, code="store_in_transaction"):
    """
    The store would be written to inside a transaction of its own caller.

    SQLite has one writer: the call and the transaction would wait for each other.
    """


class StoreOutsideTest(Misuse, code="store_outside_test"):
    """A test uses the store without a database of its own."""


class RequestInTransaction(Misuse, code="request_in_transaction"):
    """
    A request for an approval is asked or finished inside `atomic`.

    Its row, or what the project does, would not be committed when Counterseal is called. Call it
    after the commit, and in tests from a `TransactionTestCase`.
    """
