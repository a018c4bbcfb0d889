"""The audit log over HTTP: events within an administrator's reach, page by page, and the head."""

import pytest
from jsonschema import Draft202012Validator
from served import bodies_of

from counterseal import AuditChain, AuditLog
from counterseal.audit.documents import entry_document, read_head
from counterseal.models import OPERATOR, AdminRole, AuditEvent
from counterseal.models.guid import mint

AUDIT = "/admin/api/audit"
NOTHING = "00000000-0000-8000-8000-000000000000"


@pytest.fixture
def app(kit, world):
    return kit.application(world.ports, administration=True)


@pytest.fixture
def chain(world):
    """Return a function that chains what is recorded, and signs the heads."""
    chain = AuditChain(world.ports, world.policy)

    def chain_all():
        while chain.chain():
            pass
        assert chain.sign()
        return chain

    return chain_all


def read_events(desk, **query):
    """Return the events of all pages of three events."""
    events, after = [], ""
    while after is not None:
        terms = query | {"limit": 3} | ({"after": after} if after else {})
        reply = desk.get(f"{AUDIT}?" + "&".join(f"{name}={terms[name]}" for name in terms))
        assert reply.status_code == 200, reply.json
        assert len(reply.json["events"]) <= 3
        events += reply.json["events"]
        after = reply.json["after"]
    return events


def test_all_events_are_read_page_by_page_as_the_core_has_them(world, desk, chain, device_client):
    assert desk.get(AUDIT).json == {"events": [], "after": None}
    chain()
    expected = AuditLog(world.ports, world.policy).search(limit=1000, by=OPERATOR).events
    assert len(expected) > 6
    assert read_events(desk) == [entry_document(each) for each in expected]


def test_each_term_selects(world, desk, chain, device_client):
    guid, space = device_client.phone.guid, world.app_space.guid
    world.clock.advance(world.policy.challenge_life)
    moment = world.clock.now()
    challenge = world.ask("user-42", "Pay?").challenge
    chain()
    (issued,) = read_events(desk, event="challenge.issue")
    assert (issued["subject"], issued["appSpaceGuid"]) == (challenge.guid, space)
    assert (issued["actor"], issued["position"] > 0) == (world.origin.origin.guid, True)
    assert {each["event"] for each in read_events(desk, event="challenge.")} == {"challenge.issue"}
    assert {each["subject"] for each in read_events(desk, subject=guid)} == {guid}
    assert {each["actor"] for each in read_events(desk, actor=guid)} == {guid}
    text = moment.isoformat().replace("+00:00", "Z")
    assert issued in read_events(desk, since=text)
    assert issued not in read_events(desk, until=text)
    assert read_events(desk, since=text, until=text) == []
    assert len(read_events(desk)) == len(read_events(desk, since=text)) + len(
        read_events(desk, until=text)
    )
    assert {each["appSpaceGuid"] for each in read_events(desk, appSpaceGuid=space)} == {space}
    assert read_events(desk, event="challenge.issue", actor=guid) == []


def test_a_refusal_has_its_reason_and_what_is_missing_is_left_out(world, desk, chain):
    event = AuditEvent(
        at=world.clock.now(),
        event="challenge.answer",
        actor="device",
        reason="wrong_pin",
        attributes={"attempt": "2"},
    )
    world.ports.audit.record(event)
    chain()
    (document,) = read_events(desk, event="challenge.answer")
    assert document.keys() == {
        *("partition", "position", "hash", "at", "event", "actor", "reason", "attributes")
    }
    assert (document["reason"], document["attributes"]) == ("wrong_pin", {"attempt": "2"})


def test_an_empty_reason_selects_what_has_none(client, world, desk, chain, device_client):
    world.ports.audit.record(
        AuditEvent(at=world.clock.now(), event="challenge.answer", actor="device", reason="x")
    )
    chain()
    events = read_events(desk)
    assert read_events(desk, reason="") == [each for each in events if "reason" not in each]
    operation = client.get("/openapi.json").json["paths"][AUDIT]["get"]
    (schema,) = [each["schema"] for each in operation["parameters"] if each["name"] == "reason"]
    assert Draft202012Validator(schema).is_valid("")


