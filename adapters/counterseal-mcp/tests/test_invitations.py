"""Binding a device by elicitation in URL mode: the client sees the link, the model never."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from anyio.to_thread import run_sync
from mcp_types import ElicitRequestURLParams, ElicitResult

from counterseal.models import OPERATOR

ACTION = {"resource": "send_email", "arguments": {"to": "zoe@example.com"}}


class Person:
    """The person at the client, who is shown links."""

    def __init__(self, service, *, action="accept", binds=False):
        self._service = service
        self._action = action
        self._binds = binds
        self.links = []

    async def __call__(self, _, params):
        assert isinstance(params, ElicitRequestURLParams)
        self.links.append(params.url)
        assert params.url not in params.message
        if self._binds:
            await run_sync(self._bind, params.url)
        return ElicitResult(action=self._action)

    def _bind(self, link):
        """Bind a device as the page does that the link opens."""
        members = parse_qs(urlsplit(link).fragment.partition("?")[2])
        phone = self._service.world.phone()
        enrolment = phone.device.enrolment(
            members["st"][0], members["appSpaceGuid"][0], pin=phone.pin
        )
        phone.device.complete_binding(self._service.world.enrolments.complete(enrolment))


@pytest.fixture
def server(service):
    return service.server(service.settings(invite=True))


async def ask(agent):
    return await agent.call("ask", **ACTION)


def test_a_person_binds_a_device_and_is_asked(service, server, run):
    person = Person(service, binds=True)
    result = run(server, ask, elicitation_callback=person)

    assert result["state"] == "pending"
    (link,) = person.links
    assert link.startswith("https://auth.example.com/app/#bind?st=")


def test_by_the_older_protocol_the_agent_asks_again(service, server, run):
    person = Person(service, binds=True)

    async def scenario(agent):
        return await agent.refusal("ask", **ACTION), (await ask(agent))["state"]

    codes = run(server, scenario, mode="legacy", elicitation_callback=person)
    assert codes == ("binding_needed", "pending")
    assert len(person.links) == 1


@pytest.mark.parametrize(
    ("action", "code"),
    [
        ("accept", "binding_needed"),
        ("decline", "binding_declined"),
        ("cancel", "binding_declined"),
    ],
)
def test_a_person_who_binds_nothing_is_not_asked(
    service, server, run_by_each_protocol, caplog, *, action, code
):
    person = Person(service, action=action)

    async def scenario(agent):
        return [await ask(agent), await ask(agent)]

    results = run_by_each_protocol(server, scenario, elicitation_callback=person)
    assert [each["error"]["code"] for each in results] == [code, code]
    first, second = person.links
    assert first == second  # one open invitation, not one for each call
    token = parse_qs(urlsplit(first).fragment.partition("?")[2])["st"][0]
    assert token not in json.dumps(results) + caplog.text


def test_nobody_is_invited_unless_the_operator_says_so(service, run):
    person = Person(service)
    result = run(service.server(), ask, elicitation_callback=person)

    assert (result["error"]["code"], person.links) == ("unreachable", [])


def test_a_client_that_opens_no_links_gets_none(server, run_by_each_protocol):
    assert run_by_each_protocol(server, ask)["error"]["code"] == "unreachable"


def test_a_locked_account_gets_no_second_device(service, server, phone, run):
    """An invitation is for a person without a device; a lock is the operator's to take away."""
    account = service.world.accounts.get(service.world.origin, "user-1")
    service.world.accounts.lock(account.guid, by=OPERATOR)
    person = Person(service)
    result = run(server, ask, elicitation_callback=person)

    assert (result["error"]["code"], person.links) == ("unreachable", [])


def test_an_answer_without_a_question_invites_nobody(service, server, run):
    """A client that claims to have shown a link gets a refusal and no link."""

    async def scenario(agent):
        return await agent.client.call_tool(
            "ask", ACTION, input_responses={"bind": ElicitResult(action="accept")}
        )

    person = Person(service)
    result = run(server, scenario, elicitation_callback=person)
    assert result.structured_content["error"]["code"] == "binding_needed"
    assert person.links == []
