"""`manage.py install`: a step of each deployment, before the processes start."""

from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Prepare the database and the keys."""

    help = __doc__
    requires_system_checks = ()  # one of them misses the keys

    def handle(self, **_):
        call_command("migrate", verbosity=0)  # the shop's tables
        # Counterseal's tables. Keys only for a new shop: new ones open nothing of lost ones.
        call_command("counterseal_upgrade", create_keys=True, verbosity=0)
