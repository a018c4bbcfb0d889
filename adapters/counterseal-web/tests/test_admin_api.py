"""The admin API: C-ue's five calls, and the rest of the tenancy, each within an admin's reach."""

from base64 import b64encode
from datetime import timedelta

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from served import bodies_of

from counterseal import AuditChain, Sessions, keys
from counterseal.credentials.documents import write_basic, write_cx1
from counterseal.models import (
    OPERATOR,
    AdminRole,
    Algorithm,
    AppSpace,
    Codes,
    Company,
    Origin,
    Scheme,
)
from counterseal.wire.members import format_time
from counterseal_testing.pictures import build_png
from counterseal_testing.service import CALLBACK
from counterseal_web import ADMIN_API, OPERATIONS

BASE = "https://service.example"
ES256 = Algorithm.ES256
ROOT = "/admin/api/companies"
NOTHING = "00000000-0000-8000-8000-000000000000"
EVERYWHERE = {"name": "x", "role": "company_admin", "allCompanies": True}


@pytest.fixture
def app(kit, world):
    return kit.application(world.ports, administration=True)


def last(reply):
    """What C-ue reads: the last segment of the path."""
    assert reply.status_code == 201
    return reply.headers["Location"].rpartition("/")[2]


def test_the_five_calls_of_c_ue(kit, world, client, desk):
    created_reply = desk.post(f"{ROOT}/new", {"name": "Example Platform"})
    company = f"{ROOT}/{last(created_reply)}"
    created_reply = desk.post(
        f"{company}/appSpaces/new",
        {
            "idpType": "simple",
            "name": "Example",
            "brandInfo": {"url": "https://auth.example.com/logo.png", "color": "#F0B700"},
            "useUniversalApp": True,
        },
    )
    space = world.administration.get(last(created_reply), AppSpace)
    assert (space.brand_url, space.brand_color, space.universal_app, space.idp) == (
        "https://auth.example.com/logo.png",
        "#F0B700",
        True,
        None,
    )
    created_reply = desk.post(
        f"{company}/appSpaces/{space.guid}/requestOrigins/new", {"name": "mfa"}
    )
    guid = last(created_reply)
    origin = f"{company}/appSpaces/{space.guid}/requestOrigins/{guid}"
    assert created_reply.headers["Location"] == BASE + origin
    key = desk.post(f"{origin}/keyManagement", {"keyType": "basic"}).json["key"]
    url = {"callbackUrl": "auth.example.com/api/{*}/mfa/callback"}
    assert len(last(desk.post(f"{origin}/callbacks/new", url))) == 36
    domain = {"callbackUrl": "auth.example.com", "callbackType": 2}
    entry = last(desk.post(f"{origin}/callbacks/new", domain))
    assert desk.get(f"{origin}/callbacks/{entry}").json == {"callbackGuid": entry, **domain}
    record = world.administration.get(guid, Origin)
    assert (record.codes, record.wildcards) == (Codes.ECHOED, True)
    assert (record.callbacks, record.domains) == (
        (url["callbackUrl"],),
        ("auth.example.com",),
    )
    bound = client.put(
        "/api/account/bind",
        json={"accountId": "user-42"},
        headers={"Authorization": write_basic(key, guid=guid)},
    )
    assert bound.json["appSpaceGuid"] == space.guid


@pytest.mark.parametrize(
    ("spellings", "domain"),
    [
        (("https://shop.example", "HTTPS://Shop.Example:443/", "SHOP.example"), "shop.example"),
        (("http://localhost:3000", "localhost:3000"), "localhost:3000"),
    ],
)
def test_spellings_of_a_domain_are_one_entry_in_its_normal_form(desk, origin, spellings, domain):
    locations = set()
    for spelling in spellings:
        document = {"callbackUrl": spelling, "callbackType": 2}
        created_reply = desk.post(f"{origin}/callbacks/new", document)
        assert (created_reply.status_code, created_reply.json["callbackUrl"]) == (201, domain)
        locations.add(created_reply.headers["Location"].removeprefix(BASE))
    (location,) = locations
    assert desk.get(location).json["callbackUrl"] == domain
    domains = [entry for entry in desk.get(origin).json["callbacks"] if entry["callbackType"] == 2]
    assert [entry["callbackUrl"] for entry in domains] == [domain]


