"""What an origin reads of its users: what is written is read again, and the rest is refused."""

import json
from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal import ijson
from counterseal.accounts.documents import (
    BindInvitation,
    BindRequest,
    DeviceName,
    KnownAccount,
    KnownDevice,
    RequestName,
    account_document,
    device_document,
    invitation_document,
    read_account,
    read_devices,
    read_invitation,
)
from counterseal.errors import InvalidField
from counterseal.models import Account, Authority, Binding, BindingState, TokenForm
from counterseal.wire.link import BindLink, read_link
from counterseal.wire.members import format_time, read_record, write_record
from counterseal_testing import strategies

GUIDS, MOMENTS, TEXTS = strategies.guids(), strategies.moments(), strategies.texts()
MAYBE = st.none() | MOMENTS
INVITATIONS = st.builds(
    BindInvitation,
    account=GUIDS,
    app_space=GUIDS,
    app_space_name=TEXTS,
    token=TEXTS,
    expires_at=MOMENTS,
)
ACCOUNTS = st.builds(
    Account,
    guid=GUIDS,
    app_space=GUIDS,
    account_id=TEXTS,
    user_info=st.just("") | TEXTS,
    locked_at=MAYBE,
    created_at=MOMENTS,
)
BINDINGS = st.builds(
    Binding,
    guid=GUIDS,
    state=st.sampled_from(BindingState),
    account=GUIDS,
    app_space=GUIDS,
    origin=GUIDS,
    token_hash=st.just(b"hash-canary"),
    deadline=MOMENTS,
    name=st.just("") | TEXTS,
    platform=st.just("") | TEXTS,
    app_version=st.just("") | TEXTS,
    suspended_by=st.none() | st.sampled_from(Authority),
    created_at=MOMENTS,
    bound_at=MAYBE,
    ended_at=MAYBE,
    last_seen_at=MAYBE,
)


def through_json(document):
    return json.loads(ijson.compact(document))


def refused(reader, document, name):
    with pytest.raises(InvalidField) as caught:
        reader(document)
    assert caught.value.field == name


@pytest.mark.parametrize(
    ("record", "values"),
    [
        (BindRequest, {"account_id": TEXTS, "user_info": st.none() | TEXTS}),
        (DeviceName, {"device": TEXTS}),
        (RequestName, {"request": TEXTS}),
    ],
)
@given(st.data())
def test_what_an_origin_sends_is_read_again(record, values, data):
    body = data.draw(st.builds(record, **values))
    document = through_json(write_record(body))
    assert read_record(record, document) == body
    assert None not in document.values()
    for name in document:
        with pytest.raises(InvalidField, match=name):
            read_record(record, document | {name: 7})


def test_the_members_of_what_an_origin_sends():
    bind = BindRequest(account_id="zoe", user_info="since 2020")
    assert write_record(bind) == {"accountId": "zoe", "userInfo": "since 2020"}
    assert write_record(DeviceName(device="x")) == {"deviceGuid": "x"}
    assert write_record(RequestName(request="x")) == {"requestGuid": "x"}


@given(INVITATIONS, st.sampled_from(TokenForm))
def test_an_invitation_is_read_again_with_its_token_in_either_form(invitation, form):
    document = invitation_document(invitation, form)
    assert isinstance(document["sessionToken"], dict) is (form is TokenForm.OBJECT)
    assert read_invitation(through_json(document)) == invitation


@given(ACCOUNTS)
def test_an_account_is_read_again(account):
    document = through_json(account_document(account))
    assert document["locked"] is (account.locked_at is not None)
    assert read_account(document) == KnownAccount(
        account=account.guid, account_id=account.account_id, user_info=account.user_info
    )


@given(ACCOUNTS)
def test_an_account_is_written_as_it_is(account):
    assert account_document(account) == {
        "privakeyId": account.guid,
        "accountId": account.account_id,
        "userInfo": account.user_info,
        "appSpaceGuid": account.app_space,
        "locked": account.locked_at is not None,
        "createdAt": format_time(account.created_at),
    }


@given(st.lists(BINDINGS, max_size=3))
def test_devices_are_read_again(bindings):
    documents = through_json([device_document(binding) for binding in bindings])
    assert "canary" not in str(documents)
    assert read_devices(documents) == tuple(
        KnownDevice(
            guid=binding.guid,
            name=binding.name,
            state=binding.state,
            answers=binding.answers,
            platform=binding.platform,
            app_version=binding.app_version,
            last_seen_at=binding.last_seen_at,
        )
        for binding in bindings
    )


