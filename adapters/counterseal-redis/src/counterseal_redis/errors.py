"""What goes wrong here and nowhere else; all other errors are the core's."""

from __future__ import annotations

from counterseal.errors import Misuse


class UnfitClient(Misuse, code="unfit_client"):
    """The client would read from replicas, or hand out text."""


class UnfitServer(Misuse, code="unfit_server"):
    """The server is too old, forgets keys when it is full, or cannot be as sure as is asked."""


class UnfitPrefix(Misuse, code="unfit_prefix"):
    """A prefix is 1 to 32 letters, digits, points, lines and underscores of ASCII."""
