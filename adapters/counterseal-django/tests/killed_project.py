"""A Django project with the app `django_orders`, in processes that may be killed."""

import sys
from importlib import import_module
from pathlib import Path

import django
from django.conf import settings
from interrupted_requests import serve

sys.path.insert(0, str(Path(__file__).parent))

for name in (
    "counterseal_django",
    "counterseal_sql.own_data",
    "counterseal_sql.dialects.postgresql",
    "django.core.management.commands.migrate",
    "django.db.backends.postgresql.base",
    "django.db.backends.sqlite3.base",
):
    import_module(name)  # once, and not in each process


def run_program(run):
    """Set Django up in this process, and call the function that *run* names."""
    settings.configure(
        DATABASES={"default": run["database"], "counterseal": run["database"]},
        INSTALLED_APPS=["counterseal_django", "counterseal_django.own_data", "django_orders"],
        SILENCED_SYSTEM_CHECKS=["counterseal.E004", "counterseal.E005", "counterseal.W001"],
        COUNTERSEAL={
            "URL": "http://127.0.0.1:8000/auth",
            "KEYS": run["keys"],
            "TENANCY": "shop.example/django",
            "COMPANY": "Example Ltd",
        },
    )
    django.setup()
    getattr(import_module("django_orders.runs"), run["function"])(run)


if __name__ == "__main__":
    serve(run_program)
