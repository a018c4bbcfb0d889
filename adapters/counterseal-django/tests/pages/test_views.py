"""Views that a user approves what they sent to, and pages that need a fresh approval."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings
from office.models import Customer
from office_person import Question, post_in_loop

from counterseal.approvals.documents import ActionProgress, progress_of
from counterseal.models import UseState
from counterseal_django import approvals
from counterseal_django.pending_posts import SESSION_KEY as POSTS_KEY
from counterseal_django.pending_posts import TOKEN
from counterseal_django.step_up import SESSION_KEY

STEP_UP = "/auth/page/step-up/"


def name_of(customer):
    customer.refresh_from_db()
    return customer.name


# approval_required


def test_a_form_is_shown_and_runs_once(zoe, customers):
    ada, _ = customers
    path = f"/rename/{ada.pk}/"
    assert zoe.get(path).text == "form"
    question = zoe.ask(path, name="Eve", secret="hunter2")
    assert zoe.displayed() == [
        ("Action", "Rename a customer"),
        ("Where", "rename"),
        ("pk", str(ada.pk)),
        ("name", "Eve"),
        ("secret", "not shown"),
    ]
    assert question.go_on().response.url == question.waiting_path
    question.approve()
    page = zoe.get(question.waiting_path)
    assert f'action="{path}"' in page.source
    assert question.go_on().text == "renamed"
    assert name_of(ada) == "Eve"
    assert question.status().use.state is UseState.EXECUTED

    Customer.objects.filter(pk=ada.pk).update(name="Ada")
    assert question.go_on().response.url == question.waiting_path
    assert name_of(ada) == "Ada"


def test_what_the_browser_sends_with_the_approval_is_not_used(zoe, customers):
    ada, _ = customers
    question = zoe.ask(f"/rename/{ada.pk}/", name="Eve")
    question.approve()
    zoe.post(f"/rename/{ada.pk}/", counterseal_approval=question.guid, name="Mallory")
    assert name_of(ada) == "Eve"


def test_a_view_that_raises_has_failed(zoe, customers):
    question = zoe.ask(f"/rename/{customers[0].pk}/", name="crash")
    question.approve()
    with pytest.raises(RuntimeError):
        question.go_on()
    assert question.status().use.state is UseState.FAILED
    assert "It is not tried again." in question.page().text


def test_a_coroutine_runs_for_the_state_that_was_asked_about(zoe, customers):
    ada, _ = customers
    path = f"/promote/{ada.pk}/"
    question = zoe.ask(path)
    assert zoe.displayed()[0] == ("Action", "Promote Ada")
    assert zoe.displayed()[2:] == [("level", "gold"), ("times", "1")]
    question.approve()
    assert question.go_on().text == "1"

    question = zoe.ask(path)
    question.approve()
    Customer.objects.filter(pk=ada.pk).update(level="s")
    assert question.go_on().status == 409


def test_an_action_of_a_standard_type(zoe):
    question = zoe.ask("/pay/", amount="10.00")
    assert ("Amount", "10.00 EUR") in zoe.displayed()
    question.approve()
    assert question.go_on().text == "paid 10.00"


def test_a_coroutine_is_called_in_an_event_loop(zoe, customers):
    path = f"/promote/{customers[0].pk}/"
    waiting = post_in_loop(zoe, path)
    question = Question(zoe, path, waiting.url)
    question.approve()
    done = post_in_loop(zoe, path, {TOKEN: question.guid})
    assert done.content == b"1"


def test_what_cannot_wait_asks_nobody(zoe, customers):
    path = f"/rename/{customers[0].pk}/"
    file = SimpleUploadedFile("a.txt", b"a")
    for data in ({"name": "Eve", "file": file}, {"name": "E" * 70_000}):
        assert zoe.post(path, **data).status == 400
    response = zoe.client.post(path, {"name": "Eve"}, content_type="application/json")
    assert response.status_code == 400
    assert zoe.client.delete(path).status_code == 405
    assert zoe.phone.pending() == ()


def test_who_is_not_logged_in_logs_in_first(zoe, customers):
    zoe.client.logout()
    response = zoe.client.post(f"/rename/{customers[0].pk}/", {"name": "Eve"})
    assert response.url.startswith("/accounts/login/?next=")


# Step-up


def step_up(person, path):
    page = person.get(path)
    assert page.response.url.startswith(f"{STEP_UP}?next=")
    assert "Ask my device" in person.get(page.response.url).text
    question = person.ask(page.response.url)
    question.approve()
    return question.go_on()


@pytest.mark.parametrize("path", ["/export/", "/export-later/"])
def test_a_page_opens_with_a_fresh_approval(zoe, path):
    assert step_up(zoe, path).response.url == path
    assert zoe.get(path).text == "exported"

    session = zoe.client.session
    record = session[SESSION_KEY]
    earlier = approvals().service.ports.clock.now() - timedelta(minutes=11)
    session[SESSION_KEY] = record | {"at": earlier.isoformat()}
    session.save()
    assert zoe.get(path).response.url.startswith(STEP_UP)


def test_a_log_in_is_declined(zoe):
    page = zoe.get("/export/")
    question = zoe.ask(page.response.url)
    question.decline()
    assert question.go_on().response.url == question.waiting_path
    assert zoe.get("/export/").response.url.startswith(STEP_UP)


def test_another_log_in_needs_another_approval(zoe):
    step_up(zoe, "/export/")
    zoe.client.login(username="zoe", password="correct horse")
    assert zoe.get("/export/").response.url.startswith(STEP_UP)


def test_another_log_in_ends_the_question_of_the_one_before(zoe, customers):
    log_in = zoe.get("/export/").response.url
    zoe.ask(log_in)
    form = zoe.ask(f"/rename/{customers[0].pk}/", name="Eve")
    zoe.client.login(username="zoe", password="correct horse")
    assert zoe.pending().guid == form.guid

    form.decline()
    question = zoe.ask(log_in)
    question.approve()
    zoe.client.login(username="zoe", password="correct horse")
    assert question.go_on().response.url == question.waiting_path
    assert zoe.get("/export/").response.url.startswith(STEP_UP)


def test_what_waits_ends_at_the_log_out(zoe, customers):
    approved_form, form = (zoe.ask(f"/rename/{each.pk}/", name="Eve") for each in customers)
    approved_form.approve()
    zoe.client.logout()
    assert zoe.phone.pending() == ()
    ended = [each.status() for each in (approved_form, form)]
    assert [progress_of(each.challenge, each.action) for each in ended] == [
        ActionProgress.WITHDRAWN,
        ActionProgress.CANCELLED,
    ]


def test_a_form_that_cannot_be_opened_does_not_keep_another_one_waiting(zoe, customers):
    damaged_form, form = (zoe.ask(f"/rename/{each.pk}/", name="Eve") for each in customers)
    session = zoe.client.session
    session[POSTS_KEY] = session[POSTS_KEY] | {damaged_form.guid: "AAAA"}
    session.save()
    zoe.client.logout()
    assert zoe.pending().guid == damaged_form.guid
    assert progress_of(form.status().challenge, None) is ActionProgress.CANCELLED


def test_every_page_waits_for_the_approval_of_the_log_in(zoe, settings_with_middleware):
    assert zoe.get("/admin/").response.url.startswith(STEP_UP)
    assert zoe.get("/auth/app/").status == 200
    assert zoe.get("/auth/.well-known/jwks.json").status == 200
    step_up(zoe, "/admin/")
    assert zoe.get("/admin/").status == 200


@pytest.fixture
def settings_with_middleware():
    name = "counterseal_django.step_up.StepUpMiddleware"
    with override_settings(MIDDLEWARE=[*settings.MIDDLEWARE, name]):
        yield


def test_the_browser_is_shown_to_the_person(zoe):
    page = zoe.get("/export/")
    zoe.client.defaults["HTTP_USER_AGENT"] = "Example/1"
    zoe.ask(page.response.url)
    assert ("Browser", "Example/1") in zoe.displayed()
