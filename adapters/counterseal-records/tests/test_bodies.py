"""Every record is read back from its JSON, and nothing else is read."""

import enum
import json
import types
import typing
from datetime import datetime
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.models import (
    Account,
    Admin,
    AppSpace,
    AuditEvent,
    Binding,
    Callback,
    Challenge,
    Company,
    Guid,
    Login,
    MailedLink,
    Origin,
    PasskeyScope,
    Session,
    TraceContext,
    fields,
)
from counterseal_records.bodies import (
    KINDS,
    LEFT_OUT,
    RecordUnreadable,
    form_of,
    read,
    read_as,
    read_record,
    write,
    write_bytes,
)
from counterseal_testing.contracts.edge_values import edge_records
from counterseal_testing.contracts.record_factory import RecordFactory, event, next_version
from counterseal_testing.strategies import guids, moments, texts

SPECIMENS = Path(__file__).with_name("records-of-schema-1.jsonl")
"""
Bodies in the present form, the first of every kind.

Nothing has been released, so until then this file is written anew when a form changes.
From the first release on it stays: what changes a form takes the next schema number, a step that
reads the older one, and a file of its own.
"""

TEXTS = texts(blank=True) | st.text()
SCOPES = st.lists(st.from_regex(r"[a-z]{1,9}", fullmatch=True), min_size=1, max_size=3).map(
    lambda labels: PasskeyScope(
        rp_id="example.com", origins=tuple(f"https://{label}.example.com" for label in labels)
    )
)
TRACES = st.builds(
    lambda trace, state: TraceContext(parent=f"00-{trace:032x}-{trace:016x}-01", state=state),
    st.integers(1, 2**64 - 1),
    st.from_regex(r"([a-z]=[!-~]{1,9})?", fullmatch=True),
)
LEAVES = {
    PasskeyScope: SCOPES,
    TraceContext: TRACES,
    str: TEXTS,
    int: st.integers(0, 2**53),
    bool: st.booleans(),
    bytes: st.binary(max_size=80),
    datetime: moments(),
    Guid: guids(),
    type(None): st.none(),
}


def values_of(hint):
    """Make values of a type, as fields of records are annotated."""
    if hint in LEAVES:
        return LEAVES[hint]
    if typing.get_origin(hint) in {types.UnionType, typing.Union}:
        return st.one_of(*map(values_of, typing.get_args(hint)))
    if typing.get_origin(hint) is tuple:
        first, *rest = typing.get_args(hint)
        if rest != [...]:
            return st.tuples(values_of(first), *map(values_of, rest))
        return st.lists(values_of(first), max_size=3).map(tuple)
    if issubclass(hint, enum.Enum):
        return st.sampled_from(hint)
    hints = typing.get_type_hints(hint)
    return st.builds(
        hint,
        **{
            field.name: values_of(hints[field.name]).filter(bool)
            if fields.validator_of(field) is fields.text
            else values_of(hints[field.name])
            for field in attrs.fields(hint)
        },
    )


RECORDS = st.one_of(*(st.deferred(lambda cls=cls: values_of(cls)) for cls in KINDS))


@given(RECORDS)
def test_a_body_is_read_as_the_record_that_was_written(record):
    body = write(record)

    copy = read(body)

    assert type(copy) is type(record)
    assert copy == record
    assert body.isascii()
    assert write(copy) == body


@pytest.mark.parametrize(
    "record", edge_records(RecordFactory()), ids=lambda record: type(record).__name__
)
def test_edge_values_are_written_in_ascii_and_read(record):
    body = write(record)

    assert body.isascii()
    assert read(body) == read(body.encode()) == record


@given(RECORDS, st.randoms(use_true_random=False))
def test_an_unknown_member_is_refused_at_any_depth(record, randomness):
    body = json.loads(write(record))
    objects = [each for each in nested(body["fields"]) if isinstance(each, dict)]
    randomness.choice(objects)["colour"] = "red"

    with pytest.raises(RecordUnreadable):
        read(json.dumps(body, separators=(",", ":")))


def nested(value):
    """Return a JSON value, and all that is in it."""
    inside = value.values() if isinstance(value, dict) else value
    return [
        value,
        *(inner for each in inside if isinstance(each, dict | list) for inner in nested(each)),
    ]


@given(RECORDS)
def test_a_body_with_other_whitespace_and_order_is_read_the_same(record):
    body = json.dumps(dict(reversed(json.loads(write(record)).items())), indent=1)

    assert read(body) == read(body.encode()) == record


