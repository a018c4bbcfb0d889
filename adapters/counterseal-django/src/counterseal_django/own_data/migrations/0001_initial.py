"""Create the table of the requests."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """The first migration."""

    initial = True
    dependencies: ClassVar[list[tuple[str, str]]] = []
    operations: ClassVar[list[migrations.operations.base.Operation]] = [
        migrations.CreateModel(
            name="ApprovalRow",
            fields=[
                ("key", models.CharField(max_length=256, primary_key=True, serialize=False)),
                ("question", models.TextField()),
                ("next_visit", models.BigIntegerField(blank=True, db_index=True, null=True)),
                (
                    "challenge",
                    models.CharField(blank=True, max_length=36, null=True, unique=True),
                ),
                ("asked_at", models.BigIntegerField(blank=True, null=True)),
                ("outcome", models.CharField(blank=True, max_length=64, null=True)),
                ("use", models.CharField(blank=True, max_length=36, null=True, unique=True)),
            ],
            options={"verbose_name": "approval request", "db_table": "approval_requests"},
        )
    ]
