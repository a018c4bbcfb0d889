"""The app, as `INSTALLED_APPS` names it."""

from __future__ import annotations

from django.apps import AppConfig


class CountersealConfig(AppConfig):
    """Counterseal in a Django project."""

    name = "counterseal_django"
    verbose_name = "Counterseal"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks, and remember the project's database."""
        from counterseal_django import checks, store  # noqa: PLC0415 (not before)

        checks.register()
        store.remember_project()
