"""Support staff over HTTP: an account is found, locked, ended and erased; its devices likewise."""

import pytest
from served import bodies_of

from counterseal import STANDARD
from counterseal.credentials.documents import write_basic
from counterseal.models import (
    Account,
    AdminRole,
    Binding,
    BindingState,
    HtmlContent,
    Pair,
    PairsContent,
    RefusalReason,
)
from counterseal.wire.link import read_link

NOTHING = "00000000-0000-8000-8000-000000000000"


@pytest.fixture
def app(kit, world):
    return kit.application(world.ports, administration=True)


@pytest.fixture
def helper(world, employ):
    return employ(role=AdminRole.SUPPORT, app_space=world.app_space.guid)


@pytest.fixture
def account(device_client, app_space):
    return f"{app_space}/accounts/{device_client.phone.device.bond.account}"


@pytest.fixture
def device(device_client, account):
    return f"{account}/devices/{device_client.phone.guid}"


def find_record(world, guid, kind):
    (record,) = world.ports.store.get(guid)
    assert isinstance(record, kind)
    return record


def test_an_account_is_found_with_its_devices(helper, device_client, app_space, account):
    response = helper.get(f"{app_space}/accounts?accountId=user-42")
    assert response.status_code == 200
    assert response.json["privakeyId"] == device_client.phone.device.bond.account
    assert [(each["guid"], each["status"]) for each in response.json["devices"]] == [
        (device_client.phone.guid, "ACTIVE")
    ]
    assert helper.get(account).json == response.json


def test_an_account_that_is_not_there(helper, app_space, device_client):
    reply = helper.get(f"{app_space}/accounts?accountId=nobody")
    assert (reply.status_code, reply.json["code"]) == (404, "unreachable")
    reply = helper.get(f"{app_space}/accounts")
    assert (reply.status_code, reply.json["field"]) == (400, "accountId")


def searched(helper, app_space, query=""):
    reply = helper.get(f"{app_space}/accounts/search{query}")
    assert reply.status_code == 200
    return [each["accountId"] for each in reply.json["accounts"]], reply.json["after"]


def test_accounts_are_searched_page_by_page(world, helper, app_space, device_client):
    for account_id in ("user-7", "user-é", "user 42"):
        world.invitations.invite(world.origin, account_id)
    assert searched(helper, app_space) == (["user 42", "user-42", "user-7", "user-é"], None)
    assert searched(helper, app_space, "?prefix=user-%C3%A9") == (["user-é"], None)
    assert searched(helper, app_space, "?prefix=User") == ([], None)
    ids, after = searched(helper, app_space, "?prefix=user-&limit=1")
    assert ids == ["user-42"]
    ids, after = searched(helper, app_space, f"?prefix=user-&limit=1&after={after}")
    assert ids == ["user-7"]
    assert searched(helper, app_space, f"?prefix=user-&after={after}") == (["user-é"], None)
    guid = device_client.phone.device.bond.account
    assert searched(helper, app_space, f"?prefix={guid}") == (["user-42"], None)
    reply = helper.get(f"{app_space}/accounts/search?prefix=user-42").json
    assert reply["accounts"][0]["privakeyId"] == guid


def test_the_position_before_the_first_id_is_a_position_too(world, helper, app_space):
    guid = world.ports.store.get(world.bind("zoe").guid)[0].account
    world.invitations.invite(world.origin, f"{guid}/a")
    ids, after = searched(helper, app_space, f"?prefix={guid}&limit=1")
    assert ids == ["zoe"]
    assert searched(helper, app_space, f"?prefix={guid}&after={after}") == ([f"{guid}/a"], None)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        (f"prefix={'a' * 257}", "prefix"),
        ("prefix=a&prefix=b", "prefix"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("after=", "after"),
        ("after=YQ", "after"),
        ("after=YWI=!", "after"),
        ("after=Yv8=", "after"),
        ("after=b", "after"),
        ("accountId=zoe", "accountId"),
    ],
)
def test_a_search_that_does_not_fit_is_refused_by_name(helper, app_space, query, field):
    reply = helper.get(f"{app_space}/accounts/search?{query}")
    assert (reply.status_code, reply.json["field"]) == (400, field)


def test_another_app_space_is_not_searched(world, employ, app_space, device_client):
    stranger = employ(role=AdminRole.SUPPORT, app_space=world.new_app_space("Insurance").guid)
    assert stranger.get(f"{app_space}/accounts/search?prefix=user").status_code == 404


def test_an_account_is_locked_and_unlocked(kit, world, helper, shop, device_client, account):  # noqa: PLR0917 (fixtures)
    assert helper.post(f"{account}/lock", None).json["locked"] is True
    assert kit.ask(shop).json["code"] == "unreachable"
    assert helper.post(f"{account}/unlock", None).json["locked"] is False
    assert kit.ask(shop).status_code == 201
    audited = {(each.event, each.actor) for each in world.ports.audit.events}
    assert {("account.lock", helper.guid), ("account.unlock", helper.guid)} <= audited


