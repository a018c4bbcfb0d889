"""A model admin whose changes a user approves: each is done once, as shown, or not at all."""

import os
import signal
import threading
import warnings
from datetime import timedelta

import pytest
from django.contrib.admin import ModelAdmin, site
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.test import RequestFactory
from django.utils import timezone
from office.admin import CustomerAdmin
from office.models import Customer, Purchase, Tag
from office_customers import LIST, bulk, deletion_of, names
from office_person import PASSWORD, Person

from counterseal.errors import Indeterminate
from counterseal.models import ActionState, UseState
from counterseal_django.admin_operations import EMPTY
from counterseal_django.admin_runs import ApprovalMissing
from counterseal_django.pending_posts import SESSION_KEY, TOKEN, PendingPost

WHERE = "Office \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} Customers"


def form_of(customer, **changes):
    """Return what Django's form of *customer* sends, with *changes*."""
    purchases = {"purchase_set-TOTAL_FORMS": "0", "purchase_set-INITIAL_FORMS": "0"}
    stored = {"name": customer.name, "secret": customer.secret, "level": customer.level}
    return purchases | stored | {"parent": "", **changes}


# A deletion


def test_a_deletion_is_shown_and_done_once(zoe, customers):
    ada, _ = customers
    question = zoe.ask(deletion_of(ada), post="yes")

    page = question.page()
    assert "Delete customer" in page.text
    assert "Open your browser device" in page.text
    assert zoe.displayed() == [
        ("Action", "Delete customer"),
        ("Where", WHERE),
        (f"Customer {ada.pk}", "Ada"),
        ("Also deleted", "1 purchases"),
    ]
    assert (names(), LogEntry.objects.count()) == (["Ada", "Bob"], 0)
    # Before the answer, the form does nothing.
    assert question.go_on().response.url == question.waiting_path
    assert names() == ["Ada", "Bob"]

    question.approve()
    done = question.go_on()
    assert (done.status, done.response.url) == (302, LIST)
    assert "was deleted successfully" in zoe.get(LIST).text
    assert (names(), LogEntry.objects.count()) == (["Bob"], 1)
    assert question.status().use.state is UseState.EXECUTED

    # Again: whoever has deleted it, Django says, it is gone.
    assert question.go_on().status == 302
    assert "it is done" in question.page().text
    assert LogEntry.objects.count() == 1


def test_a_deletion_of_several_is_shown_and_done(zoe, customers):
    question = zoe.ask(LIST, **bulk(*customers))
    ada, bob = customers
    assert zoe.displayed()[0] == ("Action", "Delete 2 customers")
    assert zoe.displayed()[2:] == [
        (f"Customer {ada.pk}", "Ada"),
        (f"Customer {bob.pk}", "Bob"),
        ("Also deleted", "1 purchases"),
    ]
    question.approve()
    question.go_on()
    assert (names(), LogEntry.objects.count()) == ([], 2)


@pytest.mark.parametrize("is_bulk", [False, True])
def test_nothing_is_deleted_if_it_is_declined(zoe, customers, is_bulk):
    ada, _ = customers
    path, form = (LIST, bulk(ada)) if is_bulk else (deletion_of(ada), {"post": "yes"})
    question = zoe.ask(path, **form)
    question.decline()

    assert "You declined" in question.page().text
    assert question.go_on().response.url == question.waiting_path
    assert (names(), LogEntry.objects.count()) == (["Ada", "Bob"], 0)


def test_who_gives_it_up_is_asked_no_more(zoe, customers):
    question = zoe.ask(deletion_of(customers[0]), post="yes")
    assert zoe.post(question.waiting_path).response.url == deletion_of(customers[0])
    assert zoe.phone.pending() == ()
    assert "cancelled" in question.page().text


def test_an_approval_can_be_given_back(zoe, customers):
    question = zoe.ask(deletion_of(customers[0]), post="yes")
    question.approve()
    zoe.post(question.waiting_path)
    assert question.go_on().response.url == question.waiting_path
    assert "given back" in question.page().text
    assert names() == ["Ada", "Bob"]


