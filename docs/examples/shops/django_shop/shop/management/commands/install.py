"""`manage.py install`: a step of each deployment, before the processes start."""

from django.core.management import call_command
from django.core.management.base import BaseCommand

from counterseal_sql import upgrade
from shop.approvals import database, keys


class Command(BaseCommand):
    """Prepare the database and the keys."""

    help = __doc__

    def handle(self, **_):
        call_command("migrate", verbosity=0)  # the shop's tables
        upgrade(database)  # Counterseal's tables
        # Only for a new shop: new keys open nothing that lost keys have sealed.
        keys.create_missing()