def test_a_location_is_where_the_thing_is(desk, company, app_space, origin):
    for created_reply in (
        desk.post(f"{ROOT}/new", {"name": "Another Ltd"}),
        desk.post(f"{company}/appSpaces/new", {"name": "Another app"}),
        desk.post(f"{app_space}/requestOrigins/new", {"name": "Another shop"}),
        desk.post(f"{origin}/callbacks/new", {"callbackUrl": "https://shop.example/more"}),
    ):
        assert (
            desk.get(created_reply.headers["Location"].removeprefix(BASE)).json
            == created_reply.json
        )


def test_an_hmac_key_is_rotated_with_overlap_and_revoked(kit, world, client, desk, origin):
    path = "/request/getAll?accountId=user-42"

    def is_valid(key):
        guid = origin.rpartition("/")[2]
        world.clock.advance(timedelta(seconds=1))
        header = kit.signed(world, (guid, key), "GET", BASE + path)
        return client.get(path, headers={"Authorization": header}).status_code != 401

    def issue_secret(**more):
        return desk.post(f"{origin}/keyManagement", {"keyType": "hmac"} | more).json["key"]

    first = issue_secret()
    second = issue_secret(overlap=60)
    assert (is_valid(first), is_valid(second)) == (True, True)
    world.clock.advance(timedelta(seconds=60))
    assert (is_valid(first), is_valid(second)) == (False, True)
    third = issue_secret()
    assert (is_valid(second), is_valid(third)) == (False, True)
    (key,) = desk.get(origin).json["keys"]
    assert (key["keyType"], key["endsAt"]) == ("hmac", None)
    assert desk.delete(f"{origin}/keyManagement").status_code == 204
    assert not is_valid(third)
    assert desk.get(origin).json["keys"] == []


def test_one_of_two_keys_is_revoked(kit, world, client, desk, origin):
    path, guid = "/request/getAll?accountId=user-42", origin.rpartition("/")[2]

    def is_valid(key):
        world.clock.advance(timedelta(seconds=1))
        header = kit.signed(world, (guid, key), "GET", BASE + path)
        return client.get(path, headers={"Authorization": header}).status_code != 401

    old, new = (
        desk.post(f"{origin}/keyManagement", {"keyType": "hmac", "overlap": 3600}).json["key"]
        for _ in range(2)
    )
    new_key, old_key = desk.get(origin).json["keys"]
    old_path = f"{origin}/keyManagement/{old_key['keyGuid']}"
    assert (is_valid(old), is_valid(new)) == (True, True)
    assert desk.delete(old_path).status_code == 204
    assert (is_valid(old), is_valid(new)) == (False, True)
    keys = desk.get(origin).json["keys"]
    assert keys[0] == new_key
    assert keys[1] == old_key | {"endsAt": keys[1]["endsAt"]}
    assert keys[1]["endsAt"] < old_key["endsAt"]
    # Again, it is so already; and what is no key of the origin is not there.
    assert desk.delete(old_path).status_code == 204
    assert desk.get(origin).json["keys"] == keys
    for nothing in (NOTHING, "no-guid"):
        assert desk.delete(f"{origin}/keyManagement/{nothing}").status_code == 404


def test_the_secret_of_callbacks_is_the_origins_own(world, desk, origin):
    secret_reply = desk.post(f"{origin}/callbackSecret", {"overlap": 60}).json
    assert secret_reply["callbackSecret"].startswith("whsec_")
    assert secret_reply["requestOriginGuid"] == world.origin.origin.guid


