"""A revision is what `attrs.evolve` makes of a record, one version on, whatever changes."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.errors import InvalidField
from counterseal.kinds import RecordKind
from counterseal.models import (
    Account,
    Challenge,
    ChallengeState,
    Company,
    Device,
    History,
    OpenQuestion,
    Outcome,
    fields,
    replace,
    revise,
)
from counterseal.models.guid import mint

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GUID = mint(7, bytes(15))
RECORDS = [kind.record_class for kind in RecordKind]
VALUES = (History, Outcome, OpenQuestion, Device)

VALUE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 5),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.sampled_from([NOW, NOW.replace(tzinfo=None), GUID, History(), ChallengeState.SEEN]),
    st.tuples(st.text(max_size=2)),
)


@st.composite
def of(draw, kinds):
    """A record or value of one of *kinds* with anything in its fields that they take."""
    kind = draw(st.sampled_from(kinds))
    members = {}
    for field in attrs.fields(kind):
        sound = {
            "utc": st.just(NOW),
            "maybe_utc": st.sampled_from([None, NOW]),
            "text": st.just("text"),
            "count": st.integers(0, 9),
        }.get(getattr(fields.validator_of(field), "__name__", ""), VALUE)
        members[field.alias] = draw(sound)
    try:
        return kind(**members)
    except InvalidField:
        return draw(st.nothing())


def outcome(function, *args, **changes):
    try:
        return function(*args, **changes)
    except (InvalidField, TypeError) as error:
        return type(error), str(error)


@given(st.data())
def test_a_revision_is_an_evolved_record_one_version_on(data):
    record = data.draw(of(RECORDS))
    names = [field.name for field in attrs.fields(type(record)) if field.name != "version"]
    changes = data.draw(st.dictionaries(st.sampled_from(names), VALUE, max_size=6))
    before = attrs.asdict(record, recurse=False)
    expected = outcome(attrs.evolve, record, version=record.version + 1, **changes)
    revised = outcome(revise, record, **changes)
    if isinstance(expected, tuple):
        assert revised[0] is expected[0]
        return
    assert revised == expected
    assert type(revised) is type(record)
    assert hash_of(revised) == hash_of(expected)
    assert repr(revised) == repr(expected)
    assert attrs.asdict(record, recurse=False) == before


def hash_of(value):
    try:
        return hash(value)
    except TypeError:
        return None


@given(st.data())
def test_a_replacement_is_an_evolved_value(data):
    value = data.draw(of(VALUES))
    names = [field.name for field in attrs.fields(type(value))]
    changes = data.draw(st.dictionaries(st.sampled_from(names), VALUE, max_size=6))
    expected, replaced = outcome(attrs.evolve, value, **changes), outcome(replace, value, **changes)
    if isinstance(expected, tuple):
        assert replaced[0] is expected[0]
        return
    assert replaced == expected


@pytest.fixture
def account():
    return Account(guid=GUID, app_space=GUID, account_id="alice", created_at=NOW)


def test_what_changes_is_validated_and_the_error_names_it(account):
    with pytest.raises(InvalidField, match="receipts"):
        revise(account, receipts=-1)
    with pytest.raises(InvalidField, match="wrong_codes"):
        replace(account.history, wrong_codes=-1)


def test_what_changes_is_a_field(account):
    with pytest.raises(TypeError, match="Account has no field colour"):
        revise(account, colour="red")
    with pytest.raises(TypeError, match="History has no field colour"):
        replace(account.history, colour="red")


def test_nobody_says_the_version_of_a_revision(account):
    with pytest.raises(TypeError, match="version"):
        revise(account, version=7)


def test_a_revision_is_frozen_as_the_record_is(account):
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        revise(account, receipts=1).receipts = 2


def test_the_order_in_which_changes_are_named_says_nothing(account):
    one = revise(account, receipts=1, receipt_hash="x")
    assert one == revise(account, receipt_hash="x", receipts=1)


FIELD_VALUES = [
    *(None, True, -1, 0, 1.0, "", "text", b""),
    *(NOW, NOW.replace(tzinfo=None), NOW.replace(tzinfo=ZoneInfo("UTC"))),
    NOW.astimezone(timezone(timedelta(hours=1))),
]


@settings(max_examples=20)
@given(st.data())
def test_what_is_checked_together_is_refused_as_each_validator_refuses_it(data):
    value = data.draw(of([kind for kind in (*RECORDS, *VALUES) if is_checked_together(kind)]))
    for field in filter(fields.validator_of, attrs.fields(type(value))):
        for field_value in FIELD_VALUES:
            refusal = outcome(fields.validator_of(field), value, field, field_value)
            changed = outcome(attrs.evolve, value, **{field.name: field_value})
            assert changed == refusal if refusal else getattr(changed, field.name) is field_value


def is_checked_together(kind):
    return hasattr(kind, "__attrs_post_init__")


def test_no_record_hides_how_it_is_made():
    """A record with a hook that sets fields, or a converter, could not be copied by its fields."""
    for kind in (*RECORDS, *VALUES):
        if is_checked_together(kind):
            assert kind.__attrs_post_init__.__name__ == "validate"
            assert [field.validator for field in attrs.fields(kind) if field.validator] == []
        assert not hasattr(kind, "__attrs_pre_init__")
        assert "__dict__" not in dir(kind)
        for field in attrs.fields(kind):
            assert (field.converter, field.init, field.alias) == (None, True, field.name)


def test_records_of_other_kinds_are_revised_too():
    company = Company(guid=GUID, name="Example", created_at=NOW)
    assert revise(company, name="Other") == attrs.evolve(company, version=2, name="Other")
    challenge = Challenge(
        guid=GUID,
        state=ChallengeState.PENDING,
        app_space=GUID,
        origin=GUID,
        account=GUID,
        display="{}",
        display_hash="",
        buttons=(),
        issued_at=NOW,
        deadline=NOW,
        keep_until=NOW,
    )
    later = NOW + timedelta(seconds=1)
    assert revise(challenge, keep_until=later).keep_until == later
