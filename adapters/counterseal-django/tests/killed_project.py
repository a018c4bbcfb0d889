"""A Django project with the app `django_orders`, in processes that may be killed."""

import sys
from importlib import import_module
from pathlib import Path

import django
from django.conf import settings
from interrupted_requests import serve
from sqlalchemy import make_url

sys.path.insert(0, str(Path(__file__).parent))


def database_of(store):
    """Return Django's description of the database at the address *store*."""
    url = make_url(store)
    if url.get_backend_name() == "sqlite":
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": url.database}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": url.database,
        "USER": url.username,
        "HOST": url.query["host"],
    }


def run_program(run):
    """Set Django up in this process, and call the function that *run* names."""
    database = database_of(run["store"])
    settings.configure(
        DATABASES={"default": database, "counterseal": database},
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