def test_an_origin_is_registered_as_a_ciba_client(desk, origin):
    path, jwks = f"{origin}/ciba", keys.jwks_document([keys.generate(ES256, kid="k").public])
    assert desk.get(path).json["mode"] is None
    ping = {"mode": "ping", "notificationEndpoint": CALLBACK, "jwks": jwks}
    client = desk.post(path, ping).json
    assert {name: client[name] for name in ping} == ping
    poll = desk.post(path, {"mode": "poll"}).json
    assert (poll["notificationEndpoint"], poll["jwks"]) == (None, jwks)
    assert poll["endpointAudiences"] is False
    for members in ({"endpointAudiences": True}, {}):
        poll = desk.post(path, {"mode": "poll"} | members).json
        assert poll["endpointAudiences"] is True
    assert desk.get(path).json == poll
    assert desk.post(path, {"mode": "poll", "endpointAudiences": False}).status_code == 200
    assert desk.get(path).json["endpointAudiences"] is False
    for wrong, field in [
        ({"mode": "push"}, "mode"),
        ({"mode": "ping"}, "notificationEndpoint"),
        ({"mode": "poll", "jwks": {}}, "jwks"),
        ({"mode": "poll", "endpointAudiences": "yes"}, "endpointAudiences"),
        ({"mode": "poll", "secret": "x"}, "secret"),
    ]:
        assert desk.post(path, wrong).json["detail"].startswith(f"{field}: ")
    assert desk.delete(path).status_code == 204
    assert desk.get(path).json["mode"] is None


def test_a_logo_is_edited_and_read_by_anybody(desk, app_space, client, world):
    def edit(logo):
        return desk.patch(app_space, {"brandInfo": {"logo": b64encode(logo).decode()}}).json

    guid, png = desk.get(app_space).json["appSpaceGuid"], build_png()
    digest = edit(png)["brandInfo"]["logoDigest"]
    assert digest == keys.digest(png)
    reply = client.get(f"/device/logo/{guid}/{digest}")
    assert (reply.status_code, reply.data) == (200, png)
    expected_headers = {
        "Content-Type": "image/png",
        "Content-Length": str(len(png)),
        "Cache-Control": "public, max-age=31536000, immutable",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    for name, value in expected_headers.items():
        assert reply.headers[name] == value
    for path in (f"{guid}/{digest[1:]}", f"{world.company.guid}/{digest}", f"x/{digest}"):
        problem = client.get(f"/device/logo/{path}")
        assert (problem.status_code, problem.json["code"]) == (404, "not_found")
        assert problem.headers["Cache-Control"] == "no-store"
    assert edit(b"")["brandInfo"]["logoDigest"] is None
    assert client.get(f"/device/logo/{guid}/{digest}").status_code == 404
    for logo in ("no base64", b64encode(png + b"x").decode(), 1):
        refused = desk.call("PATCH", app_space, {"brandInfo": {"logo": logo}})
        assert (refused.status_code, refused.json["field"]) == (400, "brandInfo.logo")


def test_a_company_is_renamed_and_an_app_space_says_where_passkeys_are_used(
    desk, company, app_space
):
    assert desk.patch(company, {"name": "Renamed Ltd"}).json["name"] == "Renamed Ltd"
    before = desk.get(app_space).json
    assert before["passkeys"] is None
    passkeys = {"rpId": "example.com", "origins": ["https://a.example.com"]}
    assert desk.patch(app_space, {"passkeys": passkeys}).json == before | {"passkeys": passkeys}
    assert desk.patch(app_space, {"passkeys": {"origins": []}}).json == before
    wrong = desk.call("PATCH", app_space, {"passkeys": {"origins": ["http://example.com"]}})
    assert (wrong.status_code, wrong.json["field"]) == (400, "passkeys.origins")


CX = {
    "clients": "cx",
    "codes": "echoed",
    "wildcards": True,
    "callbackStates": ["ANSWERED", "DISOWNED"],
    "events": [],
}
"""What the profile of CX clients brings."""


def test_an_origin_is_made_for_cx_clients_unless_it_is_said(desk, app_space):
    created_reply = desk.post(f"{app_space}/requestOrigins/new", {"name": "Shop"}).json
    assert created_reply.items() >= CX.items()
    assert created_reply["sessionTokenForm"] == "text"
    settings = {"clients": "current", "sessionTokenForm": "object"}
    created_reply = desk.post(f"{app_space}/requestOrigins/new", {"name": "Shop"} | settings).json
    assert created_reply.items() >= (settings | {"codes": "typed", "wildcards": False}).items()
    assert "EXPIRED" in created_reply["callbackStates"]


def test_an_origin_only_asks_if_its_role_says_so(desk, app_space):
    agent = {"name": "Agent", "role": "asking"}
    assert desk.post(f"{app_space}/requestOrigins/new", agent).json["role"] == "asking"


def test_app_space_and_origin_narrow_the_policy_and_show_who_decided(desk, app_space, origin):
    before = desk.get(app_space).json
    assert (before["policy"], desk.get(origin).json["policy"]) == ({}, {})
    own = {
        "challenge_life": 90,
        "algorithms": ["ES256", "EdDSA"],
        "on_other": ["alert"],
        "passkeys": "refuse",
        "origin_texts": False,
    }
    assert desk.patch(app_space, {"policy": own}).json == before | {"policy": own}
    assert desk.patch(origin, {"policy": {"challenge_life": 60}}).json["policy"] == {
        "challenge_life": 60
    }
    names = "names=challenge_life,algorithms"
    life, algorithms = desk.get(f"{origin}/policy?{names}").json
    assert life == {
        "name": "challenge_life",
        "value": 60,
        "decidedBy": "origin",
        "boundedBy": None,
        "service": 120,
        "appSpace": 90,
        "origin": 60,
    }
    assert (algorithms["value"], algorithms["decidedBy"]) == (["ES256", "EdDSA"], "app_space")
    of_space = {each["name"]: each for each in desk.get(f"{app_space}/policy").json}
    assert (of_space["challenge_life"]["value"], of_space["challenge_life"]["origin"]) == (90, None)
    assert of_space["callback_delays"]["value"][:2] == [5, 30]
    assert of_space["retention"]["decidedBy"] == "service"
    taken_back = {"policy": dict.fromkeys(own)}
    assert desk.patch(app_space, taken_back).json == before


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        ([], "policy"),
        ("strict", "policy"),
        ({"nothing": 1}, "policy.nothing"),
        ({"proof_past": 1}, "policy.proof_past"),
        ({"code_limit": 4}, "policy.code_limit"),
        ({"code_limit": "2"}, "policy.code_limit"),
        ({"code_limit": True}, "policy.code_limit"),
        ({"challenge_life": "90s"}, "policy.challenge_life"),
        ({"challenge_life": 1.5}, "policy.challenge_life"),
        ({"challenge_life": -1}, "policy.challenge_life"),
        ({"challenge_life": 10**12}, "policy.challenge_life"),
        ({"algorithms": "ES256"}, "policy.algorithms"),
        ({"algorithms": ["HS256"]}, "policy.algorithms"),
        ({"algorithms": [["ES256"]]}, "policy.algorithms"),
        ({"algorithms": []}, "policy.algorithms"),
        ({"passkeys": "maybe"}, "policy.passkeys"),
        ({"passkeys": ["refuse"]}, "policy.passkeys"),
        ({"origin_texts": 0}, "policy.origin_texts"),
        ({"on_not_mine": ["alert"]}, "policy.on_not_mine"),
    ],
)
def test_what_an_app_space_cannot_narrow_is_refused_by_name(desk, app_space, policy, field):
    reply = desk.patch(app_space, {"policy": policy})
    assert (reply.status_code, reply.json["field"]) == (400, field)