# What has changed since is not done


def add_purchase(ada):
    Purchase.objects.create(customer=ada, item="a ball")


def change_secret(ada):
    Customer.objects.filter(pk=ada.pk).update(secret="x")


def rename(ada):
    Customer.objects.filter(pk=ada.pk).update(name="Eve")


@pytest.mark.parametrize("change", [add_purchase, change_secret, rename])
@pytest.mark.parametrize("is_late", [False, True])
def test_what_has_changed_since_is_not_deleted(zoe, customers, monkeypatch, change, is_late):
    ada, _ = customers
    question = zoe.ask(deletion_of(ada), post="yes")
    question.approve()
    if is_late:
        use = PendingPost.use

        def use_and_change(*arguments):
            use(*arguments)
            change(ada)

        monkeypatch.setattr(PendingPost, "use", use_and_change)
    else:
        change(ada)

    page = question.go_on()
    assert page.status == 409
    assert "has changed since" in page.text
    assert Customer.objects.count() == 2
    assert LogEntry.objects.count() == 0
    status = question.status()
    if is_late:
        assert status.use.state is UseState.FAILED
    else:
        assert status.action.state is ActionState.WITHDRAWN


def test_what_is_gone_is_not_deleted_again(zoe, customers):
    ada, _ = customers
    question = zoe.ask(deletion_of(ada), post="yes")
    question.approve()
    ada.delete()
    assert question.go_on().status == 302
    assert "Perhaps it was deleted?" in zoe.get(LIST).text
    assert question.status().action.state is ActionState.WITHDRAWN


def test_more_than_a_person_can_check_is_not_asked(zoe):
    crowded = Customer.objects.bulk_create(Customer(name=f"n{number}") for number in range(41))
    page = zoe.post(LIST, **bulk(*crowded))
    assert page.status == 400
    assert "more than you could check" in page.text
    assert zoe.phone.pending() == ()


# Changes and additions


def test_a_change_shows_its_fields_before_and_after(zoe, customers):
    ada, bob = customers
    vip = Tag.objects.create(name="vip")
    (kite,) = ada.purchase_set.all()
    inlines = {
        "purchase_set-TOTAL_FORMS": "2",
        "purchase_set-INITIAL_FORMS": "1",
        "purchase_set-0-id": str(kite.pk),
        "purchase_set-0-customer": str(ada.pk),
        "purchase_set-0-item": "a kite",
        "purchase_set-0-DELETE": "on",
        "purchase_set-1-id": "",
        "purchase_set-1-customer": str(ada.pk),
        "purchase_set-1-item": "a ball",
    }
    path = f"{LIST}{ada.pk}/change/"
    form = form_of(
        ada, name="Eve", secret="s", level="g", tags=[vip.pk], parent=str(bob.pk), **inlines
    )
    question = zoe.ask(path, **form, _continue="1")

    assert zoe.displayed()[0] == ("Action", "Change customer")
    assert zoe.displayed()[2:] == [
        (f"Customer {ada.pk}", "Ada"),
        ("Name, now", "Ada"),
        ("Name, new", "Eve"),
        ("Secret, new", "not shown"),
        ("Level, now", "silver"),
        ("Level, new", "gold"),
        ("Parent, now", EMPTY),
        ("Parent, new", f"Bob ({bob.pk})"),
        ("Tags, now", EMPTY),
        ("Tags, new", f"vip ({vip.pk})"),
        (f"Purchase {kite.pk}", "deleted"),
        ("Purchase", "added"),
        ("Purchase: Item, new", "a ball"),
    ]
    assert names() == ["Ada", "Bob"]
    question.approve()
    assert question.go_on().response.url == path
    ada.refresh_from_db()
    assert (ada.name, ada.secret, ada.level, ada.parent) == ("Eve", "s", "g", bob)
    assert [purchase.item for purchase in ada.purchase_set.all()] == ["a ball"]
    assert LogEntry.objects.get().is_change()


