"""
Models: the approvals that users were asked for, as an admin site lists them.

Nothing is migrated, and nothing is written: the table is the store's own.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from counterseal.models import Challenge
from counterseal_django.store import ALIAS
from counterseal_records import RecordUnreadable, read_as
from counterseal_sql.schema import RECORDS

KIND = "challenge"


class ApprovalManager(models.Manager["Approval"]):
    """Reads the challenges among the store's records."""

    def get_queryset(self) -> Any:
        """Return all challenges; those of other databases are none of ours."""
        return super().get_queryset().using(ALIAS).filter(kind=KIND)


class Approval(models.Model):
    """One question to a user, with its answer."""

    number: models.BigIntegerField[int, int] = models.BigIntegerField(primary_key=True)
    guid: models.CharField[str, str] = models.CharField(_("id"), max_length=36)
    kind: models.CharField[str, str] = models.CharField(max_length=36)
    account: models.CharField[str, str] = models.CharField(max_length=36)
    body: models.TextField[str, str] = models.TextField()

    objects = ApprovalManager()

    class Meta:
        """The store's table, which it alone writes."""

        managed = False
        db_table = RECORDS.name
        default_permissions = ("view",)
        verbose_name = _("approval")
        verbose_name_plural = _("approvals")

    def __str__(self) -> str:
        return self.guid

    @cached_property
    def challenge(self) -> Challenge | None:
        """The record; None if this release cannot read it."""
        try:
            return read_as(Challenge, self.body)
        except RecordUnreadable:
            return None