def test_the_names_of_kinds_never_change():
    assert {cls.__name__: kind.name for cls, kind in KINDS.items()} == {
        "Company": "company",
        "AppSpace": "app_space",
        "Logo": "logo",
        "Origin": "origin",
        "Admin": "admin",
        "Session": "session",
        "Account": "account",
        "Binding": "binding",
        "Login": "login",
        "Alias": "alias",
        "PasskeyRegistration": "passkey_registration",
        "PasskeyAuthentication": "passkey_authentication",
        "Challenge": "challenge",
        "ApprovedAction": "action",
        "ActionUse": "use",
        "Callback": "callback",
        "Notification": "notification",
        "AccountEvent": "account_event",
        "EventLog": "event_log",
        "EventStream": "event_stream",
        "LoggedEvent": "logged_event",
        "AuditEvent": "event",
    }


def test_a_body_has_kind_schema_and_fields():
    company = RecordFactory().company()

    assert json.loads(write(company)) == {
        "kind": "company",
        "schema": 1,
        "fields": {
            "guid": company.guid,
            "version": 1,
            "name": "Example",
            "created_at": company.created_at.isoformat().replace("+00:00", "Z"),
        },
    }


def specimens():
    """Return the records that `records-of-schema-1.jsonl` holds."""
    factory = RecordFactory(seed=1)
    return (
        *factory.one_of_each(),
        *edge_records(factory),
        event("a reason", subject=factory.guid()),
    )


def test_the_present_form_is_written_and_read():
    bodies = SPECIMENS.read_text(encoding="ascii").splitlines()

    assert tuple(map(read, bodies)) == specimens()
    assert list(map(write, specimens())) == bodies


@pytest.mark.parametrize("transaction", ["text", "\ud800"])
def test_what_an_older_release_does_not_know_is_left_out_of_every_text(transaction):
    """UTF-8 cannot hold half a surrogate pair, so such a record is written otherwise."""
    factory = RecordFactory()
    challenge = factory.challenge(factory.account("zoe"), transaction_id=transaction)
    body = write(challenge)
    assert not [name for name in LEFT_OUT[Challenge] if name in body.encode()]
    assert read(body) == challenge


def test_an_account_without_a_mailed_link_is_written_as_older_releases_write_it():
    factory = RecordFactory()
    account = factory.account("zoe")
    assert "mailed_link" not in write(account)
    link = MailedLink(secret_hash=b"hash", origin=factory.guid(), deadline=account.created_at)
    mailed = attrs.evolve(account, mailed_link=link)
    assert "mailed_link" in write(mailed)
    assert [read(write(record)) for record in (account, mailed)] == [account, mailed]


def test_an_app_space_that_lists_no_hosts_is_written_as_older_releases_write_it():
    factory = RecordFactory()
    app_space = factory.app_space(factory.space)
    assert "document_hosts" not in write(app_space)
    listing = attrs.evolve(app_space, document_hosts=("https://files.example.com",))
    assert "document_hosts" in write(listing)
    assert [read(write(record)) for record in (app_space, listing)] == [app_space, listing]


def test_an_administrator_of_before_they_were_persons_is_read():
    admin = next(record for record in edge_records(RecordFactory()) if type(record) is Admin)
    body = json.loads(write(admin))
    del body["fields"]["person"]
    older = json.dumps(body, separators=(",", ":"))

    assert read(older) == read(older, b"else") == attrs.evolve(admin, person=False)


def test_a_binding_of_before_devices_said_what_they_are_is_read():
    binding = next(record for record in edge_records(RecordFactory()) if type(record) is Binding)
    body = json.loads(write(binding))
    for name in ("platform", "app_version", "last_seen_at"):
        del body["fields"][name]
    older = json.dumps(body, separators=(",", ":"))

    expected = attrs.evolve(binding, platform="", app_version="", last_seen_at=None)
    assert read(older) == read(older, b"else") == expected


def test_a_device_without_a_language_is_written_as_before_there_were_languages():
    """So that processes of an older release read it."""
    records = list(edge_records(RecordFactory()))
    binding = next(record for record in records if type(record) is Binding)
    account = next(record for record in records if type(record) is Account)
    device = attrs.evolve(account.devices[0], language="", last_seen_at=None)
    speaking = attrs.evolve(device, language="de-AT", last_seen_at=account.created_at)
    silent = attrs.evolve(account, devices=(device, device))
    mixed = attrs.evolve(account, devices=(device, speaking, device))

    assert "language" not in json.loads(write(attrs.evolve(binding, language="")))["fields"]
    for entry in json.loads(write(silent))["fields"]["devices"]:
        assert entry.keys() == {"addresses", "answers", "binding", "deadline", "state"}
    entries = json.loads(write(mixed))["fields"]["devices"]
    assert [entry.get("language") for entry in entries] == [None, "de-AT", None]
    for record in (silent, mixed):
        assert read(write(record)) == read(write(record), b"else") == record


