"""Whatever an administrator sends, signed, the answer is one that is described, and no 5xx."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterseal import OPERATOR, AuditChain
from counterseal.credentials.documents import write_cx1
from counterseal.models import Origin, Scheme
from counterseal_testing.service import CALLBACK
from counterseal_web import ADMIN_API
from counterseal_web.admin.schemas import ADMIN_SCHEMAS
from counterseal_web.operations import NAME

pytestmark = pytest.mark.one_face

BASE = "https://service.example"
MEMBERS = sorted(
    {name for schema in ADMIN_SCHEMAS.values() for name in schema.get("properties", ())}
)
WORDS = ["basic", "hmac", "typed", "company_admin", "user_support", "simple", "ANSWERED", "x" * 99]
NAMES = {name for each in ADMIN_API for name in NAME.findall(each.path)}
URLS = ["auth.example.com", "a.example/{*}/b", "https://a.example/b", "http://[::1", "//", "%00"]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(WORDS + URLS)
)
VALUES = st.recursive(
    LEAVES,
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(["url", "color"]), below)
    ),
    max_leaves=4,
)
BODIES = st.dictionaries(st.sampled_from(MEMBERS), VALUES, max_size=5) | VALUES


CALLS = st.lists(
    st.tuples(st.sampled_from(ADMIN_API), BODIES, st.none() | st.sampled_from(sorted(NAMES))),
    min_size=1,
    max_size=4,
)


@pytest.fixture
def app(kit, world):
    return kit.application(world.ports, administration=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(calls=CALLS)
def test_no_signed_request_is_an_error_of_ours_or_answered_otherwise_than_described(
    world, client, calls
):
    admin = world.credentials.create_admin("Fuzz", all_companies=True)
    phone = world.bind(admin.guid)
    bound = phone.device.bond
    phone.answer(phone.fetch(world.ask(admin.guid, "Pay?", callback=CALLBACK).challenge.guid))
    world.sender.script(410)
    (delivery, *_) = world.deliver()
    spare = world.credentials.create_admin("Spare", all_companies=True).guid
    link = world.sessions.create_link(spare, by=OPERATOR).session
    world.credentials.issue(world.origin.origin.guid, Scheme.HMAC)
    origin = world.administration.get(world.origin.origin.guid, Origin)
    names = {
        "company": world.company.guid,
        "app_space": world.app_space.guid,
        "origin": world.origin.origin.guid,
        "callback": world.origin.origin.entries[0].guid,
        "admin": spare,
        "session": link.guid,
        "account": bound.account,
        "device": bound.device,
        "delivery": delivery,
        "key": origin.credential_guid(origin.credentials[0]),
    }
    assert names.keys() == NAMES
    AuditChain(world.ports, world.policy).chain()
    described = client.get("/openapi.json").json["paths"]
    for attempt, (operation, document, wrong) in enumerate(calls):
        path = operation.filled(names | ({} if wrong is None else {wrong: spare}))
        path += f"?accountId={admin.guid}" if operation.needs else ""
        body = json.dumps(document).encode() if operation.takes else b""
        header = write_cx1(
            admin.secret,
            method=operation.method,
            uri=BASE + path,
            milliseconds=int(world.clock.now().timestamp() * 1000) + attempt,
            guid=admin.guid,
            body=body,
        )
        reply = client.open(
            path,
            method=operation.method,
            data=body or None,
            content_type="application/json" if body else None,
            headers={"Authorization": header},
        )
        described_responses = described[operation.path][operation.method.lower()]["responses"]
        assert str(reply.status_code) in described_responses, operation.id
        assert reply.status_code < 500, operation.id
        assert reply.status_code != 401, operation.id
        if reply.status_code >= 400:
            assert reply.mimetype == "application/problem+json"
