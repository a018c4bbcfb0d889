"""The app, as `INSTALLED_APPS` names it."""

from __future__ import annotations

from django.apps import AppConfig


class CountersealConfig(AppConfig):
    """Counterseal in a Django project."""

    name = "counterseal_django"
    verbose_name = "Counterseal"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks, and watch the transactions of SQLite."""
        from counterseal_django import checks, transactions  # noqa: PLC0415 (apps are not ready)

        checks.register()
        transactions.watch()
