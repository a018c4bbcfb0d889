"""Customers of the office, and what they have bought."""

from django.db import models


class Tag(models.Model):
    name = models.CharField(max_length=100)

    def __str__(self):
        return self.name


class Customer(models.Model):
    name = models.CharField(max_length=100)
    secret = models.CharField(max_length=100, blank=True)
    level = models.CharField(max_length=1, choices=[("g", "gold"), ("s", "silver")], default="s")
    parent = models.ForeignKey("self", models.SET_NULL, null=True, blank=True)
    tags = models.ManyToManyField(Tag, blank=True)

    def __str__(self):
        return self.name


class Purchase(models.Model):
    customer = models.ForeignKey(Customer, models.CASCADE)
    item = models.CharField(max_length=100)

    def __str__(self):
        return self.item


def list_price():
    return 10


class Plan(models.Model):
    name = models.CharField(max_length=100)
    # A default that is called: Django's form has the value of before in a hidden field.
    price = models.IntegerField(default=list_price)
    is_open = models.BooleanField(default=False)

    def __str__(self):
        return self.name
