"""The shop's own table, in the same database."""

import uuid

from django.db import models, transaction

import counterseal as cs
from counterseal.errors import NotFound
from counterseal.models import UNFINISHED
from counterseal_django import approvals


def new_id() -> str:
    return str(uuid.uuid4())


class Order(models.Model):
    """What a user wants to buy, and the challenge that asks for the approval."""

    id = models.CharField(primary_key=True, max_length=36, default=new_id)
    user = models.CharField(max_length=100)
    item = models.CharField(max_length=100)
    challenge = models.CharField(max_length=36)
    state = models.CharField(max_length=10, default="waiting")  # then "paid" or "cancelled"

    class Meta:
        app_label = "shop"
        db_table = "orders"

    def __str__(self):
        return f"{self.item}: {self.state}"


def ask(user: str, text: str, key: str) -> cs.Issued:
    """Ask *user*; the same *key* again returns the same challenge and code."""
    question = cs.read_question(
        {"accountId": user, "content": text, "showCode": True, "duration": "5m"}
    )
    counterseal = approvals()
    challenges = counterseal.service.challenges
    return challenges.issue(counterseal.party, question, idempotency_key=key)


def place_order(user: str, item: str) -> tuple[Order, str]:
    """Ask *user* to approve an order of *item*; return the order and the matching code."""
    order = Order(user=user, item=item)
    issued = ask(user, f"Pay for {item}?", key=order.id)
    order.challenge = issued.challenge.guid
    order.save()
    return order, issued.code


def finish_order(order: Order) -> None:
    """Check the challenge; the first check after its end acts on it, and no other."""
    counterseal = approvals()
    try:
        challenge = counterseal.service.challenges.status(counterseal.party, order.challenge)
    except NotFound:
        state = "cancelled"  # It ended so long ago that it has been deleted.
    else:
        if challenge.state in UNFINISHED:
            return
        state = "paid" if challenge.approved else "cancelled"
    with transaction.atomic():
        waiting = Order.objects.filter(pk=order.pk, state="waiting")
        if waiting.update(state=state) == 1:
            pass  # Yours: send the goods. This commits together with the new state.
    order.refresh_from_db()
