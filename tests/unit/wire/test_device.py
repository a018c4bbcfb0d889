"""What a device reads, and sends to log in: what is written is read again, the rest refused."""

import json
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal import ijson
from counterseal.bindings.documents.device import (
    AccountStatus,
    AnswerReply,
    Bond,
    BoundDevice,
    DeviceStatus,
    EndedRequest,
    EndedRequests,
    Endorsements,
    KeyName,
    LoggedIn,
    LoginRedirect,
    LoginReturn,
    LoginStart,
    OpenRequest,
    OpenRequests,
    Peeked,
    ShownRequest,
)
from counterseal.bindings.documents.enrolment import Bound, InvitationTarget
from counterseal.errors import InvalidField, UnfitKey
from counterseal.models import (
    Account,
    AppSpace,
    Binding,
    BindingState,
    Button,
    Challenge,
    ChallengeState,
    Company,
    DeviceKey,
    Outcome,
    PasskeyScope,
    PasskeyUse,
    Role,
)
from counterseal.models.guid import mint
from counterseal.policy import STANDARD
from counterseal.wire.members import format_time, read_record, write_record
from counterseal.wire.recognition import account_name, names_of
from counterseal_testing import strategies
from counterseal_testing.contracts.record_factory import RecordFactory

NOBODY, NOW = mint(7, bytes(15)), datetime(2030, 1, 1, tzinfo=UTC)
GUIDS, MOMENTS, TEXTS = strategies.guids(), strategies.moments(), strategies.texts()
COUNTS = st.integers(0, 2**53 - 1)
STATUS = {
    "device": GUIDS,
    "state": st.sampled_from(BindingState),
    "name": st.just("") | TEXTS,
    "addresses": COUNTS,
    "attempts_left": COUNTS,
    "keys": st.lists(st.builds(KeyName, role=st.sampled_from(Role), kid=TEXTS)).map(tuple),
    "platform": st.just("") | TEXTS,
    "app_version": st.just("") | TEXTS,
    "last_seen_at": st.none() | MOMENTS,
    "language": st.none() | TEXTS,
}
LANGUAGES = st.none() | st.lists(TEXTS, max_size=3).map(tuple)
RECOGNISED = {
    name: st.none() | TEXTS
    for name in ("company_name", "verified_name", "account_id", "account_name")
}
BRANDED = RECOGNISED | {
    "app_space": GUIDS,
    "app_space_name": TEXTS,
    "color": st.none() | TEXTS,
    "logo": st.none() | TEXTS,
    "languages": LANGUAGES,
}
ENDED = {
    "guid": GUIDS,
    "state": st.sampled_from(ChallengeState),
    "approved": st.booleans(),
    "button_selected": st.none() | COUNTS,
    "answered_here": st.booleans(),
    "issued_at": MOMENTS,
    "ended_at": MOMENTS,
}
BOUND = {"device": GUIDS, "name": st.text(), "bound_at": MOMENTS}
OPEN = st.builds(OpenRequest, guid=GUIDS, issued_at=MOMENTS, expires_at=MOMENTS)
RECORDS = {
    Peeked: BRANDED | {"account": st.none() | GUIDS, "rp_id": st.none() | TEXTS},
    LoginStart: {"app_space": TEXTS, "redirect_uri": TEXTS},
    LoginRedirect: {"url": TEXTS, "secret": TEXTS, "expires_at": MOMENTS},
    LoginReturn: {"state": TEXTS, "code": TEXTS, "secret": TEXTS, "issuer": st.none() | TEXTS},
    BoundDevice: BOUND,
    LoggedIn: {
        "token": TEXTS,
        "expires_at": MOMENTS,
        "app_space": GUIDS,
        "app_space_name": TEXTS,
        "devices": st.lists(st.builds(BoundDevice, **BOUND), max_size=2).map(tuple),
    },
    DeviceStatus: STATUS,
    AccountStatus: STATUS | BRANDED | {"account": GUIDS, "web_push_key": st.none() | TEXTS},
    OpenRequests: {"requests": st.lists(OPEN, max_size=3).map(tuple)},
    EndedRequest: ENDED,
    EndedRequests: {"requests": st.lists(st.builds(EndedRequest, **ENDED), max_size=3).map(tuple)},
    ShownRequest: {
        "guid": GUIDS,
        "state": st.sampled_from(ChallengeState),
        "expires_at": MOMENTS,
        "display": TEXTS,
    },
    AnswerReply: {
        "guid": GUIDS,
        "state": st.sampled_from(ChallengeState),
        "approved": st.booleans(),
        "receipt": st.none() | TEXTS,
    },
    Endorsements: {"endorsed": st.dictionaries(TEXTS, TEXTS, max_size=3)},
}
OPTIONAL = {
    "accountId",
    "accountName",
    "companyName",
    "verifiedName",
    "appSpaceColor",
    "appVersion",
    "appSpaceLogo",
    "buttonSelected",
    "iss",
    "language",
    "languages",
    "lastSeenAt",
    "platform",
    "receipt",
    "rpId",
    "webPushKey",
}
OPTIONAL_IN = {(Peeked, "account")}
"""Members of one record, which others need."""