def test_an_addition_shows_what_is_new(zoe):
    question = zoe.ask(f"{LIST}add/", **form_of(Customer(name="Eve")))
    assert zoe.displayed()[0] == ("Action", "Add customer")
    assert zoe.displayed()[2:] == [("Name, new", "Eve"), ("Level, new", "silver")]
    question.approve()
    question.go_on()
    assert names() == ["Eve"]
    assert LogEntry.objects.get().is_addition()


def test_a_user_and_a_password_are_added_and_never_shown(zoe):
    users, password = "/admin/auth/user/", "anything but hunter2"
    form = {"username": "eve", "usable_password": "true", "password1": password}
    question = zoe.ask(f"{users}add/", **form, password2=password)
    assert ("Username, new", "eve") in zoe.displayed()
    assert password not in str(zoe.displayed())
    question.approve()
    question.go_on()
    eve = User.objects.get(username="eve")
    assert eve.check_password(password)

    path = f"{users}{eve.pk}/password/"
    form = {"password1": PASSWORD, "usable_password": "true", "set-password": "1"}
    assert zoe.post(path, **form, password2="another").status == 200
    question = zoe.ask(path, **form, password2=PASSWORD)
    assert zoe.displayed()[0] == ("Action", "Change a password")
    assert zoe.displayed()[2:] == [(f"User {eve.pk}", "eve")]
    eve.refresh_from_db()
    assert eve.check_password(password)
    question.approve()
    question.go_on()
    eve.refresh_from_db()
    assert eve.check_password(PASSWORD)


def test_a_form_with_an_error_asks_nobody(zoe, customers):
    ada, _ = customers
    page = zoe.post(f"{LIST}{ada.pk}/change/", **form_of(ada, name=""))
    assert page.status == 200
    assert "This field is required." in page.text
    assert zoe.phone.pending() == ()


def test_a_form_that_no_longer_fits_changes_nothing(zoe, customers):
    ada, bob = customers
    form = form_of(ada, parent=str(bob.pk))
    question = zoe.ask(f"{LIST}{ada.pk}/change/", **form)
    question.approve()
    bob.delete()
    page = question.go_on()
    assert page.status == 200
    assert "Select a valid choice" in page.text
    assert question.status().action.state is ActionState.WITHDRAWN


# Actions


def test_an_action_shows_its_objects_and_fields(zoe, customers):
    ada, _ = customers
    question = zoe.ask(LIST, **bulk(ada, action="promote", level="g", index="0"))
    assert zoe.displayed()[0] == ("Action", "Promote selected customers")
    assert zoe.displayed()[2:] == [
        (f"Customer {ada.pk}", "Ada"),
        ("Field level", "g"),
        ("Field post", "yes"),
    ]
    question.approve()
    question.go_on()
    assert {each.name: each.level for each in Customer.objects.all()} == {"Ada": "g", "Bob": "s"}


def test_an_action_that_deletes_needs_the_approval_of_a_deletion(zoe):
    vip = Tag.objects.create(name="vip")
    question = zoe.ask("/admin/office/tag/", **bulk(vip, action="purge"))
    assert zoe.displayed()[0] == ("Action", "Delete tag")
    question.approve()
    question.go_on()
    assert Tag.objects.count() == 0


def test_what_needs_no_approval_is_done_at_once(zoe):
    page = zoe.post("/admin/office/tag/add/", name="vip")
    assert page.status == 302
    assert Tag.objects.get().name == "vip"


# Who is asked, and how


def test_who_has_no_device_connects_this_browser(office, customers):
    person = Person("eve")
    page = person.post(deletion_of(customers[0]), post="yes")
    assert page.status == 409
    assert "Connect a device first" in page.text
    connect = f"{LIST}approval/connect/"
    assert f'href="{connect}?next=' in page.source

    refused = person.post(connect, password="wrong", next=LIST)
    assert (refused.status, "password is wrong" in refused.text) == (403, True)
    page = person.post(connect, password=PASSWORD, next=LIST)
    assert 'href="https://office.example/auth/app/#bind?' in page.source
    assert f'href="{LIST}"' in page.source
    assert "no-store" in page.response["Cache-Control"]


