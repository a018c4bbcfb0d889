"""The table of the requests, which `counterseal_sql.own_data.ApprovalTable` has for SQLAlchemy."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from django.db import models

from counterseal_sql.own_data.approval_request import GUID_LENGTH, KEY_LENGTH, OUTCOME_LENGTH
from counterseal_sql.own_data.table import NAME

if TYPE_CHECKING:
    Text: TypeAlias = models.CharField[str | None, str | None]
    Number: TypeAlias = models.BigIntegerField[int | None, int | None]


class ApprovalRow(models.Model):
    """
    A request for one approval; `counterseal_sql.own_data.ApprovalRequest` says what is in it.

    Times are microseconds since 1970. The project may read the rows and delete those that have an
    outcome; it changes none.
    """

    key: models.CharField[str, str] = models.CharField(max_length=KEY_LENGTH, primary_key=True)
    question: models.TextField[str, str] = models.TextField()
    next_visit: Number = models.BigIntegerField(null=True, blank=True, db_index=True)
    challenge: Text = models.CharField(max_length=GUID_LENGTH, null=True, blank=True, unique=True)
    asked_at: Number = models.BigIntegerField(null=True, blank=True)
    outcome: Text = models.CharField(max_length=OUTCOME_LENGTH, null=True, blank=True)  # noqa: DJ001 (as SQLAlchemy's table)
    use: Text = models.CharField(max_length=GUID_LENGTH, null=True, blank=True, unique=True)

    class Meta:
        """Its names."""

        db_table = NAME
        verbose_name = "approval request"

    def __str__(self) -> str:
        """Return the key."""
        return str(self.key)
