"""Pages by which the tests use the shop, without a log-in of their own."""

import threading
from types import SimpleNamespace

from django.http import JsonResponse

import counterseal as cs
from counterseal_django import approvals

USER = SimpleNamespace(pk=42)


def invite(request):
    """Return a bind link, and whether the user had a device."""
    current = approvals()
    return JsonResponse({"bound": current.has_device(USER), "link": current.invite(USER)})


def ask(request):
    """Ask the user."""
    current = approvals()
    question = cs.read_question({"accountId": current.account_id(USER), "content": "Pay 10 EUR?"})
    issued = current.service.challenges.issue(current.party, question)
    return JsonResponse({"guid": issued.challenge.guid})


def show_state(request, guid):
    """Return how the question stands."""
    current = approvals()
    challenge = current.service.challenges.status(current.party, guid)
    return JsonResponse({"approved": challenge.approved, "state": challenge.state.value})


def count_threads(request):
    """Return how many threads the process has."""
    return JsonResponse({"threads": threading.active_count()})
