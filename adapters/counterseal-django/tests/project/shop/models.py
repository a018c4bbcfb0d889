"""The shop's own table."""

from django.db import models


class Customer(models.Model):
    """Somebody who buys."""

    name = models.CharField(max_length=100)

    class Meta:
        """Its page in the admin."""

        ordering = ("pk",)

    def __str__(self):
        """Return the name."""
        return self.name
