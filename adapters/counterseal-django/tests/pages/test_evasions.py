"""What could be done although the user was asked about something else, or about nothing."""

from importlib import import_module

import pytest
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from office.models import Customer, Plan, Tag
from office_customers import LIST, bulk, deletion_of, names
from office_person import post_in_loop

from counterseal.errors import InvalidField
from counterseal.models import UseState
from counterseal_django import approvals
from counterseal_django.admin_runs import ApprovalMissing
from counterseal_django.models import Approval
from counterseal_django.pending_posts import TOKEN

PLANS = "/admin/office/plan/"


@pytest.fixture
def plan(office):
    return Plan.objects.create(name="basic")


def form_of(plan, **changes):
    """Return what Django's form of *plan* sends, with *changes*."""
    return {"name": plan.name, "price": str(plan.price), "initial-price": "10"} | changes


def test_an_action_that_replaces_djangos_deletion_asks(zoe, plan):
    question = zoe.ask(PLANS, **bulk(plan))
    assert Plan.objects.count() == 1
    question.approve()
    question.go_on()
    assert Plan.objects.count() == 0


def test_an_action_that_is_added_behind_the_mixin_does_not_run(zoe, plan):
    with pytest.raises(ApprovalMissing):
        zoe.post(PLANS, **bulk(plan, action="late"))
    assert Plan.objects.get().price == 10


def test_a_value_that_the_browser_calls_unchanged_is_shown(zoe, plan):
    path = f"{PLANS}{plan.pk}/change/"
    zoe.ask(path, **form_of(plan, price="99", **{"initial-price": "99"}))
    assert zoe.displayed()[3:] == [("Price, now", "10"), ("Price, new", "99")]


def test_an_addition_shows_values_that_are_the_default(zoe, plan):
    zoe.ask(f"{PLANS}add/", **form_of(plan, price="99", **{"initial-price": "99"}))
    assert zoe.displayed()[2:] == [("Name, new", "basic"), ("Price, new", "99")]


def test_a_button_of_a_model_admin_is_shown(zoe, plan):
    question = zoe.ask(f"{PLANS}{plan.pk}/change/", **form_of(plan, _open="Open it"))
    assert zoe.displayed()[3:] == [("Field _open", "Open it")]
    question.approve()
    question.go_on()
    assert Plan.objects.get().is_open


def test_what_an_action_does_before_it_deletes_waits_too(zoe):
    tag = Tag.objects.create(name="vip")
    question = zoe.ask("/admin/office/tag/", **bulk(tag, action="rename_and_purge"))
    tag.refresh_from_db()
    assert tag.name == "vip"
    question.approve()
    question.go_on()
    assert Tag.objects.count() == 0


def test_what_comes_in_between_is_not_deleted_with_the_rest(zoe, customers, monkeypatch):
    question = zoe.ask(LIST, **bulk(*customers, select_across="1"))
    question.approve()
    delete_queryset = ModelAdmin.delete_queryset

    def add_and_delete(*arguments):
        Customer.objects.create(name="Eve")
        delete_queryset(*arguments)

    monkeypatch.setattr(ModelAdmin, "delete_queryset", add_and_delete)
    question.go_on()
    assert names() == ["Eve"]


def test_what_fails_after_the_commit_is_not_called_undone(zoe, customers, monkeypatch):
    delete_model = ModelAdmin.delete_model

    def delete_and_notify(*arguments):
        delete_model(*arguments)
        transaction.on_commit(lambda: 1 // 0)

    monkeypatch.setattr(ModelAdmin, "delete_model", delete_and_notify)
    question = zoe.ask(deletion_of(customers[0]), post="yes")
    question.approve()
    with pytest.raises(ZeroDivisionError):
        question.go_on()
    assert names() == ["Bob"]
    assert question.status().use.state is UseState.UNKNOWN
    assert "Look whether it was done" in question.page().text


def test_a_form_in_another_charset_is_the_same_form(zoe, customers):
    path = f"/rename/{customers[0].pk}/"
    question = zoe.ask(path, name="Eve", secret="é")
    question.approve()
    content_type = "multipart/form-data; boundary=B; charset=latin-1"
    head = f'--B\r\nContent-Disposition: form-data; name="{TOKEN}"'
    body = f"{head}\r\n\r\n{question.guid}\r\n--B--\r\n"
    response = zoe.client.post(path, body, content_type=content_type)
    assert response.content == b"renamed"
    assert response.wsgi_request.POST["secret"] == "é"
    assert response.wsgi_request.body == b"name=Eve&secret=%C3%A9"


@pytest.mark.parametrize("path", ["/class/", "/class-export/"])
def test_a_class_of_coroutines_is_one(zoe, path):
    assert post_in_loop(zoe, path).status_code == 302


def test_nobody_is_no_account(office):
    with pytest.raises(InvalidField, match="user"):
        approvals().account_id(AnonymousUser())


def test_the_address_of_a_list_reads_no_content(zoe, customers):
    zoe.ask(deletion_of(customers[0]), post="yes")
    assert Approval.objects.count() == 1
    page = zoe.get("/admin/counterseal_django/approval/?body__contains=Ada")
    assert page.status == 400


def test_settings_that_are_read_twice_make_one_service(office, monkeypatch):
    first = approvals()
    monkeypatch.setattr(import_module("counterseal_django.configuration"), "_cached", None)
    assert approvals() is first
