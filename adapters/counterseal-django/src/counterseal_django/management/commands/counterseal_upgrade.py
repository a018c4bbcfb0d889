"""`manage.py counterseal_upgrade`: a step of each deployment, before the processes start."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from counterseal.errors import CountersealError
from counterseal_django.configuration import configuration
from counterseal_django.store import address_of_alias, connect_to
from counterseal_django.wiring import has_keys, key_files, make_approvals
from counterseal_sql import upgrade


class Command(BaseCommand):
    """Create or migrate Counterseal's tables, and the tenancy."""

    help = (
        "Creates or migrates Counterseal's tables in the database of the alias 'counterseal', and"
        " creates the tenancy. It may run at each deployment, and any number of times."
    )
    requires_system_checks = ()  # it creates what some of them miss

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the option that creates keys."""
        parser.add_argument(
            "--create-keys",
            action="store_true",
            help="create the keys in COUNTERSEAL['KEYS'] if there are none; only for a new project,"
            " because new keys open nothing that lost keys have sealed",
        )

    def handle(self, *_: Any, create_keys: bool, verbosity: int, **__: Any) -> None:
        """
        Run the command.

        Raises:
            CommandError: Something is unfit, or failed; the text says what.
        """
        try:
            config = configuration()
            database = connect_to(address_of_alias(), config.connections)
            try:
                upgrade(database)
                if create_keys:
                    key_files(config).create_missing()
                current = make_approvals(config, database)
            finally:
                database.close()
        except (CountersealError, OSError) as error:
            raise CommandError(f"{type(error).__name__}: {error}") from error
        if not has_keys(config):
            self.stderr.write(f"There are no keys in {config.keys}: see --create-keys in --help.")
        if verbosity:
            guid = current.party.origin.guid
            self.stdout.write(f"The tables are ready, and the origin is {guid}.")
