"""A Celery task runs once a person has approved it, and not again when it is delivered again."""

import threading
import time
from datetime import timedelta

from approve_an_agent import a_site, an_agent
from ask_from_your_site import a_phone, service
from celery import Celery

from counterseal_client import ActionUsed, requires_approval

refunded = []


def refund_order(order, amount):
    """Pay the money back; stands for a function of yours."""
    refunded.append((order, amount))


# The task
def refund_task(app, client, trust, account_id):
    @app.task(acks_late=True, shared=False)
    @requires_approval(
        client,
        trust,
        account=account_id,
        resource="refund",
        timeout=timedelta(minutes=5),
        idempotency_key=lambda _: refund.request.id,
    )
    def refund(order, amount):
        refund_order(order, amount)

    return refund


# A walk through it


def main():
    world, _, server, url = service()
    with a_site(world, url) as site:
        phone = a_phone(world, site.bind("manager-1").link())
    client, trust = an_agent(world, url)
    refund = refund_task(Celery("shop"), client, trust, "manager-1")

    person = threading.Thread(target=answer, args=(phone,))
    person.start()
    refund.apply(("order-7", 1990), task_id="task-1").get()
    person.join()
    print("Refunded:", refunded)
    try:
        refund.apply(("order-7", 1990), task_id="task-1").get()
    except ActionUsed as refusal:
        print("Delivered again:", refusal.problem)
    client.close()
    server.shutdown()


def answer(phone, button=0):
    """Answer the next request, by the button that approves unless another one is named."""
    while not (requests := phone.pending()):
        time.sleep(0.02)
    phone.answer(phone.fetch(requests[0].guid), button)


if __name__ == "__main__":
    main()
