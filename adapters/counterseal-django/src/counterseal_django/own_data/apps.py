"""The app with the table of the requests."""

from __future__ import annotations

from django.apps import AppConfig


class OwnDataConfig(AppConfig):
    """Approvals with the project's own data."""

    name = "counterseal_django.own_data"
    label = "counterseal_own_data"
    verbose_name = "Approvals"
    default_auto_field = "django.db.models.BigAutoField"