def through_json(document):
    return json.loads(ijson.compact(document))


# Once, since Hypothesis validates each strategy that is new to it.
BUILT = {record: st.builds(record, **members) for record, members in RECORDS.items()}


def draw(data, record):
    return data.draw(BUILT[record])


def members(record):
    """Return what each field of a record is called on the wire."""
    return {field.name: field.metadata["member"][0] for field in attrs.fields(record)}


@pytest.mark.parametrize("record", RECORDS)
@given(st.data())
def test_what_is_written_is_read_again(record, data):
    value = draw(data, record)
    assert read_record(record, through_json(write_record(value))) == value


@pytest.mark.parametrize("record", RECORDS)
@given(st.data(), strategies.i_json())
def test_an_unknown_member_is_ignored(record, data, other):
    value = draw(data, record)
    assert read_record(record, write_record(value) | {"later": other}) == value


@pytest.mark.parametrize("record", RECORDS)
@given(st.data())
def test_a_member_that_is_missing_or_of_another_type_is_refused_by_its_name(record, data):
    document = write_record(draw(data, record))
    for name in members(record).values():
        changes = [document | {name: 1.5}]
        if name not in OPTIONAL and (record, name) not in OPTIONAL_IN:
            changes += [
                document | {name: None},
                {each: document[each] for each in document if each != name},
            ]
        for changed in changes:
            with pytest.raises(InvalidField) as caught:
                read_record(record, changed)
            assert caught.value.field == name


@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize("document", [None, [], "text", 1, True])
def test_what_is_no_object_is_refused(record, document):
    with pytest.raises(InvalidField, match="body"):
        read_record(record, document)


def test_an_issuer_that_is_none_is_left_out():
    returned = LoginReturn(state="s", code="c", secret="k", issuer=None)
    assert write_record(returned) == {"state": "s", "code": "c", "secret": "k"}
    assert write_record(attrs.evolve(returned, issuer="https://idp.example"))["iss"] == (
        "https://idp.example"
    )


@pytest.mark.parametrize(
    ("record", "names"),
    [
        (
            Peeked,
            [
                *("appSpace", "appSpaceName", "account", "companyName", "verifiedName"),
                *("accountId", "accountName", "appSpaceColor", "appSpaceLogo", "rpId"),
                "languages",
            ],
        ),
        (LoginStart, ["appSpaceGuid", "redirectUri"]),
        (LoginRedirect, ["url", "secret", "expiresAt"]),
        (LoginReturn, ["state", "code", "secret", "iss"]),
        (
            LoggedIn,
            [
                *("sessionToken", "sessionTokenExpiration", "appSpaceGuid", "appSpaceName"),
                "devices",
            ],
        ),
        (BoundDevice, ["device", "name", "boundAt"]),
        (
            Bond,
            [
                *("device", "account", "appSpace", "appSpaceName", "companyName"),
                *("verifiedName", "accountId", "accountName", "serviceKeys", "confirmBy"),
            ],
        ),
        (KeyName, ["role", "kid"]),
        (
            DeviceStatus,
            [
                *("device", "status", "name", "addresses", "attemptsLeft", "keys"),
                *("platform", "appVersion", "lastSeenAt", "language"),
            ],
        ),
        (OpenRequest, ["guid", "issuedAt", "expiresAt"]),
        (OpenRequests, ["requests"]),
        (
            EndedRequest,
            ["guid", "state", "approved", "buttonSelected", "answeredHere", "issuedAt", "endedAt"],
        ),
        (EndedRequests, ["requests"]),
        (ShownRequest, ["guid", "state", "expiresAt", "display"]),
        (AnswerReply, ["guid", "state", "approved", "receipt"]),
        (Endorsements, ["endorsed"]),
    ],
)
def test_the_members_of_each_document(record, names):
    fields = [field for field in attrs.fields(record) if field.metadata]
    assert [field.metadata["member"][0] for field in fields] == names


