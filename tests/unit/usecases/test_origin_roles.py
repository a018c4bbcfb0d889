"""An origin that only asks: what it may do, and that every other call is refused and recorded."""

import ast
import inspect
from datetime import timedelta
from functools import partial

import pytest
from folders import kind_of, paths_of
from trees import tree_of

import counterseal
from counterseal import SignedRequest
from counterseal.credentials.documents import write_basic
from counterseal.errors import AskingOnly, InvalidField, SettingDiffers
from counterseal.models import (
    AccountEventKind,
    Action,
    OriginRole,
    Scheme,
    UseState,
)
from counterseal.tenancy.rules.authorization import OriginPermission, require_origin_role

MAY = {
    "Actions.consume",
    "Actions.consume_unpresented",
    "Actions.report",
    "Actions.status",
    "Actions.withdraw",
    "AuthenticationChannel.ask",
    "AuthenticationChannel.attach",
    "Backchannel.accept_request",
    "Backchannel.begin",
    "Backchannel.poll",
    "Backchannel.redeem",
    "Challenges.cancel",
    "Challenges.issue",
    "Challenges.pending",
    "Challenges.status",
}
"""The calls of an origin that only asks."""

MAY_NOT = {
    "Accounts.get",
    "Accounts.get_by_guid",
    "Accounts.has_device",
    "Accounts.list_devices",
    "Accounts.revoke",
    "Ceremonies.finish_authentication",
    "Ceremonies.finish_discovery",
    "Ceremonies.register",
    "Ceremonies.start_authentication",
    "Ceremonies.start_discovery",
    "Ceremonies.start_registration",
    "Confirmations.compare",
    "Devices.revoke",
    "Events.read",
    "Invitations.invite",
}
"""All other calls of an origin."""


def calls_of_origins():
    """Return every public method of a use case that an origin acts by, and its class, by name."""
    calls = {}
    for exported in (getattr(counterseal, name) for name in counterseal.__all__):
        module = getattr(exported, "__module__", "").removeprefix("counterseal.")
        if not inspect.isclass(exported) or kind_of(module) != "usecases":
            continue
        for name, method in inspect.getmembers(exported, inspect.isfunction):
            parameters = inspect.signature(method).parameters.values()
            takes_origin = any("RelyingParty" in str(each.annotation) for each in parameters)
            if takes_origin and not name.startswith("_"):
                calls[f"{exported.__name__}.{name}"] = (exported, method)
    return calls


def call_of(service, name, party):
    """Return a call of a use case as *party*, with nothing in place of each other argument."""
    use_case, method = calls_of_origins()[name]
    others = list(inspect.signature(method).parameters.values())[1:]
    arguments = {
        each.name: party if "RelyingParty" in str(each.annotation) else None
        for each in others
        if each.default is each.empty
    }
    # What the tests let pass comes from inside of the call, and not from its arguments' names.
    inspect.signature(method).bind(None, **arguments)
    return partial(method, use_case(service.ports, service.policy), **arguments)


@pytest.fixture
def agent(service):
    return service.new_origin(service.app_space, "Agent", role=OriginRole.ASKING)


def test_each_call_of_an_origin_is_decided():
    """A new use case for origins fails here until it stands in one of the two."""
    assert set(calls_of_origins()) == MAY | MAY_NOT
    assert not MAY & MAY_NOT


def permissions_named():
    """Return the methods of use cases that name a permission of an origin, by permission."""
    by_permission = {}
    for path in paths_of("usecases"):
        for use_case in tree_of(path.read_text("utf-8")).body:
            if not isinstance(use_case, ast.ClassDef):
                continue
            for method in use_case.body:
                for node in ast.walk(method):
                    if isinstance(node, ast.Call) and ast.unparse(node.func) == "self._permit":
                        permission = ast.unparse(node.args[1])
                        name = f"{use_case.name}.{method.name}"
                        by_permission.setdefault(permission, []).append(name)
    return by_permission


def test_each_call_names_its_permission_itself_and_once():
    assert {permission: sorted(names) for permission, names in permissions_named().items()} == {
        "OriginPermission.ASK": sorted(MAY),
        "OriginPermission.USERS": sorted(MAY_NOT),
    }


@pytest.mark.alone
@pytest.mark.parametrize("name", sorted(MAY_NOT))
def test_every_other_call_is_refused_before_anything_else_and_recorded(service, agent, name):
    before = len(service.events)
    call = call_of(service, name, agent)
    with pytest.raises(AskingOnly) as refused:
        call()
    (event,) = service.events[before:]
    assert refused.value.public_code == event.reason == "asking_only"
    assert (event.actor, event.app_space) == (agent.origin.guid, service.app_space.guid)


@pytest.mark.parametrize("name", sorted(MAY))
def test_its_own_calls_are_not_refused_for_its_role(service, agent, name):
    call = call_of(service, name, agent)
    with pytest.raises(Exception) as raised:  # noqa: PT011 (nothing stands for each argument)
        call()
    assert not isinstance(raised.value, AskingOnly)


