"""The list of approvals: who may see it, what it has, and what it never shows."""

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.test import override_settings
from office_person import Person

from counterseal_django.models import Approval

LIST = "/admin/counterseal_django/approval/"


@pytest.fixture
def question(zoe, customers):
    """Return the question about Ada, which was approved and done."""
    question = zoe.ask(f"/admin/office/customer/{customers[0].pk}/delete/", post="yes")
    question.approve()
    question.go_on()
    zoe.get("/admin/")  # which says that it is done
    return question


@pytest.fixture
def detail(question):
    return f"{LIST}{Approval.objects.get().number}/change/"


def test_it_lists_who_was_asked_and_what_they_answered(zoe, question):
    page = zoe.get(LIST)
    assert page.status == 200
    for text in (question.guid, "site-action", "approved", "1 approval"):
        assert text in page.text
    assert "Ada" not in page.text


def test_it_finds_an_account(zoe, question):
    assert "1 approval" in zoe.get(f"{LIST}?q={zoe.user.pk}").text
    assert "0 approvals" in zoe.get(f"{LIST}?q=nobody").text


def test_one_is_shown_with_its_use_and_its_content(zoe, detail):
    page = zoe.get(detail)
    assert page.status == 200
    assert "executed" in page.text
    assert "Confirm an action" not in page.text
    assert "support_reads_content" in page.text
    with override_settings(
        COUNTERSEAL=settings.COUNTERSEAL | {"POLICY": {"support_reads_content": True}}
    ):
        assert "Confirm an action" in zoe.get(detail).text


def test_nobody_changes_it(zoe, detail):
    assert zoe.post(detail, guid="x").status == 403
    assert zoe.get(f"{LIST}add/").status == 403
    assert zoe.post(detail.replace("change", "delete"), post="yes").status == 403


def test_who_lacks_the_permission_sees_nothing(zoe, detail):
    eve = Person("eve")
    eve.user.is_superuser = False
    eve.user.save()
    assert eve.get(LIST).status == 403
    eve.user.user_permissions.add(Permission.objects.get(codename="view_approval"))
    assert eve.get(LIST).status == 200
    assert eve.get(detail).status == 200
