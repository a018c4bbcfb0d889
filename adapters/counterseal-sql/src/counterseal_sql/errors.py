"""What goes wrong here and nowhere else; all other errors are the core's."""

from __future__ import annotations

from counterseal.errors import Misuse


class UnfitUrl(Misuse, code="unfit_url"):
    """The address is neither of a SQLite file nor of a PostgreSQL database."""


class SchemaTooNew(Misuse, code="schema_too_new"):
    """A newer release of this package has changed the database; this one must not touch it."""