@given(st.tuples(*[GUIDS] * 5), MOMENTS)
def test_a_binding_and_a_challenge_are_replied_as_they_are(guids, now):
    one, two, three, four, five = guids
    binding = Binding(
        guid=one,
        state=BindingState.ACTIVE,
        account=two,
        app_space=three,
        origin=None,
        token_hash=b"hash-canary",
        deadline=now,
        name="A phone",
        platform="Android 16",
        app_version="2.1",
        strikes=1,
        created_at=now,
        last_seen_at=now,
    )
    status = DeviceStatus.of(binding, attempts_left=4)
    assert write_record(status) == {
        "device": one,
        "status": "ACTIVE",
        "name": "A phone",
        "addresses": 0,
        "attemptsLeft": 4,
        "keys": [],
        "platform": "Android 16",
        "appVersion": "2.1",
        "lastSeenAt": format_time(now),
    }
    speaking = DeviceStatus.of(attrs.evolve(binding, language="de-AT"), attempts_left=4)
    assert write_record(speaking) == write_record(status) | {"language": "de-AT"}
    full = AccountStatus.of(
        binding, attempts_left=4, account=two, app_space=three, app_space_name="Banking"
    )
    assert write_record(full) == write_record(status) | {
        "account": two,
        "appSpace": three,
        "appSpaceName": "Banking",
    }
    subscribing = attrs.evolve(full, web_push_key="BAAA")
    assert write_record(subscribing) == write_record(full) | {"webPushKey": "BAAA"}
    challenge = Challenge(
        guid=four,
        state=ChallengeState.PENDING,
        app_space=three,
        origin=five,
        account=two,
        display="{}",
        display_hash="",
        buttons=(),
        issued_at=now,
        deadline=now + timedelta(minutes=1),
        keep_until=now,
    )
    expires_at = format_time(challenge.deadline)
    assert write_record(OpenRequest.of(challenge)) == {
        "guid": four,
        "issuedAt": format_time(now),
        "expiresAt": expires_at,
    }
    request = {"guid": four, "state": "PENDING", "expiresAt": expires_at, "display": "{}"}
    assert write_record(ShownRequest.of(challenge, now=now)) == request
    late = write_record(ShownRequest.of(challenge, now=challenge.deadline))
    assert late == request | {"state": "EXPIRED"}
    ended = attrs.evolve(
        challenge, state=ChallengeState.DISOWNED, outcome=Outcome(at=now, receipt="a.b.c")
    )
    reply = {"guid": four, "state": "DISOWNED", "approved": False, "receipt": "a.b.c"}
    assert write_record(AnswerReply.of(ended)) == reply
    assert AnswerReply.of(challenge).receipt is None
    expired_challenge = attrs.evolve(challenge, state=ChallengeState.EXPIRED, deadline=now)
    expired = {
        "guid": four,
        "state": "EXPIRED",
        "approved": False,
        "buttonSelected": None,
        "answeredHere": False,
        "issuedAt": format_time(now),
        "endedAt": format_time(now),
    }
    assert write_record(EndedRequest.of(expired_challenge, device=one)) == expired
    later = now + timedelta(seconds=1)
    answered_challenge = attrs.evolve(
        expired_challenge,
        state=ChallengeState.ANSWERED,
        buttons=(
            Button(title="No", strong=False),
            Button(title="Yes", strong=True, approving=True),
        ),
        outcome=Outcome(at=later, device=one, button=1),
    )
    for device in (one, two):
        assert write_record(EndedRequest.of(answered_challenge, device=device)) == expired | {
            "state": "ANSWERED",
            "approved": True,
            "buttonSelected": 1,
            "answeredHere": device == one,
            "endedAt": format_time(later),
        }


def test_a_device_that_may_be_replaced_is_known_by_its_name_and_its_bind():
    factory = RecordFactory()
    binding = factory.binding(factory.account(), name="A phone", created_at=NOW)
    document = {"device": binding.guid, "name": "A phone", "boundAt": format_time(NOW)}
    assert write_record(BoundDevice.of(binding)) == document
    bound_at = NOW + timedelta(seconds=1)
    bound = BoundDevice.of(attrs.evolve(binding, bound_at=bound_at))
    assert write_record(bound) == document | {"boundAt": format_time(bound_at)}


def test_a_device_learns_what_an_invitation_is_for_before_it_binds():
    guids = [mint(7, bytes([count]) * 15) for count in range(3)]
    company = Company(guid=guids[0], name="Example", verified_name="Example Ltd", created_at=NOW)
    app_space = AppSpace(
        guid=guids[1],
        company=guids[0],
        name="Banking",
        created_at=NOW,
        brand_color="#102030",
    )
    account = Account(guid=guids[2], app_space=guids[1], account_id="zoe", created_at=NOW)
    target = InvitationTarget(app_space=app_space, company=company, account=account)
    document = {
        "appSpace": guids[1],
        "appSpaceName": "Banking",
        "account": guids[2],
        "companyName": "Example",
        "verifiedName": "Example Ltd",
        "accountId": "zoe",
        "accountName": "zoe",
        "appSpaceColor": "#102030",
    }
    policy = attrs.evolve(STANDARD, passkey_origin="", passkeys=PasskeyUse.ALLOW)
    assert write_record(Peeked.of(target, policy)) == document
    languages = Peeked.of(target, policy, ("de", "en"))
    assert write_record(languages) == document | {"languages": ["de", "en"]}

    with_origin = attrs.evolve(policy, passkey_origin="https://keys.example")
    assert write_record(Peeked.of(target, with_origin)) == document | {"rpId": "keys.example"}
    refusing = attrs.evolve(with_origin, passkeys=PasskeyUse.REFUSE)
    assert write_record(Peeked.of(target, refusing)) == document
    scope = PasskeyScope(rp_id="bank.example", origins=("https://bank.example",))
    scoped = attrs.evolve(target, app_space=attrs.evolve(app_space, passkeys=scope))
    assert write_record(Peeked.of(scoped, with_origin)) == document | {"rpId": "bank.example"}

    used = Peeked.of(attrs.evolve(target, account=None), policy)
    without_account = {name: document[name] for name in document if not name.startswith("account")}
    assert write_record(used) == without_account