def test_a_device_is_suspended_resumed_and_revoked(helper, device_client, device):
    assert helper.post(f"{device}/suspend", None).json["status"] == "SUSPENDED"
    assert device_client.get("/device/requests").status_code == 403
    again = helper.post(f"{device}/suspend", None)
    assert (again.status_code, again.json["code"]) == (409, "wrong_state")
    assert helper.post(f"{device}/resume", None).json["status"] == "ACTIVE"
    assert device_client.get("/device/requests").status_code == 200
    ended = helper.post(f"{device}/revoke", None).json
    assert (ended["status"], ended["endedAt"] is not None) == ("REVOKED", True)
    assert device_client.get("/device/requests").status_code == 403
    assert helper.post(f"{device}/revoke", None).status_code == 409


def test_all_devices_are_revoked_at_once(world, helper, shop, device_client, account):
    world.bind("user-42")
    shop.put("/account/bind", json={"accountId": "user-42"})
    assert helper.post(f"{account}/revoke", None).status_code == 200
    devices = helper.get(account).json["devices"]
    assert [each["status"] for each in devices] == ["REVOKED"] * 3


def test_an_account_is_erased(world, helper, shop, device_client, account):
    guid = device_client.phone.device.bond.account
    assert helper.delete(account).status_code == 204
    assert find_record(world, guid, Account).account_id != "user-42"
    assert find_record(world, device_client.phone.guid, Binding).state is BindingState.REVOKED
    assert helper.get(account).status_code == 404
    assert helper.delete(account).status_code == 404
    assert shop.get("/account/getAccount?accountId=user-42").status_code == 404
    again = shop.put("/account/bind", json={"accountId": "user-42"})
    assert again.json["privakeyId"] != guid


def tried(desk, account, device):
    """Everything that can be done to an account."""
    replies = [
        desk.get(account),
        desk.get(f"{account}/requests"),
        desk.delete(account),
        *tried_on(desk, f"{account}/devices/{device}"),
    ]
    return replies + [desk.post(f"{account}/{verb}", None) for verb in ("lock", "unlock", "revoke")]


def tried_on(desk, device):
    return [
        desk.post(f"{device}/{verb}", None) for verb in ("suspend", "resume", "revoke", "renew")
    ]


def test_s20_whatever_is_not_ones_own_looks_like_nothing(
    world, employ, device_client, app_space, account
):
    other = world.administration.create_company("Other Ltd")
    theirs = world.administration.create_app_space(other.guid, "Theirs")
    beside = world.new_app_space("Beside")
    party = world.new_origin(beside, "Beside's shop")
    foreign = world.bind("user-42", origin=party)
    phone = device_client.phone
    strangers = [
        employ(company=other.guid),
        employ(role=AdminRole.APP_SPACE, app_space=theirs.guid),
        employ(role=AdminRole.SUPPORT, app_space=theirs.guid),
        employ(role=AdminRole.SUPPORT, app_space=beside.guid),
    ]
    replies = [reply for desk in strangers for reply in tried(desk, account, phone.guid)]
    replies += [desk.get(f"{app_space}/accounts?accountId=user-42") for desk in strangers]
    own = employ(role=AdminRole.SUPPORT, app_space=world.app_space.guid)
    # Somebody else's account in one's own App Space's place, and the other way about.
    for guid in (foreign.device.bond.account, NOTHING, "no-guid", phone.guid):
        replies += tried(own, f"{app_space}/accounts/{guid}", phone.guid)
    there = app_space.replace(world.app_space.guid, beside.guid)
    replies += tried(
        employ(all_companies=True), f"{there}/accounts/{phone.device.bond.account}", phone.guid
    )
    for guid in (foreign.guid, NOTHING, "no-guid", phone.device.bond.account):
        replies += tried_on(own, f"{account}/devices/{guid}")
    assert {reply.status_code for reply in replies} == {404}
    assert len(bodies_of(replies)) == 1
    assert find_record(world, phone.device.bond.account, Account).locked_at is None
    for guid in (phone.guid, foreign.guid):
        assert find_record(world, guid, Binding).state is BindingState.ACTIVE


def test_an_origins_credential_opens_none_of_it(client, shop, account, device):
    for method, path in (("GET", account), ("DELETE", account), ("POST", f"{device}/revoke")):
        assert shop.call(method, path).status_code == 401
        basic = write_basic("x", guid=NOTHING)
        reply = client.open(path, method=method, headers={"Authorization": basic})
        assert reply.status_code == 401