@pytest.mark.parametrize("kind", [AuditEvent, Callback])
def test_an_event_or_callback_of_before_it_named_its_app_space_is_read(kind):
    record = next(one for one in specimens() if isinstance(one, kind))
    body = json.loads(write(record))
    del body["fields"]["app_space"]
    older = json.dumps(body, separators=(",", ":"))

    assert read(older) == read(older, b"else") == attrs.evolve(record, app_space=None)


@given(values_of(Callback))
def test_a_callback_without_a_trace_is_written_as_older_releases_write_it(callback):
    members = json.loads(write(callback))["fields"]
    names = {field.name for field in attrs.fields(Callback)}
    left_out = {"trace": callback.trace, "once": callback.once, "begun_at": callback.begun_at}
    assert set(members) == names - {name for name, value in left_out.items() if not value}
    assert read(write(callback), form_of(callback)) == callback


@pytest.mark.parametrize(
    ("kind", "names"),
    [(Session, {"proofs"}), (Binding, {"session", "suspensions", "sessions_end_at", "admin"})],
)
def test_sessions_that_end_with_a_binding_are_written_beside_what_older_releases_know(kind, names):
    """Of a binding that has opened no session, and of a link, an older release reads the body."""
    plain, edge = (one for one in specimens() if isinstance(one, kind))
    assert not names & json.loads(write(plain))["fields"].keys()
    assert names <= json.loads(write(edge))["fields"].keys()
    for record in (plain, edge):
        assert read(write(record), form_of(record)) == record


def test_an_outcome_by_a_device_that_was_never_suspended_is_written_as_older_releases_write_it():
    answered = next(one for one in edge_records(RecordFactory()) if type(one) is Challenge)
    plain = attrs.evolve(answered, outcome=attrs.evolve(answered.outcome, suspensions=0))
    assert "suspensions" not in json.loads(write(plain))["fields"]["outcome"]
    assert json.loads(write(answered))["fields"]["outcome"]["suspensions"] == 3
    for challenge in (plain, answered):
        assert read(write(challenge), form_of(challenge)) == challenge


def test_a_trace_that_is_no_header_is_not_read():
    callback = next(one for one in specimens() if isinstance(one, Callback) and one.trace)
    body = json.loads(write(callback))
    body["fields"]["trace"]["state"] = "a=1\r\nx: y"
    for form in (b"", form_of(callback)):
        with pytest.raises(RecordUnreadable):
            read(json.dumps(body, separators=(",", ":")), form)


def test_a_log_in_of_before_there_were_tests_is_read():
    login = next(record for record in edge_records(RecordFactory()) if type(record) is Login)
    body = json.loads(write(login))
    assert body["fields"].pop("test") is True
    older = json.dumps(body, separators=(",", ":"))

    assert read(older) == read(older, b"else") == attrs.evolve(login, test=False)


@pytest.mark.parametrize("kind", [AppSpace, Origin])
def test_tenants_of_before_they_narrowed_the_policy_are_read(kind):
    record = next(record for record in edge_records(RecordFactory()) if type(record) is kind)
    body = json.loads(write(record))
    del body["fields"]["policy"]
    older = json.dumps(body, separators=(",", ":"))

    assert read(older) == read(older, b"else") == attrs.evolve(record, policy=None)


def test_a_client_and_a_request_of_before_access_tokens_had_generations_are_read():
    records = edge_records(RecordFactory())
    client = next(one for one in records if type(one) is Origin and one.backchannel)
    challenge = next(one for one in records if type(one) is Challenge and one.backchannel)
    request = attrs.evolve(challenge.backchannel, token_generation=0)
    for record, expected in [
        (client, attrs.evolve(client, token_generation=0)),
        (challenge, attrs.evolve(challenge, backchannel=request)),
    ]:
        body = json.loads(write(record))
        fields = body["fields"]
        del (fields if record is client else fields["backchannel"])["token_generation"]
        older = json.dumps(body, separators=(",", ":"))

        assert read(older) == read(older, b"else") == expected


def test_a_client_that_names_the_issuer_is_written_as_older_releases_write_it():
    records = edge_records(RecordFactory())
    client = next(one for one in records if type(one) is Origin and one.backchannel)
    strict = attrs.evolve(
        client, backchannel=attrs.evolve(client.backchannel, endpoint_audiences=False)
    )

    assert json.loads(write(client))["fields"]["backchannel"]["endpoint_audiences"] is True
    names = {field.name for field in attrs.fields(type(client.backchannel))}
    stored_client = json.loads(write(strict))["fields"]["backchannel"]
    assert set(stored_client) == names - {"endpoint_audiences"}
    assert read(write(strict)) == read(write(strict), form_of(strict)) == strict