def test_an_origins_policy_is_refused_by_name_too(desk, app_space, origin):
    for policy, field in (({"code_limit": 1}, "policy.code_limit"), ({"invite_rate": 0}, "policy")):
        reply = desk.patch(origin, {"policy": policy})
        assert reply.status_code == 400
        assert reply.json["field"].startswith(field)
    assert desk.get(f"{app_space}/policy?names=code_limit,x").json["field"] == "names"


def test_lists_hold_what_is_seen(world, desk, employ, company, app_space, origin):  # noqa: PLR0917 (fixtures)
    other = world.administration.create_company("Other Ltd")
    names = [each["name"] for each in desk.get(ROOT).json]
    assert sorted(names) == ["Example Ltd", "Other Ltd"]
    own = employ(company=world.company.guid)
    assert [each["name"] for each in own.get(ROOT).json] == ["Example Ltd"]
    assert own.get(f"{ROOT}/{other.guid}/appSpaces").json == []
    assert [each["name"] for each in own.get(f"{company}/appSpaces").json] == ["Example app"]
    assert own.get(f"{app_space}/requestOrigins").json == [own.get(origin).json]
    listed = own.get(f"{origin}/callbacks").json
    assert [each["callbackUrl"] for each in listed] == ["https://shop.example/done"]
    assert [each["callbackType"] for each in listed] == [1]