@given(*[GUIDS] * 3, MOMENTS)
def test_a_bond_is_read_again(every_kind, device, account, app_space, now):
    service_keys = tuple(key.public for key in every_kind.values())
    bond = Bond(
        device=device,
        account=account,
        app_space=app_space,
        app_space_name="Banking",
        company_name="Example",
        verified_name="Example Ltd",
        account_id="zoe",
        account_name="zoe",
        service_keys=service_keys,
    )
    document = through_json(write_record(bond))
    assert read_record(Bond, document) == bond
    assert [key["kid"] for key in document["serviceKeys"]["keys"]] == [
        key.kid for key in service_keys
    ]
    for keys in (None, {}, {"keys": []}, {"keys": "x"}):
        with pytest.raises(InvalidField, match="serviceKeys"):
            read_record(Bond, document | {"serviceKeys": keys})
    with pytest.raises((InvalidField, UnfitKey)):
        read_record(Bond, document | {"serviceKeys": {"keys": [{"kty": "oct"}]}})
    bound = Bound(
        binding=Binding(
            guid=device,
            state=BindingState.ACTIVE,
            account=account,
            app_space=app_space,
            origin=None,
            token_hash=b"",
            deadline=now,
            keys=(DeviceKey(role=Role.DEVICE, key=service_keys[0]),),
            created_at=now,
        ),
        account=Account(guid=account, app_space=app_space, account_id="zoe", created_at=now),
        app_space=AppSpace(guid=app_space, company=app_space, name="Banking", created_at=now),
        company=Company(
            guid=app_space, name="Example", verified_name="Example Ltd", created_at=now
        ),
        service_keys=service_keys,
    )
    assert Bond.of(bound) == bond
    unconfirmed = attrs.evolve(bound.binding, state=BindingState.UNCONFIRMED)
    waiting = Bond.of(attrs.evolve(bound, binding=unconfirmed))
    assert waiting == attrs.evolve(bond, confirm_by=now)
    (name,) = DeviceStatus.of(bound.binding, attempts_left=0).keys
    assert name == KeyName(role=Role.DEVICE, kid=service_keys[0].kid)


@pytest.mark.parametrize(
    ("record", "secrets"),
    [
        (LoginRedirect, {"url", "secret"}),
        (LoginReturn, {"state", "code", "secret"}),
        (LoggedIn, {"token"}),
        (ShownRequest, {"display"}),
        (AnswerReply, {"receipt"}),
    ],
)
def test_no_representation_has_a_secret(record, secrets):
    fields = attrs.fields_dict(record)
    assert {name for name in fields if fields[name].repr is False} == secrets


def test_the_names_of_no_account_are_those_of_its_app_space(new_service):
    service = new_service()
    company = service.stored(service.app_space.company)
    names = names_of(service.app_space, company, None)
    assert names == {
        "app_space_name": service.app_space.name,
        "company_name": company.name,
        "verified_name": None,
        "account_id": None,
        "account_name": None,
    }


@pytest.mark.parametrize(
    ("user_info", "name"),
    [
        ('{"name": "z", "displayName": "Zo\u00eb"}', "Zo\u00eb"),
        *(
            (user_info, "zoe")
            for user_info in (
                *("", "Zo\u00eb", "[]", '"Zo\u00eb"', "{", '{"name": "z"}'),
                *('{"displayName": ""}', '{"displayName": " "}', '{"displayName": 7}'),
                json.dumps({"displayName": "z" * 257}),
            )
        ),
        (json.dumps({"displayName": "z" * 256}), "z" * 256),
    ],
)
def test_an_account_is_called_by_its_display_name_or_else_by_its_id(user_info, name):
    account = Account(
        guid=NOBODY, app_space=NOBODY, account_id="zoe", user_info=user_info, created_at=NOW
    )
    assert account_name(account) == name
