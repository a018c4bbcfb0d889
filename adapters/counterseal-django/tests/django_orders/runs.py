"""What a process of the project does, as a run of `KilledRuns` names it."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from interrupted_requests import (
    BEFORE_COMMIT,
    IN_TRANSACTION,
    PAUSE,
    interrupted_service,
    killed_at,
)

from counterseal.errors import AccountUnknown
from counterseal_django import RequestInTransaction
from counterseal_django.own_data.requests import ApprovalRequests
from counterseal_sql.own_data import TransactionEnded
from django_orders.models import Order, cancel, pay, place_order


def migrate(_):
    """Create the tables of the project; the migration of the requests is complete."""
    call_command("migrate", run_syncdb=True, verbosity=0)
    call_command("makemigrations", "counterseal_own_data", check=True, dry_run=True, verbosity=0)


def new_requests(run):
    """Return the requests of this process, which is killed at the point of *run*."""
    interrupt = killed_at(run["point"])

    def pay_and_interrupt(request):
        pay(request)
        interrupt(IN_TRANSACTION)

    return ApprovalRequests(
        service=interrupted_service(run),
        on_approval=pay_and_interrupt,
        on_end=cancel,
        pause=PAUSE,
    )


def order(run):
    """Place an order, and ask."""
    requests = new_requests(run)

    def interrupt_before_commit(execute, sql, *arguments):
        result = execute(sql, *arguments)
        if sql.startswith('INSERT INTO "approval_requests"'):
            killed_at(run["point"])(BEFORE_COMMIT)
        return result

    with connection.execute_wrapper(interrupt_before_commit):
        place_order(requests, Order(key=run["key"], user=run["user"], amount="10.00"))
    requests.ask(run["key"])


def work(run):
    """Be a worker, where these and no other requests are unfinished."""
    requests = new_requests(run)
    assert [request.key for request in requests.unfinished()] == run.get("unfinished", [])
    requests.work()


def work_until_done(run):
    """Be a worker, and require that nothing is unfinished then."""
    requests = new_requests(run)
    requests.work()
    assert requests.unfinished() == []


def refuse_in_transaction(run):
    """Require that nothing is asked in a transaction."""
    requests = new_requests(run)
    place_order(requests, Order(key=run["key"], user=run["user"], amount="10.00"))
    calls = [
        lambda: requests.ask(run["key"]),
        lambda: requests.finish(run["key"]),
        requests.work,
        requests.unfinished,
    ]
    refusals = []
    for call in calls:
        try:
            with transaction.atomic():
                call()
        except RequestInTransaction as refusal:
            refusals.append(refusal)
    assert len(refusals) == len(calls)


def refuse_hidden_rollback(run):
    """Require that nothing is done where `pay` hides an error, or autocommit is off."""

    def pay_and_hide_an_error(request):
        pay(request)
        with suppress(IntegrityError):
            Order(key=run["key"]).save(force_insert=True)

    service = interrupted_service(run)
    requests = ApprovalRequests(service=service, on_approval=pay_and_hide_an_error, pause=PAUSE)
    require_raised(TransactionEnded, requests.work)
    assert [request.key for request in requests.unfinished()] == [run["key"]]
    transaction.set_autocommit(False)
    require_raised(RequestInTransaction, requests.work)


def require_raised(error, call):
    """Require that *call* raises *error*."""
    try:
        call()
    except error:
        return
    raise AssertionError(error)


def finish_at_once(run):
    """Finish the order in several threads."""
    requests = new_requests(run)
    with ThreadPoolExecutor(4) as pool:
        finished = list(pool.map(requests.finish, [run["key"]] * 4))
    assert {request.outcome for request in finished} == {"used"}


def use_project(run):
    """Place an order of a user without a device, with the project's own Counterseal."""
    call_command("counterseal_upgrade", create_keys=True, verbosity=0)
    call_command("migrate", run_syncdb=True, verbosity=0)
    requests = ApprovalRequests(on_approval=pay, on_end=cancel)
    # On SQLite, nothing may use the store within this transaction.
    place_order(requests, Order(key=run["key"], user=run["user"], amount="10.00"))
    try:
        requests.ask(run["key"])
    except AccountUnknown:
        assert Order.objects.get(key=run["key"]).state == "account_unknown"
    else:
        raise AssertionError