def test_an_entry_is_taken_off_the_list(desk, origin):
    (entry,) = desk.get(f"{origin}/callbacks").json
    callback_path = f"{origin}/callbacks/{entry['callbackGuid']}"
    assert desk.delete(callback_path).status_code == 204
    assert desk.get(f"{origin}/callbacks").json == []
    assert desk.delete(callback_path).status_code == 404


def test_administrators_make_administrators(kit, world, client, desk, app_space):
    where = {"appSpaceGuid": world.app_space.guid}
    created_reply = desk.post(
        "/admin/api/admins/new", {"name": "Help", "role": "user_support", "life": 600} | where
    )
    callback_path = created_reply.headers["Location"].removeprefix(BASE)
    helper = kit.Desk(client, world, created_reply.json["adminGuid"], created_reply.json["key"])
    own = helper.get(callback_path).json
    assert (own["role"], len(own["keys"])) == (AdminRole.SUPPORT.value, 1)
    assert desk.get(f"/admin/api/admins?appSpaceGuid={world.app_space.guid}").json == [own]
    assert desk.get(f"/admin/api/admins?companyGuid={world.company.guid}").json == []
    assert helper.post(f"{app_space}/requestOrigins/new", {"name": "x"}).status_code == 403
    fresh = helper.post(f"{callback_path}/keyManagement", {"overlap": 0}).json["key"]
    assert helper.get(callback_path).status_code == 401
    assert kit.Desk(client, world, helper.guid, fresh).get(callback_path).status_code == 200
    assert desk.delete(f"{callback_path}/keyManagement").status_code == 204
    assert kit.Desk(client, world, helper.guid, fresh).get(callback_path).status_code == 401
    assert desk.get(callback_path).json["keys"] == []


def test_a_person_has_no_key_and_gets_a_link_whose_session_is_listed_and_ends(
    world, employ, desk, company
):
    where = {"appSpaceGuid": world.app_space.guid}
    reply = desk.post(
        "/admin/api/admins/newPerson", {"name": "Help", "role": "user_support"} | where
    )
    path = reply.headers["Location"].removeprefix(BASE)
    assert reply.status_code == 201
    assert desk.get(path).json == reply.json
    assert (reply.json["keys"], reply.json["endsAt"]) == ([], None)

    link = desk.call("POST", f"{path}/link").json
    assert Sessions(world.ports, world.policy).redeem(link["token"], browser="Firefox")
    (session,) = desk.get(f"{path}/sessions").json
    assert (session["sessionGuid"], session["state"]) == (link["sessionGuid"], "ENROLLING")
    opened_at = session["lastUsedAt"]
    assert (session["browser"], opened_at) == ("Firefox", format_time(world.clock.now()))

    other = world.administration.create_company("Other Ltd")
    stranger = employ(company=other.guid)
    session_path = f"/admin/api/sessions/{link['sessionGuid']}"
    assert stranger.call("POST", f"{path}/link").status_code == 404
    assert stranger.get(f"{path}/sessions").status_code == 404
    assert stranger.delete(session_path).status_code == 404
    assert len(desk.get(f"{path}/sessions").json) == 1

    assert desk.delete(session_path).status_code == 204
    assert desk.get(f"{path}/sessions").json == []
    assert desk.delete(session_path).status_code == 204
    assert desk.delete("/admin/api/sessions/x").status_code == 404