@given(BINDINGS)
def test_a_device_is_written_as_it_is(binding):
    times = {"createdAt": binding.created_at, "boundAt": binding.bound_at}
    assert device_document(binding) == {
        "guid": binding.guid,
        "name": binding.name,
        "platform": binding.platform,
        "appVersion": binding.app_version,
        "status": binding.state.value,
        "answers": binding.answers,
        "suspendedBy": binding.suspended_by and binding.suspended_by.value,
        **{name: value and format_time(value) for name, value in times.items()},
        "endedAt": binding.ended_at and format_time(binding.ended_at),
        "lastSeenAt": binding.last_seen_at and format_time(binding.last_seen_at),
    }


@given(INVITATIONS, st.sampled_from(TokenForm), st.data())
def test_a_member_that_an_invitation_lacks_is_refused_by_its_name(invitation, form, data):
    document = invitation_document(invitation, form)
    # With a token that is an object, the expiration in it is the one that is read.
    spare = {"sessionTokenExpiration"} if form is TokenForm.OBJECT else set()
    name = data.draw(st.sampled_from(sorted(document.keys() - spare)))
    value = data.draw(st.sampled_from([None, 1, ""]))
    refused(read_invitation, document | {name: value}, name)


@pytest.mark.parametrize("name", ["guid", "expiration"])
def test_a_member_that_a_token_lacks_is_refused_by_its_name(name):
    expiration = "2030-01-01T00:00:00.000Z"
    token = {"guid": "a.b", "expiration": expiration}
    refused(read_invitation, {"sessionToken": token | {name: None}}, name)


@given(ACCOUNTS, st.sampled_from(["privakeyId", "accountId"]))
def test_a_member_that_an_account_lacks_is_refused_by_its_name(account, name):
    refused(read_account, account_document(account) | {name: None}, name)


@given(
    BINDINGS, st.sampled_from([("guid", "x"), ("name", 1), ("status", "LOST"), ("answers", "no")])
)
def test_a_member_that_a_device_lacks_is_refused_by_its_name(binding, member):
    name, value = member
    refused(read_devices, [device_document(binding) | {name: value}], name)


@given(BINDINGS)
def test_the_state_of_a_device_is_none_where_no_member_has_it(binding):
    document = device_document(binding)
    del document["status"]
    assert read_devices([document])[0].state is None
    assert read_devices([document | {"state": "ACTIVE"}])[0].state is BindingState.ACTIVE


@given(BINDINGS)
def test_a_service_that_says_nothing_of_answers_has_devices_that_do(binding):
    document = device_document(binding)
    del document["answers"]
    assert read_devices([document])[0].answers is True
    assert read_devices([document | {"answers": False}])[0].answers is False


@pytest.mark.parametrize("document", [None, {}, "text", 1, [1], [None]])
def test_what_is_no_list_of_devices_is_refused(document):
    refused(read_devices, document, "devices")


APP, SERVICE = "https://auth.example/app", "https://auth.example"


@given(INVITATIONS)
def test_an_invitation_to_a_device_in_the_browser(invitation):
    invitation = attrs.evolve(invitation, app=APP, service=SERVICE)
    document = invitation_document(invitation, TokenForm.TEXT)
    assert (document["appUrl"], document["serviceUrl"]) == (APP, SERVICE)
    assert read_invitation(document) == invitation
    assert invitation.link().startswith(f"{APP}/#bind?st=")
    assert read_link(invitation.link()).service == SERVICE
    own = invitation.link(in_browser=False)
    assert own.startswith("counterseal://bind?")
    assert read_link(own) == attrs.evolve(read_link(invitation.link()), app=None)
    for more in ({}, {"in_browser": False}):
        beside = read_link(invitation.link(app_url="https://app.example", **more))
        assert beside == attrs.evolve(read_link(own), app="https://app.example")
    with pytest.raises(InvalidField):
        invitation.link(app_url="app.example")
    for name in ("appUrl", "serviceUrl"):
        refused(read_invitation, document | {name: 1}, name)


@given(INVITATIONS, st.none() | st.just("Zoë's account"))
def test_the_link_of_an_invitation_has_what_a_device_needs(invitation, display_name):
    assert read_link(invitation.link(display_name=display_name)) == BindLink(
        token=invitation.token,
        app_space=invitation.app_space,
        app_space_name=invitation.app_space_name,
        account=invitation.account,
        display_name=display_name,
    )


def test_no_representation_has_a_secret_or_a_name():
    guid = "00000000-0000-4000-8000-000000000000"
    records = (
        BindInvitation(
            account=guid,
            app_space=guid,
            app_space_name="Banking",
            token="canary",
            expires_at=timedelta(0),
        ),
        KnownAccount(account=guid, account_id="user-42", user_info="canary"),
        KnownDevice(guid=guid, name="canary", state=None),
    )
    assert "canary" not in repr(records)
