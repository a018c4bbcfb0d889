"""Orders, and what follows from an approval."""

from django.db import models, transaction

from counterseal.models import Action, Question


class Order(models.Model):  # noqa: DJ008 (nobody reads it)
    key = models.CharField(max_length=64, primary_key=True)
    user = models.CharField(max_length=64)
    amount = models.CharField(max_length=16)
    state = models.CharField(max_length=64, default="waiting")


class Payment(models.Model):  # noqa: DJ008 (nobody reads it)
    """Nothing but the app itself prevents a second payment of an order."""

    order = models.CharField(max_length=64)
    amount = models.CharField(max_length=16)


def place_order(requests, order):
    """Write an order and its request."""
    arguments = {"order": order.key, "amount": order.amount}
    action = Action(type="tool-call", resource="pay", arguments=arguments)
    question = Question(account_id=order.user, content=action)
    with transaction.atomic():
        order.save()
        requests.insert(question, key=order.key)


def pay(request):
    """Pay the order, in the transaction that records the use."""
    order, amount = request.arguments["order"], request.arguments["amount"]
    Payment.objects.create(order=order, amount=amount)
    Order.objects.filter(key=order).update(state="paid")


def cancel(request):
    """Cancel the order; `request.outcome` says why."""
    Order.objects.filter(key=request.key).update(state=request.outcome)