def test_s20_out_of_reach_looks_like_nowhere(world, employ, company, app_space, origin):
    other = world.administration.create_company("Other Ltd")
    stranger = employ(company=other.guid)
    space = world.administration.create_app_space(other.guid, "Theirs")
    theirs = f"{ROOT}/{other.guid}/appSpaces/{space.guid}"
    replies = [
        stranger.get(company),
        stranger.patch(company, {"name": "Mine"}),
        stranger.post(f"{company}/appSpaces/new", {"name": "Mine"}),
        stranger.get(app_space),
        stranger.get(origin),
        stranger.get(f"{origin}/callbacks"),
        stranger.post(f"{app_space}/requestOrigins/new", {"name": "Mine"}),
        stranger.post(f"{origin}/keyManagement", {"keyType": "basic"}),
        stranger.post(f"{origin}/callbackSecret", {}),
        stranger.delete(f"{origin}/keyManagement"),
        stranger.delete(f"{origin}/keyManagement/{NOTHING}"),
        stranger.post(f"{origin}/callbacks/new", {"callbackUrl": "https://a.example/b"}),
        # Its own place in front changes nothing.
        stranger.get(f"{ROOT}/{other.guid}/appSpaces/{world.app_space.guid}"),
        stranger.get(f"{theirs}/requestOrigins/{world.origin.origin.guid}"),
        stranger.get(f"{company}/appSpaces/{space.guid}"),
        stranger.get(f"{ROOT}/{NOTHING}"),
        stranger.get(f"{ROOT}/no-guid"),
        stranger.get(f"{theirs}/requestOrigins/{NOTHING}"),
        stranger.get(f"/admin/api/admins/{NOTHING}"),
        stranger.get(f"/admin/api/admins/{employ(all_companies=True).guid}"),
        stranger.post(
            "/admin/api/admins/new",
            {"name": "x", "role": "company_admin", "companyGuid": world.company.guid},
        ),
    ]
    assert {reply.status_code for reply in replies} == {404}
    assert len(bodies_of(replies)) == 1


def test_an_origin_of_the_app_space_next_door_is_not_here(world, desk, company, app_space):
    beside = world.new_app_space("Beside")
    guid = world.origin.origin.guid
    path = f"{company}/appSpaces/{beside.guid}/requestOrigins/{guid}"
    assert desk.get(path).status_code == 404
    assert desk.post(f"{path}/keyManagement", {"keyType": "basic"}).status_code == 404
    assert not world.administration.get(guid, Origin).credentials


def test_a_scoped_administrator_makes_no_companies(world, employ):
    scoped = employ(company=world.company.guid)
    reply = scoped.post(f"{ROOT}/new", {"name": "Mine"})
    assert (reply.status_code, reply.json["code"]) == (403, "forbidden")
    assert len(world.administration.list(None, Company)) == 1


def test_an_administrator_of_all_companies_verifies_one(desk, company):
    before = desk.get(company).json
    assert before["verifiedName"] is None
    verified = desk.post(f"{company}/verifiedName", {"verifiedName": "Example Ltd, Utrecht"})
    assert verified.json == before | {"verifiedName": "Example Ltd, Utrecht"}
    assert desk.get(company).json == verified.json
    for document in ({}, {"verifiedName": None}, {"verifiedName": "two\nlines"}):
        refused = desk.post(f"{company}/verifiedName", document)
        assert (refused.status_code, refused.json["field"]) == (400, "verifiedName")
    assert desk.get(company).json == verified.json
    assert desk.post(f"{company}/verifiedName", {"verifiedName": ""}).json == before


def test_s18_no_administrator_of_a_tenant_verifies_its_company(world, employ, company):
    space = world.app_space.guid
    refusals = {
        "company": employ(company=world.company.guid),
        "app space": employ(role=AdminRole.APP_SPACE, app_space=space),
        "support": employ(role=AdminRole.SUPPORT, app_space=space),
    }
    for name, own_desk in refusals.items():
        reply = own_desk.post(f"{company}/verifiedName", {"verifiedName": "Harbour Bank"})
        expected = (403, "forbidden") if name == "company" else (404, "not_found")
        assert (reply.status_code, reply.json["code"]) == expected, name
        assert own_desk.patch(company, {"name": "New", "verifiedName": "X"}).status_code >= 400
    assert world.administration.get(world.company.guid, Company) == world.company


def test_only_an_administrators_key_opens(kit, world, client, desk, shop):
    replies = [
        client.get(ROOT),
        client.get(ROOT, headers={"Authorization": write_basic(desk.secret, guid=desk.guid)}),
        client.get(ROOT, headers={"Authorization": "CX1-HMAC-SHA256,x"}),
        shop.get(ROOT),
        kit.Desk(client, world, desk.guid, f"{desk.secret}x").get(ROOT),
        kit.Desk(client, world, NOTHING, desk.secret).get(ROOT),
    ]
    secret = world.credentials.issue(world.origin.origin.guid, Scheme.HMAC).secret
    replies.append(kit.Desk(client, world, world.origin.origin.guid, secret).get(ROOT))
    assert {reply.status_code for reply in replies} == {401}
    assert len(bodies_of(replies)) == 1


