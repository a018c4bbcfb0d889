"""Create the table of orders."""

from django.db import migrations, models

import shop.models


class Migration(migrations.Migration):
    """Written by `manage.py makemigrations`."""

    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Order",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=shop.models.new_id,
                        max_length=36,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("user", models.CharField(max_length=100)),
                ("item", models.CharField(max_length=100)),
                ("challenge", models.CharField(max_length=36)),
                ("state", models.CharField(default="waiting", max_length=10)),
            ],
            options={"db_table": "orders"},
        ),
    ]