def test_support_removes_nobody_whom_an_identity_provider_answers_for(world, employ, company):
    space = world.new_app_space("Staff", idp=world.idp.settings())
    guid = world.log_in(space, "zoe").device.bond.account
    path = f"{company}/appSpaces/{space.guid}/accounts/{guid}"
    helper = employ(role=AdminRole.SUPPORT, app_space=space.guid)
    for method, target in (("DELETE", path), ("POST", f"{path}/revoke")):
        reply = helper.call(method, target)
        assert (reply.status_code, reply.json["code"]) == (403, "forbidden")
    assert helper.get(path).status_code == 200


def refuse(phone, challenge, reason):
    phone.answer(phone.fetch(challenge.guid), button=1, reason=reason)


@pytest.mark.parametrize("reason", [None, RefusalReason.DECLINED, RefusalReason.PRESSURED])
def test_support_reads_how_a_request_ended_and_why_but_not_what_it_was(
    world, helper, device_client, account, reason
):
    phone, clock = device_client.phone, world.clock
    first = world.ask("user-42", "Pay 10 EUR?", transaction_id="order-7").challenge
    refuse(phone, first, reason)
    clock.advance(STANDARD.challenge_life)
    second = world.ask("user-42", "Pay 11 EUR?").challenge
    reply = helper.get(f"{account}/requests")
    assert reply.status_code == 200
    assert "EUR" not in reply.text
    assert "order-7" not in reply.text
    newest, oldest = reply.json
    assert (newest["guid"], newest["state"], newest["endedAt"]) == (second.guid, "PENDING", None)
    assert (newest["buttonSelected"], newest["device"], newest["reason"]) == (None, None, None)
    assert oldest | {"issuedAt": "", "expiresAt": "", "endedAt": ""} == {
        "guid": first.guid,
        "requestOriginGuid": world.origin.origin.guid,
        "transactionId": None,
        "content": None,
        "buttons": None,
        "state": "ANSWERED",
        "issuedAt": "",
        "expiresAt": "",
        "endedAt": "",
        "buttonSelected": 1,
        "approved": False,
        "device": phone.guid,
        "reason": None if reason is None else reason.value,
    }
    assert oldest["endedAt"] < newest["issuedAt"] < newest["expiresAt"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Pay?", "Pay?"),
        (HtmlContent(html="<p>Pay?</p>"), "<p>Pay?</p>"),
        (
            PairsContent(title="Pay?", pairs=(Pair(key="To", value="A"),)),
            {"title": "Pay?", "keys": [{"key": "To", "value": "A"}]},
        ),
    ],
)
def test_who_administers_the_app_space_reads_the_content(  # noqa: PLR0917 (fixtures)
    world, employ, device_client, account, content, expected
):
    world.ask("user-42", content, transaction_id="order-7")
    desk = employ(role=AdminRole.APP_SPACE, app_space=world.app_space.guid)
    (request,) = desk.get(f"{account}/requests").json
    assert (request["content"], request["transactionId"]) == (expected, "order-7")
    assert [each["title"] for each in request["buttons"]] == ["Approve", "Reject"]


def test_an_invitation_is_made_anew(world, helper, app_space):
    old = world.invitations.invite(world.origin, "zoe")
    account = f"{app_space}/accounts/{old.account.guid}"
    reply = helper.post(f"{account}/devices/{old.binding}/renew", None)
    assert reply.status_code == 200
    link = read_link(reply.json["link"])
    assert (link.token, link.account) == (reply.json["sessionToken"], old.account.guid)
    assert (link.display_name, link.app_space) == ("zoe", world.app_space.guid)
    devices = {each["guid"]: each["status"] for each in helper.get(account).json["devices"]}
    assert devices == {old.binding: "REVOKED", reply.json["device"]: "INVITED"}
    assert reply.json["device"] in link.token
    again = helper.post(f"{account}/devices/{old.binding}/renew", None)
    assert (again.status_code, again.json["code"]) == (409, "wrong_state")
    audited = {(each.event, each.actor) for each in world.ports.audit.events}
    assert ("binding.renew", helper.guid) in audited


def test_an_invitation_is_not_made_anew_for_a_locked_account_or_after_the_window(
    world, helper, app_space
):
    old = world.invitations.invite(world.origin, "zoe")
    path = f"{app_space}/accounts/{old.account.guid}"
    helper.post(f"{path}/lock", None)
    assert helper.post(f"{path}/devices/{old.binding}/renew", None).json["code"] == "unreachable"
    helper.post(f"{path}/unlock", None)
    world.clock.advance(STANDARD.renewal_window)
    reply = helper.post(f"{path}/devices/{old.binding}/renew", None)
    assert reply.json["code"] == "deadline_passed"