def test_each_role_reads_what_is_in_its_reach(world, employ, desk, chain, device_client):
    other = world.new_app_space("Other")
    foreign = world.administration.create_company("Foreign Ltd")
    space = world.app_space.guid
    company = employ(company=world.company.guid)
    boss = employ(role=AdminRole.APP_SPACE, app_space=space)
    support = employ(role=AdminRole.SUPPORT, app_space=space)
    stranger = employ(company=foreign.guid)
    chain()

    def spaces(who):
        return {each.get("appSpaceGuid") for each in read_events(who)}

    assert spaces(desk) == {None, space, other.guid}
    assert spaces(company) == {space, other.guid}
    assert spaces(boss) == spaces(support) == {space}
    assert spaces(stranger) == set()
    assert "origin.create" in {each["event"] for each in read_events(boss)}
    assert "origin.create" not in {each["event"] for each in read_events(support)}
    assert "binding.complete" in {each["event"] for each in read_events(support)}
    replies = [who.get(f"{AUDIT}?appSpaceGuid={other.guid}") for who in (boss, support, stranger)]
    replies += [desk.get(f"{AUDIT}?appSpaceGuid={guid}") for guid in (NOTHING, "no-guid")]
    assert {reply.status_code for reply in replies} == {404}
    assert len(bodies_of(replies)) == 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("subject=zoe", "subject"),
        ("subject=", "subject"),
        ("actor=", "actor"),
        (f"actor={'x' * 65}", "actor"),
        ("event=challenge", "event"),
        ("event=", "event"),
        ("since=2030-01-31", "since"),
        ("since=2030-02-30T00:00:00Z", "since"),
        ("since=2030-01-31T00:00:00", "since"),
        ("until=2030-01-31T00:00:00%2B01:00", "until"),
        ("until=", "until"),
        ("after=YQ", "after"),
        ("after=", "after"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("performer=device", "performer"),
        ("event=challenge.&event=account.", "event"),
    ],
)
def test_a_search_that_does_not_fit_is_refused_by_name(desk, query, field):
    reply = desk.get(f"{AUDIT}?{query}")
    assert (reply.status_code, reply.json["field"]) == (400, field)


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_the_first_and_the_last_year_are_times(desk, chain, year):
    chain()
    moment = f"{year}-12-31T23:59:59.999999Z"
    assert bool(read_events(desk, since=moment)) is (year == "0001")
    assert bool(read_events(desk, until=moment)) is (year == "9999")


def test_whoever_reads_all_events_gets_the_head(world, employ, desk, chain):
    assert desk.get(f"{AUDIT}/head").json["code"] == "not_found"
    token = chain().signed_head()
    assert desk.get(f"{AUDIT}/head").json == {"auditHead": token}
    assert read_head(token, service_keys=world.ports.signer.jwks()).heads
    for admin in (
        employ(company=world.company.guid),
        employ(role=AdminRole.SUPPORT, app_space=world.app_space.guid),
    ):
        reply = admin.get(f"{AUDIT}/head")
        assert (reply.status_code, reply.json["code"]) == (403, "forbidden")


def test_origins_and_devices_read_none_of_it(client, shop):
    for path in (AUDIT, f"{AUDIT}/head"):
        assert client.get(path).status_code == 401
        assert shop.get(path).status_code == 401


def test_an_event_of_a_subject_that_is_gone_is_found(world, desk, chain):
    subject = mint(7, bytes(15))
    at = world.clock.now()
    world.ports.audit.record(
        AuditEvent(at=at, event="account.erase", actor="operator", subject=subject)
    )
    chain()
    (document,) = read_events(desk, subject=subject)
    assert (document["event"], document["partition"]) == ("account.erase", 7)
