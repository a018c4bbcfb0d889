"""CORS: a page may make device calls if its App Space lists its exact origin, over every face."""

import pytest

from counterseal.errors import PolicyUnsound
from counterseal_web import ADMIN_API, OPERATIONS, Settings
from counterseal_web.operations import NAME

pytestmark = pytest.mark.each_host

PAGE, OTHER_PAGE = "https://phone.example", "https://other.example:8443"
ALLOW = "Access-Control-Allow-Origin"


@pytest.fixture
def browser(kit, world):
    """A client of a service whose App Space, and another, have a page each."""
    other = world.new_app_space("Other")
    cors = {world.app_space.guid: [PAGE], other.guid: [OTHER_PAGE]}
    return kit.application(world.ports, cors=cors).test_client()


FOR_PAGES = {
    *("answerRequest", "disownRequest", "endorsedKeys", "deviceStatus", "pendingRequests"),
    *("endedRequests", "pendingEvents"),
    *("recordTelemetry", "rotateKeys", "showRequest", "updateDevice"),
    *("unbindDevice", "lockOwnAccount", "inviteDevice", "newDevices", "decideOnDevice"),
    *("authenticate", "finishBind", "logo", "lookAtInvitation", "redirect", "serviceKeys"),
}
"""What a device calls: with its proof, to be bound, and for the service's keys."""


def preflight(client, path="/device/answer", *, page=PAGE, method="POST", asking="OPTIONS"):
    headers = {"Origin": page, "Access-Control-Request-Method": method}
    return client.open(path, method=asking, headers=headers)


def call(client, phone, page):
    proof = phone.call("/device/requests", method="GET").proof
    headers = {"Counterseal-Proof": proof} | ({"Origin": page} if page else {})
    return client.get("/device/requests", headers=headers)


@pytest.mark.parametrize("page", [PAGE, OTHER_PAGE])
def test_a_preflight_of_a_listed_page_is_answered(browser, page):
    reply = preflight(browser, page=page)
    assert (reply.status_code, reply.data) == (204, b"")
    assert reply.headers[ALLOW] == page
    assert reply.headers["Access-Control-Allow-Methods"] == "POST"
    assert reply.headers["Access-Control-Allow-Headers"] == "Content-Type, Counterseal-Proof"
    assert "Access-Control-Allow-Credentials" not in reply.headers
    assert reply.headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    "options",
    [
        {"page": "https://phone.example.evil.example"},
        {"page": "https://PHONE.example"},
        {"page": "http://phone.example"},
        {"page": "null"},
        {"page": "*"},
        {"page": ""},
        {"method": "DELETE"},
        {"path": "/request/add"},
    ],
)
def test_any_other_preflight_is_not_allowed(browser, options):
    reply = preflight(browser, **options)
    assert reply.status_code == 405
    assert ALLOW not in reply.headers


def test_without_a_list_there_is_no_cors(kit, world):
    client = kit.application(world.ports).test_client()
    assert preflight(client).status_code == 405
    reply = call(client, world.bind("user-42"), PAGE)
    assert reply.status_code == 200
    assert not {ALLOW, "Vary"} & set(reply.headers.keys())


def test_a_page_reads_the_calls_of_its_own_app_space(browser, world):
    phone = world.bind("user-42")
    reply = call(browser, phone, PAGE)
    assert (reply.status_code, reply.headers[ALLOW]) == (200, PAGE)
    # A page can correct its clock, and wait as long as it should.
    assert reply.headers["Access-Control-Expose-Headers"] == "Date, Retry-After"
    assert reply.headers["Vary"] == "Origin"
    for page in (OTHER_PAGE, "https://elsewhere.example", None):
        reply = call(browser, phone, page)
        assert (reply.status_code, reply.headers["Vary"]) == (200, "Origin")
        assert ALLOW not in reply.headers


NESTED = f"a.{'W1tb' * 800}.c"
"""A payload of brackets that are never closed, deeper than a reader of JSON goes."""