def test_a_password_alone_connects_no_second_device(zoe):
    connect = f"{LIST}approval/connect/"
    page = zoe.post(connect, password=PASSWORD)
    assert "only that one can add another" in page.text
    assert "#bind?" not in page.source
    call_command("counterseal_revoke", str(zoe.user.pk), verbosity=0)
    assert "#bind?" in zoe.post(connect, password=PASSWORD).source
    with pytest.raises(CommandError, match="AccountUnknown"):
        call_command("counterseal_revoke", "nobody")


def test_who_has_no_password_connects_after_a_log_in(office):
    person = Person("eve")
    person.user.set_unusable_password()
    person.user.save()
    person.client.force_login(person.user)
    connect = f"{LIST}approval/connect/"
    assert "Your password" not in person.get(connect).text
    assert "#bind?" in person.post(connect).source
    User.objects.update(last_login=timezone.now() - timedelta(minutes=6))
    assert person.post(connect).status == 403


def test_a_page_of_another_site_is_none_to_return_to(zoe):
    connect = f"{LIST}approval/connect/?next=https://evil.example/"
    assert "evil.example" not in zoe.get(connect).source.replace(connect, "")


def test_another_session_has_no_such_page(zoe, customers):
    question = zoe.ask(deletion_of(customers[0]), post="yes")
    question.approve()
    other = Person("eve")
    assert other.get(question.waiting_path).status == 410
    assert other.post(deletion_of(customers[0]), **{TOKEN: question.guid}).status == 410
    assert names() == ["Ada", "Bob"]


def test_an_approval_of_another_page_does_nothing(zoe, customers):
    ada, bob = customers
    question = zoe.ask(deletion_of(ada), post="yes")
    question.approve()
    assert zoe.post(deletion_of(bob), **{TOKEN: question.guid}).status == 409
    assert names() == ["Ada", "Bob"]


def test_who_may_no_longer_do_it_does_not(zoe, customers):
    question = zoe.ask(deletion_of(customers[0]), post="yes")
    question.approve()
    zoe.user.is_superuser = False
    zoe.user.save()
    assert question.go_on().status == 403
    assert question.status().action.state is ActionState.WITHDRAWN


def test_the_session_stores_what_was_sent_sealed(zoe, customers):
    ada, _ = customers
    zoe.ask(f"{LIST}{ada.pk}/change/", **form_of(ada, secret="hunter2"))
    assert "hunter2" not in str(zoe.client.session[SESSION_KEY])


def test_one_form_that_is_sent_twice_asks_once(zoe, customers):
    form = {"post": "yes", "csrfmiddlewaretoken": "t" * 64}
    first, again = (zoe.ask(deletion_of(customers[0]), **form) for _ in range(2))
    assert first.guid == again.guid
    first.decline()
    assert zoe.ask(deletion_of(customers[0]), **form).guid != first.guid


def test_it_is_done_in_the_language_in_which_it_was_asked(zoe, customers):
    zoe.client.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"
    question = zoe.ask(deletion_of(customers[0]), post="yes")
    assert zoe.displayed()[1] == ("Wo", WHERE)
    question.approve()
    zoe.client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    question.go_on()
    assert names() == ["Bob"]


def test_a_project_whose_requests_are_atomic(zoe, customers):
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    ada, bob = customers
    question = zoe.ask(deletion_of(ada), post="yes")
    question.approve()
    question.go_on()
    assert names() == ["Bob"]
    zoe.post(zoe.ask(deletion_of(bob), post="yes").waiting_path)
    assert zoe.phone.pending() == ()
    assert zoe.post(f"{LIST}approval/connect/", password=PASSWORD).status == 200
    assert zoe.post("/auth/page/connect/", password=PASSWORD).status == 200


# Once, and never without an approval


