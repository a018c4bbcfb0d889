"""`manage.py counterseal_revoke`: for a user who has lost a device."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from counterseal.errors import CountersealError
from counterseal_django.wiring import approvals


class Command(BaseCommand):
    """Revoke all devices of a user."""

    help = (
        "Revokes all devices of a user, and the links that would bind one. The user may then"
        " connect another one with the password alone, so find out first who asks for it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the account id."""
        parser.add_argument(
            "account_id", help="the user's account id: the primary key, unless ACCOUNT_ID differs"
        )

    def handle(self, *_: Any, account_id: str, verbosity: int, **__: Any) -> None:
        """
        Run the command.

        Raises:
            CommandError: Something is unfit, there is no such account, or the store failed.
        """
        try:
            current = approvals()
            current.service.accounts.revoke(current.party, account_id)
        except CountersealError as error:
            raise CommandError(f"{type(error).__name__}: {error}") from error
        if verbosity:
            self.stdout.write(f"The account {account_id} has no device any more.")
