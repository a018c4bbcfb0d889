"""A Django project with `django_orders`, in processes that are killed."""

import sys
import threading
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from interrupted_requests import (
    BEFORE_COMMIT,
    IN_TRANSACTION,
    PAUSE,
    interrupted_service,
    killed_at,
    serve,
)
from sqlalchemy import make_url

from counterseal import Misuse
from counterseal.errors import AccountUnknown

sys.path.insert(0, str(Path(__file__).parent))

APPS = ["counterseal_django.own_data", "django_orders"]


def database_of(store):
    """Return Django's description of the database at the address *store*."""
    url = make_url(store)
    if url.get_backend_name() == "sqlite":
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": url.database}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": url.database,
        "USER": url.username,
        "HOST": url.query["host"],
    }


def configure(run, **members):
    """Set Django up in this process."""
    databases = {"default": database_of(run["store"])}
    settings.configure(DATABASES=databases, INSTALLED_APPS=APPS, USE_TZ=True, **members)
    django.setup()


def migrate(_):
    """Create the tables of the project."""
    call_command("migrate", run_syncdb=True, verbosity=0)
    call_command("makemigrations", "counterseal_own_data", check=True, dry_run=True, verbosity=0)


def new_requests(run):
    """Return the requests of this process, which is killed at the point of *run*."""
    from counterseal_django.own_data.requests import ApprovalRequests
    from django_orders.models import cancel, pay

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
    from django.db import connection

    from django_orders.models import Order, place_order

    requests = new_requests(run)

    def interrupt_before_commit(execute, sql, *arguments):
        result = execute(sql, *arguments)
        if run["point"] == BEFORE_COMMIT and sql.startswith('INSERT INTO "approval_requests"'):
            killed_at(BEFORE_COMMIT)(BEFORE_COMMIT)
        return result

    with connection.execute_wrapper(interrupt_before_commit):
        place_order(requests, Order(key=run["key"], user=run["user"], amount="10.00"))
    requests.ask(run["key"])


def work(run):
    """Be a worker."""
    new_requests(run).work()


def work_until_done(run):
    """Be a worker until nothing is due, and require that nothing is unfinished."""
    requests = new_requests(run)
    requests.work()
    assert requests.unfinished() == []


def require_unfinished(run):
    """Require that the order of *run* is unfinished, and no other."""
    assert [request.key for request in new_requests(run).unfinished()] == [run["key"]]


def refuse_in_transaction(run):
    """Require that nothing is asked in a transaction."""
    from counterseal_django import RequestInTransaction
    from django.db import transaction

    from django_orders.models import Order, place_order

    requests = new_requests(run)
    place_order(requests, Order(key=run["key"], user=run["user"], amount="10.00"))
    calls = [
        lambda: requests.ask(run["key"]),
        lambda: requests.finish(run["key"]),
        requests.work,
        requests.unfinished,
    ]
    for call in calls:
        try:
            with transaction.atomic():
                call()
        except RequestInTransaction as error:
            assert isinstance(error, Misuse)
        else:
            raise AssertionError


def finish_at_once(run):
    """Finish the order in several threads."""
    requests = new_requests(run)
    threads = [threading.Thread(target=requests.finish, args=(run["key"],)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


FUNCTIONS = [
    migrate,
    order,
    work,
    work_until_done,
    require_unfinished,
    refuse_in_transaction,
    finish_at_once,
]


def run_program(run):
    """Run the function that *run* names."""
    if run["function"] == "use_project":
        use_project(run)
        return
    configure(run)
    next(each for each in FUNCTIONS if each.__name__ == run["function"])(run)


def use_project(run):
    """Place an order as a project does, which has Counterseal of its own."""
    database = database_of(run["store"])
    APPS.insert(0, "counterseal_django")
    settings.configure(
        DATABASES={"default": database, "counterseal": database},
        INSTALLED_APPS=APPS,
        USE_TZ=True,
        COUNTERSEAL={
            "URL": "http://127.0.0.1:8000/auth",
            "KEYS": run["keys"],
            "TENANCY": "shop.example/django",
            "COMPANY": "Example Ltd",
        },
    )
    django.setup()
    call_command("counterseal_upgrade", create_keys=True, verbosity=0, skip_checks=True)
    call_command("migrate", run_syncdb=True, verbosity=0, skip_checks=True)

    from counterseal_django.own_data.requests import ApprovalRequests
    from django_orders.models import Order, cancel, pay, place_order

    requests = ApprovalRequests(on_approval=pay, on_end=cancel)
    # On SQLite, nothing may use the store within that transaction.
    place_order(requests, Order(key=run["key"], user=run["user"], amount="10.00"))
    try:
        requests.ask(run["key"])
    except AccountUnknown:
        assert Order.objects.get(key=run["key"]).state == "account_unknown"
    else:
        raise AssertionError


if __name__ == "__main__":
    serve(run_program)