def test_pressed_twice_at_once_it_is_done_once(zoe, customers):
    question = zoe.ask(LIST, **bulk(*customers))
    question.approve()
    barrier, pages = threading.Barrier(2), []

    def press():
        barrier.wait()
        pages.append(question.go_on())
        connection.close()

    threads = [threading.Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [page.status for page in pages] == [302, 302]
    assert (names(), LogEntry.objects.count()) == ([], 2)


def test_a_lost_reply_does_nothing(zoe, customers, monkeypatch):
    question = zoe.ask(deletion_of(customers[0]), post="yes")
    question.approve()
    use = PendingPost.use

    def use_and_lose(*arguments):
        use(*arguments)
        raise Indeterminate

    monkeypatch.setattr(PendingPost, "use", use_and_lose)
    assert question.go_on().status == 503
    monkeypatch.undo()
    assert question.go_on().response.url == question.waiting_path
    assert "interrupted" in question.page().text
    assert names() == ["Ada", "Bob"]


def test_a_view_that_fails_changes_nothing(zoe, customers, monkeypatch):
    question = zoe.ask(deletion_of(customers[0]), post="yes")
    question.approve()
    monkeypatch.setattr(CustomerAdmin, "response_delete", lambda *_: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        question.go_on()
    assert (names(), LogEntry.objects.count()) == (["Ada", "Bob"], 0)
    assert question.status().use.state is UseState.FAILED


def kill_at(point):
    """Let this process end without a trace at a point of what it does."""
    owner, name, is_after = {
        "before the use": (PendingPost, "use", False),
        "after the use": (PendingPost, "use", True),
        "before the commit": (ModelAdmin, "delete_model", True),
        "after the commit": (PendingPost, "report", False),
    }[point]
    function = getattr(owner, name)

    def killed(*arguments):
        if is_after:
            function(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, killed)


def run_killed(point, press):
    """Run *press* in a process that is killed at *point*."""
    connections.close_all()
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        # Newer Pythons warn of threads, which a process of tests may have.
        child = os.fork()
    if child == 0:
        try:
            kill_at(point)
            press()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL


@pytest.mark.parametrize(
    ("point", "is_done", "is_done_again"),
    [
        ("before the use", False, True),
        ("after the use", False, False),
        ("before the commit", False, False),
        ("after the commit", True, False),
    ],
)
def test_a_process_that_is_killed_has_done_it_once_or_not_at_all(
    zoe, customers, point, is_done, is_done_again
):
    question = zoe.ask(deletion_of(customers[0]), post="yes")
    question.approve()
    run_killed(point, question.go_on)
    assert (len(names()), LogEntry.objects.count()) == (2 - is_done, int(is_done))

    # Pressed again, it is done if the approval was not used, and only then.
    question.go_on()
    count = int(is_done or is_done_again)
    assert (len(names()), LogEntry.objects.count()) == (2 - count, count)


@pytest.mark.parametrize("verb", ["save_model", "delete_model", "delete_queryset"])
def test_no_model_admin_acts_without_an_approval(zoe, customers, verb):
    request = RequestFactory().post(LIST)
    request.user = zoe.user
    model_admin = CustomerAdmin(Customer, site)
    ada, _ = customers
    arguments = {
        "save_model": (ada, None, True),
        "delete_model": (ada,),
        "delete_queryset": (Customer.objects.all(),),
    }
    with pytest.raises(ApprovalMissing):
        getattr(model_admin, verb)(request, *arguments[verb])
    assert names() == ["Ada", "Bob"]


def test_checks_name_what_does_not_fit():
    class Unfit(CustomerAdmin):
        approval_required = ("delete", "destroy")

    class Editable(CustomerAdmin):
        list_display = ("pk", "name")
        list_editable = ("name",)

    for model_admin, check in ((Unfit, "E101"), (Editable, "E102")):
        (problem,) = model_admin(Customer, site).check()
        assert (problem.id, bool(problem.hint)) == (f"counterseal.{check}", True)