def test_a_request_of_generation_0_is_written_as_older_releases_write_it():
    records = edge_records(RecordFactory())
    challenge = next(one for one in records if type(one) is Challenge and one.backchannel)
    request = attrs.evolve(challenge.backchannel, token_generation=0)
    first = attrs.evolve(challenge, backchannel=request)

    assert "token_generation" in json.loads(write(challenge))["fields"]["backchannel"]
    names = {field.name for field in attrs.fields(type(request))}
    assert set(json.loads(write(first))["fields"]["backchannel"]) == names - {"token_generation"}
    assert read(write(first)) == read(write(first), form_of(first)) == first


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body.update(kind="person"),
        lambda body: body.update(schema=0),
        lambda body: body.update(schema=2),
        lambda body: body.update(schema="1"),
        lambda body: body.update(fields=[]),
        lambda body: body.pop("kind"),
        lambda body: body.pop("schema"),
        lambda body: body["fields"].pop("name"),
        lambda body: body["fields"].update(colour="red"),
        lambda body: body["fields"].update(name=""),
        lambda body: body["fields"].update(name=1),
        lambda body: body["fields"].update(name=None),
        lambda body: body["fields"].update(version="1"),
        lambda body: body["fields"].update(version=True),
        lambda body: body["fields"].update(version=1.0),
        lambda body: body["fields"].update(created_at=0),
        lambda body: body["fields"].update(created_at="2030-01-01T00:00:00"),
        lambda body: body["fields"].update(created_at="2030-01-01T00:00:00+01:00"),
    ],
)
def test_an_unknown_or_invalid_member_is_refused(spoil):
    body = json.loads(write(RecordFactory().company()))
    spoil(body)

    with pytest.raises(RecordUnreadable):
        read(json.dumps(body))


@pytest.mark.parametrize("body", ["", "{", "null", "[]", "1", '"company"'])
def test_a_text_that_is_no_body_is_refused(body):
    with pytest.raises(RecordUnreadable):
        read(body)


def test_a_record_of_another_kind_is_refused():
    company = write(RecordFactory().company())

    with pytest.raises(RecordUnreadable):
        read_as(AuditEvent, company)
    with pytest.raises(RecordUnreadable):
        read_record(write(event()))


@pytest.mark.parametrize(
    "record", RecordFactory().one_of_each(), ids=lambda record: type(record).__name__
)
def test_only_tenancy_records_are_cached(record):
    body = write(record)
    first, again = read(body), read(body[:1] + body[1:])

    assert first == again == read(body.encode()) == record
    assert (first is again) == isinstance(record, Company | AppSpace | Origin | Admin)
    assert read(write(next_version(record))) == next_version(record)


@pytest.mark.parametrize(
    "record", RecordFactory().one_of_each(), ids=lambda record: type(record).__name__
)
def test_a_body_of_this_releases_form_is_read(record):
    assert len(form_of(record)) == 4
    assert read(write_bytes(record), form_of(record)) == record
    assert read(write(record), b"else") == record


def test_each_kind_has_a_form_of_its_own():
    assert len({form_of(record) for record in (*RecordFactory().one_of_each(), event())}) == len(
        KINDS
    )


def test_an_unknown_member_is_refused_unless_the_form_is_this_releases():
    record = RecordFactory().account()
    body = json.loads(write(record))
    body["fields"]["colour"] = "red"
    text = json.dumps(body, separators=(",", ":"))

    for form in (b"", b"else", form_of(event())):
        with pytest.raises(RecordUnreadable):
            read(text, form)


def test_a_challenge_of_before_refusals_had_reasons_is_read():
    challenge = next(one for one in edge_records(RecordFactory()) if type(one) is Challenge)
    body = json.loads(write(challenge))
    del body["fields"]["outcome"]["refusal_reason"]
    older = json.dumps(body, separators=(",", ":"))

    assert challenge.reason is not None
    assert read(older) == read(older, b"else")
    assert read(older).reason is None


@pytest.mark.parametrize("kind", [Challenge, Origin, AppSpace])
def test_what_asks_for_no_action_is_written_as_older_releases_write_it(kind):
    names = {"action", "action_life", "action_life_limit", "action_validity", "arguments_required"}
    bodies = [write(one) for one in specimens() if isinstance(one, kind)]

    assert bodies
    assert not any(f'"{name}":' in body for body in bodies for name in names)


def test_a_challenge_without_a_submission_is_written_as_older_releases_write_it():
    bodies = {one.submission: write(one) for one in specimens() if isinstance(one, Challenge)}

    assert '"submission":' not in bodies.pop(None)
    assert all('"submission":' in body for body in bodies.values())
    assert bodies


def test_a_company_that_is_not_verified_is_written_as_older_releases_write_it():
    bodies = {one.verified_name: write(one) for one in specimens() if isinstance(one, Company)}

    assert '"verified_name":' not in bodies.pop(None)
    assert all('"verified_name":' in body for body in bodies.values())
    assert bodies
    assert all(read(body).verified_name == name for name, body in bodies.items())
