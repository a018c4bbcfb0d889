"""What goes wrong here and nowhere else; all other errors are the core's."""

from __future__ import annotations

from counterseal.errors import Misuse


class UnfitClient(Misuse):
    """The client would read from replicas, or hand out text."""

    code = "unfit_client"


class UnfitServer(Misuse):
    """The server is too old, forgets keys when it is full, or cannot be as sure as is asked."""

    code = "unfit_server"


class UnfitPrefix(Misuse):
    """A prefix is 1 to 32 letters, digits, points, lines and underscores of ASCII."""

    code = "unfit_prefix"
