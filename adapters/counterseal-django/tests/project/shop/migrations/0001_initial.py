"""The shop's own table."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Create it."""

    initial = True
    operations = [
        migrations.CreateModel(
            "Customer",
            [
                (
                    "id",
                    models.BigAutoField(
                        verbose_name="ID", primary_key=True, serialize=False, auto_created=True
                    ),
                ),
                ("name", models.CharField(max_length=100)),
            ],
            {"ordering": ("pk",)},
        )
    ]