def test_a_signed_call_counts_once_and_for_its_own_body(world, client, desk):
    body = b'{"name":"Once"}'
    headers = {
        "Authorization": write_cx1(
            desk.secret,
            method="POST",
            uri=f"{BASE}{ROOT}/new",
            milliseconds=int(world.clock.now().timestamp() * 1000),
            guid=desk.guid,
            body=body,
        ),
        "Content-Type": "application/json",
    }
    assert client.post(f"{ROOT}/new", data=b'{"name":"Other"}', headers=headers).status_code == 401
    assert client.post(f"{ROOT}/new", data=body, headers=headers).status_code == 201
    assert client.post(f"{ROOT}/new", data=body, headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("where", "document", "field"),
    [
        ("company/new", {}, "name"),
        ("company/new", {"name": 1}, "name"),
        ("company/new", {"name": "x" * 10_000}, "name"),
        ("space/new", {"name": "x", "idpType": "saml"}, "idpType"),
        ("space/new", {"name": "x", "idpType": "oidc"}, "idp"),
        ("space/new", {"name": "x", "brandInfo": "red"}, "brandInfo"),
        ("space/new", {"name": "x", "useUniversalApp": "true"}, "useUniversalApp"),
        ("origin/new", {"name": "x", "codes": "shown"}, "codes"),
        ("origin/new", {"name": "x", "wildcards": 1}, "wildcards"),
        ("origin/new", {"name": "x", "clients": "2019"}, "clients"),
        ("origin/new", {"name": "x", "role": "reader"}, "role"),
        ("origin/new", {"name": "x", "sessionTokenForm": True}, "sessionTokenForm"),
        ("key", {}, "keyType"),
        ("key", {"keyType": "BASIC"}, "keyType"),
        ("key", {"keyType": "basic", "overlap": -1}, "overlap"),
        ("key", {"keyType": "basic", "overlap": True}, "overlap"),
        ("key", {"keyType": "basic", "overlap": 10**9}, "overlap"),
        ("callback/new", {"callbackUrl": "javascript:alert(1)"}, "callbackUrl"),
        ("callback/new", {"callbackUrl": "a.example", "callbackType": True}, "callbackType"),
        ("callback/new", {"callbackUrl": "a.example", "callbackType": "2"}, "callbackType"),
        ("callback/new", {"callbackUrl": "http://a.example", "callbackType": 2}, "callbackUrl"),
        ("callback/new", {"callbackUrl": "a.example", "callbackType": 3}, "callbackType"),
        ("admin/new", {"name": "x", "role": "king"}, "role"),
        ("admin/new", EVERYWHERE | {"life": 0}, "life"),
        ("admin/new", EVERYWHERE | {"keyType": "basic"}, "keyType"),
        ("admin/new", {"name": "x", "role": "company_admin"}, "companyGuid"),
        ("admin/new", {"name": "x", "role": "app_space_admin"}, "appSpaceGuid"),
        ("admin/new", EVERYWHERE | {"allCompanies": False}, "companyGuid"),
        ("admin/new", EVERYWHERE | {"allCompanies": "yes"}, "allCompanies"),
        ("admin/new", EVERYWHERE | {"companyGuid": NOTHING}, "allCompanies"),
    ],
)
def test_what_does_not_fit_is_named(desk, company, app_space, origin, where, document, field):  # noqa: PLR0917 (fixtures)
    path = {
        "company/new": f"{ROOT}/new",
        "space/new": f"{company}/appSpaces/new",
        "origin/new": f"{app_space}/requestOrigins/new",
        "key": f"{origin}/keyManagement",
        "callback/new": f"{origin}/callbacks/new",
        "admin/new": "/admin/api/admins/new",
    }[where]
    reply = desk.call("POST", path, document)
    assert (reply.status_code, reply.json["code"]) == (400, "invalid_field")
    assert reply.json["field"] == field