@pytest.mark.parametrize("proof", ["x", "a.b.c", "a.W10.c", "a.eyJhdWQiOjF9.c", "a.é.c", NESTED])
def test_a_proof_that_names_no_app_space_allows_no_page(browser, proof):
    headers = {"Origin": PAGE, "Counterseal-Proof": proof}
    reply = browser.get("/device/requests", headers=headers)
    assert reply.status_code == 403
    assert ALLOW not in reply.headers


def test_calls_that_bind_a_device_are_for_all_listed_pages(browser):
    for page in (PAGE, OTHER_PAGE):
        reply = browser.post("/device/invitation", json={"token": "x"}, headers={"Origin": page})
        assert (reply.status_code, reply.headers[ALLOW]) == (403, page)


def test_pages_make_the_calls_of_devices_and_no_others(kit, world):
    cors = {world.app_space.guid: [PAGE]}
    client = kit.application(world.ports, cors=cors, administration=True).test_client()
    allowed = set()
    for operation in (*OPERATIONS, *ADMIN_API):
        # No name of a path makes a call of an origin or an administrator one of a device.
        path = NAME.sub("device", operation.path)
        for prefix in ("", "/api"):
            reply = preflight(client, prefix + path, method=operation.method)
            if reply.status_code == 204:
                assert (prefix, reply.headers[ALLOW]) == ("", PAGE)
                allowed.add(operation.id)
            assert (ALLOW in reply.headers) is (reply.status_code == 204)
    assert allowed == FOR_PAGES


def test_other_calls_have_no_cors(browser, kit, world):
    for path in ("/openapi.json", "/device/login/return?state=x"):
        assert ALLOW not in browser.get(path, headers={"Origin": PAGE}).headers
    form = {"logout_token": "x"}
    path = f"/device/login/logout/{world.app_space.guid}"
    assert ALLOW not in browser.post(path, data=form, headers={"Origin": PAGE}).headers
    world.bind("user-42")
    shop = kit.shop_of(world, browser, world.origin)
    reply = shop.get("/device/getAll?accountId=user-42", headers={"Origin": PAGE})
    assert reply.status_code == 200
    assert not {ALLOW, "Vary"} & set(reply.headers.keys())


@pytest.mark.parametrize(
    "page",
    ["*", "null", "", "https://*.example", "https://a.example/", "https://A.example", "a.example"],
)
def test_only_exact_origins_are_settings(world, page):
    with pytest.raises(PolicyUnsound, match="cors"):
        Settings(public_url="https://a.example", cors={world.app_space.guid: [page]})


@pytest.mark.parametrize(
    "page",
    [
        *("https://a.example:443", "http://a.example:80", "https://a.example:99999"),
        *("https://a..example", "https://a.example.", "https://[::1", 5),
    ],
)
def test_an_origin_that_no_browser_writes_is_refused(world, page):
    with pytest.raises(PolicyUnsound, match="cors"):
        Settings(public_url="https://a.example", cors={world.app_space.guid: [page]})


@pytest.mark.parametrize("page", ["https://a.example:80", "http://[::1]:8080", "http://a_b:65535"])
def test_an_origin_that_a_browser_writes_is_a_setting(world, page):
    cors = {world.app_space.guid: [page]}
    assert Settings(public_url="https://a.example", cors=cors).cors == cors


@pytest.mark.parametrize("key", ["", "x", str.upper, None])
def test_only_guids_are_keys(world, key):
    guid = world.app_space.guid
    guid = key(guid) if callable(key) else key
    with pytest.raises(PolicyUnsound, match=r"cors: .* is not the GUID"):
        Settings(public_url="https://a.example", cors={guid: [PAGE]})


@pytest.mark.parametrize("cors", [None, [PAGE], PAGE])
def test_only_a_mapping_lists_pages(cors):
    with pytest.raises(PolicyUnsound, match="cors: not a mapping"):
        Settings(public_url="https://a.example", cors=cors)


@pytest.mark.parametrize("pages", [PAGE, None, 5])
def test_only_a_list_of_pages_is_one(world, pages):
    with pytest.raises(PolicyUnsound, match="cors: not a list"):
        Settings(public_url="https://a.example", cors={world.app_space.guid: pages})
