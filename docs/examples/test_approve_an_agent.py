"""The agent of the example: it acts on what the person approved, once, and on nothing else."""

import approve_an_agent as example
import pytest
from approve_an_agent import (
    an_agent,
    approved_mailer,
    ask_for_mail,
    give_back,
    go_on_with_mail,
    send_approved_mail,
    unknown_outcomes,
)
from ask_from_your_site import service
from test_ask_from_your_site import approve

from counterseal_client import (
    ActionUsed,
    ArgumentsDiffer,
    Declined,
    NoApproval,
    RequestRefused,
    Unanswered,
)

ARGUMENTS = {"to": "zoe@example.com", "subject": "Your ticket"}


@pytest.fixture
def sent(monkeypatch):
    """The mails that the tool sends."""
    mails = []
    monkeypatch.setattr(example, "sent", mails)
    return mails


@pytest.fixture
def agent():
    """An agent's client, what it trusts, the person's phone, and a table with one open task."""
    world, _, server, url = service()
    client, trust = an_agent(world, url)
    phone, table = world.bind("user-42"), {}
    ask_for_mail(client, table, "user-42", "task", ARGUMENTS)
    yield client, trust, phone, table
    client.close()
    server.shutdown()
    server.server_close()


def test_the_agents_key_binds_no_device(agent):
    client, *_ = agent
    with pytest.raises(RequestRefused) as refusal:
        client.bind("user-42")
    assert refusal.value.problem == "asking_only"


def press(phone, button=0):
    (waiting,) = phone.pending()
    phone.answer(phone.fetch(waiting.guid), button)


def test_the_decorated_tool_sends_the_mail_after_the_approval(sent):
    def send(client, trust, account_id, arguments):
        approved_mailer(client, trust, account_id)(**arguments)

    approve("user-42", send, ARGUMENTS)

    assert sent == [("zoe@example.com", "Your ticket")]


def test_the_ten_lines_send_the_mail_after_the_approval(sent):
    approve("user-42", send_approved_mail, ARGUMENTS)

    assert sent == [("zoe@example.com", "Your ticket")]


def test_nothing_is_sent_before_the_answer_or_after_a_refusal(agent, sent):
    client, trust, phone, table = agent
    with pytest.raises(Unanswered):
        go_on_with_mail(client, trust, table, "task", ARGUMENTS)
    press(phone, 1)
    with pytest.raises(Declined):
        go_on_with_mail(client, trust, table, "task", ARGUMENTS)
    assert sent == []


def test_other_arguments_are_not_sent_and_the_approved_ones_once(agent, sent):
    client, trust, phone, table = agent
    press(phone)
    with pytest.raises(ArgumentsDiffer):
        go_on_with_mail(client, trust, table, "task", ARGUMENTS | {"to": "eve@example.com"})
    go_on_with_mail(client, trust, table, "task", ARGUMENTS)
    with pytest.raises(ActionUsed):
        go_on_with_mail(client, trust, table, "task", ARGUMENTS)
    assert sent == [("zoe@example.com", "Your ticket")]


def test_a_crash_leaves_the_outcome_unknown_and_the_next_run_sends_nothing(
    agent, sent, monkeypatch
):
    client, trust, phone, table = agent
    press(phone)

    def crash(**_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(example, "send_mail", crash)
        with pytest.raises(KeyboardInterrupt):
            go_on_with_mail(client, trust, table, "task", ARGUMENTS)
    assert unknown_outcomes(client, table) == ["task"]
    with pytest.raises(ActionUsed):
        go_on_with_mail(client, trust, table, "task", ARGUMENTS)
    assert sent == []


def test_an_approval_that_was_given_back_is_of_no_use(agent, sent):
    client, trust, phone, table = agent
    press(phone)
    stored = dict(table)
    give_back(client, table, "task")
    with pytest.raises(NoApproval):
        go_on_with_mail(client, trust, stored, "task", ARGUMENTS)
    assert sent == []