def test_a_callback_state_that_is_none_gets_the_list_of_states(desk, origin):
    reply = desk.call("PATCH", origin, {"callbackStates": ["EXPIRD"]})
    endings = "ANSWERED, DISOWNED, CANCELLED, FAILED, EXPIRED"
    assert reply.json["detail"] == f"callbackStates: not one of {endings}"


def test_e13_what_is_under_the_admin_api_and_no_call_is_ours_too(client):
    nowhere = client.get("/admin/api/tenants")
    assert (nowhere.status_code, nowhere.json["code"]) == (404, "no_such_endpoint")
    assert client.get(f"{ROOT}/new").status_code == 405
    assert client.post(f"{ROOT}/new", data=b"x").status_code == 401
    assert client.get("/admin/else").status_code == 404


def test_without_the_setting_nobody_administers(kit, world):
    client = kit.application(world.ports).test_client()
    assert client.get(ROOT).status_code == 404
    assert not [path for path in client.get("/openapi.json").json["paths"] if "admin" in path]


def test_e14_the_calls_are_described(client, app):
    described = client.get("/openapi.json").json
    OpenAPIV31SpecValidator(described).validate()
    secret_reply = {
        (method.upper(), path, operation["operationId"])
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }
    assert secret_reply == {(each.method, each.path, each.id) for each in (*OPERATIONS, *ADMIN_API)}


def test_e14_what_is_really_sent_is_what_is_described(world, client, desk):
    described = client.get("/openapi.json").json
    phone = world.bind("user-42")
    phone.answer(phone.fetch(world.ask("user-42", "Pay?", callback=CALLBACK).challenge.guid))
    world.sender.script(410)
    (delivery,) = world.deliver()
    person = world.credentials.create_person("A person", all_companies=True).guid
    link = Sessions(world.ports, world.policy).create_link(person, by=OPERATOR)
    names = {
        "company": world.company.guid,
        "app_space": world.app_space.guid,
        "origin": world.origin.origin.guid,
        "callback": world.origin.origin.entries[0].guid,
        "admin": world.credentials.create_admin("Spare", all_companies=True).guid,
        "account": phone.device.bond.account,
        "device": phone.guid,
        "delivery": delivery,
        "session": link.session.guid,
    }
    bodies = {
        "NewCompany": {"name": "New"},
        "VerifiedName": {"verifiedName": "New Ltd"},
        "NewAppSpace": {"name": "New"},
        "NewOrigin": {"name": "New"},
        "NewKey": {"keyType": "hmac"},
        "NewCallback": {"callbackUrl": "https://a.example/b"},
        "NewBackchannelClient": {"mode": "poll"},
        "NewAdmin": {"name": "New", "role": "company_admin", "allCompanies": True},
        "NewPerson": {"name": "New", "role": "company_admin", "allCompanies": True},
    }
    invitation = world.invitations.invite(world.origin, "user-42")
    chain = AuditChain(world.ports, world.policy)
    while chain.chain():
        pass
    assert chain.sign()
    for each in ADMIN_API:
        body = bodies.get(each.takes, {}) if each.takes else None
        own_names = {"device": invitation.binding} if each.id == "renewInvitation" else {}
        if each.id == "revokeKey":
            world.credentials.issue(world.origin.origin.guid, Scheme.HMAC)
            origin = world.administration.get(world.origin.origin.guid, Origin)
            own_names["key"] = origin.credential_guid(origin.credentials[0])
        path = each.filled(names | own_names) + ("?accountId=user-42" if each.needs else "")
        reply = desk.call(each.method, path, body)
        ((status, name),) = each.gives.items()
        assert reply.status_code == status, each.id
        if name is None:
            assert not reply.data
            continue
        schema = described | {"$ref": f"#/components/schemas/{name}"}
        Draft202012Validator(schema).validate(reply.json)
        if body is not None:
            body_schema = described | {"$ref": f"#/components/schemas/{each.takes}"}
            Draft202012Validator(body_schema).validate(body)
        if isinstance(reply.json, dict):
            assert set(reply.json) == set(described["components"]["schemas"][name]["properties"])