def test_an_agent_cannot_bind_a_device_of_its_own_and_approve(service, agent):
    service.bind("alice")
    with pytest.raises(AskingOnly):
        service.bind("alice", origin=agent)
    with pytest.raises(AskingOnly):
        service.bind("mallory", origin=agent)


def test_its_open_invitations_bind_nothing_once_it_only_asks(service):
    """A thief of the agent's key may have invited before the operator changed the role."""
    agent = service.new_origin(service.app_space, "Agent")
    service.bind("alice")
    invitation = service.invitations.invite(agent, "alice")
    edit = service.administration.edit_origin
    edit(agent.origin.guid, role=OriginRole.ASKING)
    phone = service.phone()
    before = len(service.events)
    with pytest.raises(AskingOnly):
        service.complete(invitation, phone)
    (event,) = service.events[before:]
    assert (event.event, event.subject) == ("binding.complete", invitation.binding)
    assert event.reason == "asking_only"
    edit(agent.origin.guid, role=OriginRole.FULL)
    service.complete(invitation, phone)


def test_an_origin_that_has_invited_before_is_read_again(service):
    """What is remembered of it only says what to read."""
    agent = service.new_origin(service.app_space, "Agent")
    service.bind("alice", origin=agent)
    invitation = service.invitations.invite(agent, "alice")
    service.administration.edit_origin(agent.origin.guid, role=OriginRole.ASKING)
    with pytest.raises(AskingOnly):
        service.complete(invitation, service.phone())


def test_a_completed_bind_is_repeated_after_its_origin_only_asks(service):
    """What was bound before stays bound, until somebody revokes it."""
    agent = service.new_origin(service.app_space, "Agent")
    invitation, phone = service.invitations.invite(agent, "alice"), service.phone()
    offer = phone.device.enrolment(invitation.token, service.app_space.guid, pin=phone.pin)
    bound = service.enrolments.complete(offer)
    service.administration.edit_origin(agent.origin.guid, role=OriginRole.ASKING)
    assert service.enrolments.complete(offer).binding == bound.binding


def test_it_asks_an_account_that_another_origin_has_bound(service, agent):
    phone = service.bind("alice")
    until = service.clock.now() + timedelta(minutes=1)
    content = Action(type="tool-call", resource="send", arguments={}, valid_until=until)
    issued = service.ask("alice", content, origin=agent).challenge
    assert service.challenges.pending(agent, "alice") == (issued,)
    phone.answer(issued)
    assert service.challenges.status(agent, issued.guid).approved
    service.actions.consume(agent, issued.guid, {})
    use = service.actions.report(agent, issued.guid, UseState.EXECUTED)
    assert service.actions.status(agent, issued.guid).use == use


def test_it_takes_back_what_it_has_asked(service, agent):
    phone = service.bind("alice")
    service.challenges.cancel(agent, service.ask("alice", "Pay?", origin=agent).challenge.guid)
    until = service.clock.now() + timedelta(minutes=1)
    content = Action(type="tool-call", resource="send", arguments={}, valid_until=until)
    issued = service.ask("alice", content, origin=agent).challenge
    phone.answer(issued)
    service.actions.withdraw(agent, issued.guid)


def test_it_hears_nothing_of_accounts(service, agent):
    assert service.origin.origin.event_kinds == tuple(AccountEventKind)
    assert agent.origin.event_kinds == ()
    edit = service.administration.edit_origin
    for members in ({"events": [AccountEventKind.LOCKED]}, {"events_url": "https://a.example/"}):
        with pytest.raises(InvalidField) as refused:
            edit(agent.origin.guid, **members)
        assert refused.value.field in {"events", "eventsUrl"}
    edit(agent.origin.guid, events=[], events_url="")


def test_a_change_of_the_role_counts_from_the_next_call(service, agent):
    issued = service.credentials.issue(agent.origin.guid, Scheme.BASIC)
    request = SignedRequest(
        method="PUT",
        uri="https://auth.example.com/account/bind",
        authorization=write_basic(issued.secret, guid=agent.origin.guid),
    )
    edit = service.administration.edit_origin
    for role in (OriginRole.FULL, OriginRole.ASKING):
        edit(agent.origin.guid, role=role)
        party = service.authentication.authenticate(request)
        assert party.origin.role is role
    with pytest.raises(AskingOnly):
        service.invitations.invite(party, "alice")


@pytest.mark.alone
def test_an_ensured_tenancy_has_the_role_that_it_names(service):
    def ensure(role):
        return service.administration.ensure_tenancy(
            "agent", company="Example Ltd", app_space="Example app", origin="Agent", role=role
        )

    assert ensure(OriginRole.ASKING).origin.role is OriginRole.ASKING
    assert ensure(None).origin.role is OriginRole.ASKING
    with pytest.raises(SettingDiffers) as refused:
        ensure(OriginRole.FULL)
    assert refused.value.field == "role"


@pytest.mark.parametrize("permission", OriginPermission)
def test_it_has_one_permission(service, agent, permission):
    require_origin_role(service.origin.origin, permission)
    if permission is OriginPermission.ASK:
        require_origin_role(agent.origin, permission)
    else:
        with pytest.raises(AskingOnly):
            require_origin_role(agent.origin, permission)
