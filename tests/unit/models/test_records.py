"""What all records have in common: frozen, validated, silent about secrets."""

import itertools
from datetime import UTC, datetime, timedelta, timezone
from typing import get_type_hints

import attrs
import pytest

from counterseal import models
from counterseal.errors import InvalidField
from counterseal.kinds import RecordKind
from counterseal.models import (
    LIVING,
    LIVING_SESSIONS,
    Account,
    AccountEvent,
    AccountEventKind,
    AccountEventState,
    Action,
    ActionState,
    ActionTerms,
    ActionUse,
    AddressKind,
    Admin,
    Algorithm,
    Alias,
    ApprovedAction,
    AppSpace,
    AppSpacePolicy,
    Attachment,
    AuditEvent,
    AuditPage,
    AuditQuery,
    AuthenticationState,
    BackchannelClient,
    BackchannelRequest,
    Binding,
    BindingState,
    Button,
    Callback,
    CallbackEntry,
    CallbackState,
    CallbackType,
    ChainedEvent,
    ChainHead,
    ChainLink,
    Challenge,
    ChallengeState,
    Change,
    ChannelRealm,
    ChannelRequest,
    ClientProfile,
    Codes,
    Company,
    CountKey,
    Credential,
    Delivery,
    DeliveryOutcome,
    Device,
    DeviceCall,
    DeviceKey,
    EditableMember,
    EventLog,
    EventStream,
    History,
    HtmlContent,
    Identity,
    IdpSettings,
    KeyChange,
    KeyScope,
    LoggedEvent,
    Login,
    LogInMethod,
    LoginState,
    Logo,
    Logout,
    MailedLink,
    MemoryContent,
    Notification,
    NotificationState,
    Occasion,
    OpenQuestion,
    Operator,
    Origin,
    OriginPolicy,
    Outcome,
    OwnLimits,
    Pair,
    PairsContent,
    Passkey,
    PasskeyAuthentication,
    PasskeyRegistration,
    PasskeyScope,
    PastQuestion,
    PublicKey,
    PushAddress,
    PushMessage,
    PushOutcome,
    PushResult,
    Question,
    RecordName,
    RegisteredPasskey,
    RegistrationResponse,
    RegistrationState,
    RelyingParty,
    RememberedHead,
    RequestContext,
    Reservation,
    Role,
    Scheme,
    Session,
    SessionProof,
    SessionState,
    SignedHead,
    StoredEvent,
    TextContent,
    Texts,
    TraceContext,
    UnchainedEvents,
    UseState,
    WebhookKey,
    guid,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ID = guid.mint(7, bytes(15))
HEAD = ChainHead(partition=7)
EVENT = AuditEvent(at=NOW, event="challenge.issue", actor="worker")
OTHER = guid.mint(7, bytes([1] * 15))
KEY = PublicKey(kid="k", algorithm=Algorithm.ES256, jwk="{}", thumbprint="t")

CEREMONY = {
    "guid": ID,
    "account": ID,
    "app_space": ID,
    "origin": ID,
    "nonce": b"",
    "created_at": NOW,
    "deadline": NOW,
    "keep_until": NOW,
}

# Of each record, what it cannot be made without.
OF_ACTION = {
    "guid": ID,
    "challenge": ID,
    "account": ID,
    "origin": ID,
    "app_space": ID,
    "created_at": NOW,
    "keep_until": NOW,
}
REQUIRED = {
    Account: {"guid": ID, "app_space": ID, "account_id": "ann", "created_at": NOW},
    Action: {"type": "tool-call", "resource": "send_mail", "arguments": {"to": "ann"}},
    Admin: {"guid": ID, "company": None, "name": "root", "created_at": NOW},
    AppSpacePolicy: {},
    AppSpace: {"guid": ID, "company": ID, "name": "Bank", "created_at": NOW},
    Attachment: {
        "name": "a.pdf",
        "size": 1,
        "type": "application/pdf",
        "sha256": "h",
        "url": "https://files.example/a.pdf",
    },
    PastQuestion: {"at": NOW, "origin": ID},
    TraceContext: {"parent": f"00-{'a' * 32}-{'b' * 16}-01"},
    AuditEvent: {"at": NOW, "event": "binding.revoke", "actor": "staff"},
    PushMessage: {
        "guid": ID,
        "occasion": Occasion.CHALLENGE,
        "subject": ID,
        "account": ID,
        "title": "Bank",
        "body": "A question.",
        "life": timedelta(minutes=1),
        "timeout": timedelta(seconds=1),
    },
    Binding: {
        "guid": ID,
        "state": BindingState.INVITED,
        "account": ID,
        "app_space": ID,
        "origin": None,
        "token_hash": b"",
        "deadline": NOW,
        "created_at": NOW,
    },
    Button: {"title": "Pay", "strong": True},
    Callback: {
        "guid": ID,
        "state": CallbackState.QUEUED,
        "challenge": ID,
        "account": ID,
        "origin": ID,
        "url": "https://bank.example/",
        "next_at": NOW,
        "created_at": NOW,
        "keep_until": NOW,
    },
    CallbackEntry: {"guid": ID, "type": CallbackType.ADDRESS, "text": "https://bank.example/"},
    Challenge: {
        "guid": ID,
        "state": ChallengeState.PENDING,
        "app_space": ID,
        "origin": ID,
        "account": ID,
        "display": "{}",
        "display_hash": "h",
        "buttons": (),
        "issued_at": NOW,
        "deadline": NOW,
        "keep_until": NOW,
    },
    ClientProfile: {
        "codes": Codes.TYPED,
        "wildcards": False,
        "callback_states": (),
        "number_ids": False,
        "object_user_info": False,
        "empty_values": False,
        "events": (),
    },
    Company: {"guid": ID, "name": "Bank", "created_at": NOW},
    Credential: {"scheme": Scheme.BASIC, "created_at": NOW},
    Delivery: {
        "url": "https://bank.example/",
        "headers": (),
        "body": b"",
        "timeout": timedelta(seconds=1),
    },
    DeliveryOutcome: {"status": None},
    Device: {"binding": ID, "state": BindingState.ACTIVE, "deadline": NOW},
    DeviceCall: {"method": "GET", "uri": "https://seal.example/", "proof": "a.b.c"},
    DeviceKey: {"role": Role.DEVICE, "key": KEY},
    History: {},
    HtmlContent: {"html": "<p>"},
    Identity: {"issuer": "https://idp.example", "subject": "ann"},
    MailedLink: {"secret_hash": b"", "origin": ID, "deadline": NOW},
    Logout: {"issuer": "https://idp.example", "subject": "ann", "jti": "one", "until": NOW},
    IdpSettings: {
        "issuer": "https://idp.example",
        "client_id": "c",
    },
    KeyChange: {"at": NOW, "role": Role.STRONG, "thumbprint": "t"},
    Logo: {"guid": ID, "app_space": ID, "png": b"", "created_at": NOW},
    Alias: {"guid": ID, "app_space": ID, "accounts": (ID,), "created_at": NOW},
    Login: {
        "guid": ID,
        "state": LoginState.STARTED,
        "app_space": ID,
        "redirect_uri": "https://service.example/idp",
        "app_return": "com.example.app:/login",
        "secret_hash": b"",
        "holder_hash": b"",
        "sealed_verifier": b"",
        "sealed_nonce": b"",
        "created_at": NOW,
        "deadline": NOW,
        "keep_until": NOW,
    },
    Notification: {
        "guid": ID,
        "state": NotificationState.QUEUED,
        "occasion": Occasion.CHALLENGE,
        "subject": ID,
        "account": ID,
        "app_space": ID,
        "kind": AddressKind.RELAY,
        "devices": (ID,),
        "next_at": NOW,
        "ends_at": NOW,
        "created_at": NOW,
        "keep_until": NOW,
    },
    OpenQuestion: {"challenge": ID, "origin": ID, "deadline": NOW},
    AccountEvent: {
        "guid": ID,
        "state": AccountEventState.UNPUBLISHED,
        "kind": AccountEventKind.LOCKED,
        "account": ID,
        "app_space": ID,
        "number": 1,
        "created_at": NOW,
        "keep_until": NOW,
    },
    AuditPage: {"events": (), "after": None},
    AuditQuery: {},
    ChainHead: {"partition": 7},
    ChainLink: {"head": HEAD, "events": (), "stored": (), "counts": {}},
    ChainedEvent: {"partition": 7, "position": 1, "hash": b"", "body": b"", "event": None},
    CountKey: {"app_space": None, "hour": NOW, "event": "challenge.issue", "reason": ""},
    MemoryContent: {},
    RememberedHead: {"number": 1, "digest": ""},
    SignedHead: {"number": 1, "token": ""},
    StoredEvent: {"event": EVENT, "body": b""},
    RecordName: {"kind": "account"},
    RequestContext: {},
    UnchainedEvents: {"head": HEAD, "events": ()},
    EventLog: {"guid": ID, "app_space": ID, "newest_end": NOW, "created_at": NOW},
    EventStream: {"guid": ID, "app_space": ID, "account": ID, "last": 1, "created_at": NOW},
    LoggedEvent: {
        "guid": ID,
        "app_space": ID,
        "number": 1,
        "event": ID,
        "kind": AccountEventKind.LOCKED,
        "account": ID,
        "sequence": 1,
        "happened_at": NOW,
        "created_at": NOW,
        "keep_until": NOW,
    },
    Operator: {},
    Origin: {"guid": ID, "app_space": ID, "name": "Web", "created_at": NOW},
    OriginPolicy: {},
    OwnLimits: {},
    Outcome: {"at": NOW},
    Pair: {"key": "To", "value": "Zoë"},
    PairsContent: {"title": "Pay", "pairs": ()},
    Passkey: {"rp_id_hash": "h", "origins": ("https://example.com",), "backup_eligible": True},
    PasskeyScope: {"rp_id": "example.com", "origins": ("https://example.com",)},
    RegisteredPasskey: {
        "algorithm": Algorithm.ES256,
        "jwk": "{}",
        "passkey": Passkey(rp_id_hash="h", origins=(), backup_eligible=True),
        "attestation_format": "none",
        "backed_up": True,
        "sign_count": 0,
    },
    RegistrationResponse: {"client_data": b"{}", "attestation_object": b"\xa0"},
    PublicKey: {
        "kid": "k",
        "algorithm": Algorithm.ES256,
        "jwk": "{}",
        "thumbprint": "t",
    },
    PasskeyAuthentication: CEREMONY
    | {"state": AuthenticationState.STARTED, "rp_id": "shop.example"},
    PasskeyRegistration: CEREMONY
    | {
        "state": RegistrationState.STARTED,
        "scope": PasskeyScope(rp_id="shop.example", origins=("https://shop.example",)),
    },
    PushAddress: {"kind": AddressKind.RELAY, "value": "a"},
    PushOutcome: {"result": PushResult.DELIVERED},
    Question: {"account_id": "ann", "content": TextContent(text="Pay?")},
    RelyingParty: {
        "origin": Origin(guid=ID, app_space=ID, name="Web", created_at=NOW),
        "app_space": AppSpace(guid=ID, company=ID, name="Bank", created_at=NOW),
    },
    Reservation: {
        "scope": (KeyScope.ISSUE, ID),
        "key": "k",
        "fingerprint": "f",
        "guid": ID,
        "holder": "h",
        "lease_until": NOW,
        "until": NOW,
    },
    Session: {
        "guid": ID,
        "state": SessionState.ACTIVE,
        "admin": ID,
        "secret_hash": b"",
        "method": LogInMethod.PASSKEY,
        "created_at": NOW,
        "deadline": NOW,
        "keep_until": NOW,
    },
    SessionProof: {"binding": ID},
    TextContent: {"text": "Pay?"},
    ActionTerms: {"type": "tool-call", "document": "{}", "digest": "d", "valid_until": NOW},
    ActionUse: OF_ACTION | {"state": UseState.UNKNOWN, "presented": True, "receipt": "r"},
    ApprovedAction: OF_ACTION
    | {
        "state": ActionState.APPROVED,
        "device": ID,
        "terms": ActionTerms(type="tool-call", document="{}", digest="d", valid_until=NOW),
    },
    Texts: {},
    WebhookKey: {"sealed": b"", "created_at": NOW},
    BackchannelClient: {},
    BackchannelRequest: {"secret_hash": "h", "interval": 5},
    ChannelRealm: {"issuer": "i", "callback": "c"},
    ChannelRequest: {"sealed_bearer": b"", "until": NOW},
}

# What neither a log nor a traceback may show (S34): secrets, hashes of them, tokens,
# addresses, and whatever the person was asked.
SILENT = {
    RegistrationResponse: {"client_data", "attestation_object"},
    Account: {"sealed_grant", "user_info"},
    MailedLink: {"secret_hash"},
    Action: {"arguments", "purpose"},
    ActionTerms: {"document"},
    ActionUse: {"detail", "receipt"},
    Attachment: {"name", "url"},
    AuditEvent: {"attributes"},
    PushMessage: {"title", "body"},
    Binding: {"confirmation", "sealed_token", "token_hash"},
    Button: {"title", "style"},
    Callback: {"url"},
    CallbackEntry: {"text"},
    Challenge: {
        "buttons",
        "callback",
        "display",
        "notification_body",
        "notification_title",
        "sealed_code",
        "submission",
        "transaction_id",
    },
    ChainHead: {"hash", "base_hash"},
    ChainedEvent: {"hash", "body"},
    Credential: {"salt", "digest", "sealed"},
    Delivery: {"url", "headers", "body"},
    DeviceCall: {"body", "proof"},
    HtmlContent: {"html"},
    Identity: {"grant"},
    IdpSettings: {"sealed_secret"},
    Login: {"secret_hash", "holder_hash", "sealed_verifier", "sealed_nonce"},
    Logo: {"png"},
    Origin: {"callbacks", "domains", "events_url"},
    Outcome: {"token", "receipt"},
    Pair: {"key", "value"},
    PairsContent: {"title"},
    PasskeyAuthentication: {"nonce"},
    PasskeyRegistration: {"nonce"},
    PushAddress: {"value"},
    Question: {
        "additional_info",
        "callback",
        "notification_body",
        "notification_title",
        "transaction_id",
    },
    RequestContext: {"ip_address", "place", "browser"},
    Reservation: {"key", "holder"},
    Session: {"secret_hash"},
    SignedHead: {"token"},
    StoredEvent: {"body", "key"},
    TextContent: {"text"},
    WebhookKey: {"sealed"},
    BackchannelClient: {"notification_endpoint"},
    BackchannelRequest: {"sealed_id"},
    ChannelRealm: {"callback"},
    ChannelRequest: {"sealed_bearer"},
}
CANARY = "canary-4711"

MEMBERS = {(Action, "valid_until"): "action.validUntil"}
"""Fields that a refusal calls by their name in JSON."""

EXPORTED = [getattr(models, name) for name in models.__all__]
OTHERS = (Change, EditableMember)
"""Two versions of a record, and what is said of a member: neither is stored or sent."""
RECORDS = [
    each for each in EXPORTED if isinstance(each, type) and attrs.has(each) and each not in OTHERS
]


def make(kind, **changes):
    return kind(**REQUIRED[kind] | changes)


def fields_of(*hints):
    """List (record, field) of every field with one of *hints*."""
    return [
        (kind, name)
        for kind in RECORDS
        for name, hint in get_type_hints(kind).items()
        if name in attrs.fields_dict(kind) and hint in hints
    ]


def test_every_record_is_tested():
    assert set(REQUIRED) == set(RECORDS)


@pytest.mark.parametrize("kind", RECORDS)
def test_a_record_is_frozen(kind):
    record = make(kind)

    for field in attrs.fields(kind):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(record, field.name, None)
    assert not hasattr(record, "__dict__")


@pytest.mark.parametrize("kind", RECORDS)
def test_a_record_is_made_by_names_only(kind):
    with pytest.raises(TypeError):
        kind(*REQUIRED[kind].values() or [()])


@pytest.mark.parametrize("kind", RECORDS)
def test_a_record_is_what_it_was_made_of(kind):
    record = make(kind)

    assert attrs.evolve(record) == record
    for name, value in REQUIRED[kind].items():
        assert getattr(record, name) == value


# Times


TIMES = fields_of(datetime, datetime | None)


def test_the_times_were_found():
    assert (Account, "created_at") in TIMES
    assert (Account, "locked_at") in TIMES
    assert (OpenQuestion, "deadline") in TIMES


@pytest.mark.parametrize(("kind", "name"), TIMES)
@pytest.mark.parametrize(
    "value",
    [
        NOW.replace(tzinfo=None),
        NOW.astimezone(timezone(timedelta(hours=1))),
        NOW.astimezone(timezone(timedelta(microseconds=1))),
        NOW.timestamp(),
        NOW.isoformat(),
        NOW.date(),
    ],
    ids=["naive", "an hour east", "almost", "number", "text", "date"],
)
def test_a_time_that_is_not_utc_is_refused_by_name(kind, name, value):
    with pytest.raises(InvalidField) as caught:
        make(kind, **{name: value})

    assert caught.value.field == MEMBERS.get((kind, name), name)
    assert "UTC" in caught.value.problem


@pytest.mark.parametrize(("kind", "name"), fields_of(datetime))
def test_a_time_that_has_to_be_there_is_refused_by_name(kind, name):
    with pytest.raises(InvalidField) as caught:
        make(kind, **{name: None})

    assert caught.value.field == name


@pytest.mark.parametrize(("kind", "name"), TIMES)
@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(0), "Z")])
def test_a_time_in_utc_is_accepted(kind, name, zone):
    assert getattr(make(kind, **{name: NOW.replace(tzinfo=zone)}), name) == NOW


# Counts and texts


@pytest.mark.parametrize(("kind", "name"), fields_of(int))
@pytest.mark.parametrize("value", [-1, 1.0, True, "1", None])
def test_what_is_no_count_is_refused_by_name(kind, name, value):
    with pytest.raises(InvalidField) as caught:
        make(kind, **{name: value})

    assert caught.value.field == name


@pytest.mark.parametrize(("kind", "name"), fields_of(int))
def test_a_count_begins_at_zero(kind, name):
    assert getattr(make(kind, **{name: 0}), name) == 0


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (Account, "account_id"),
        (Admin, "name"),
        (AppSpace, "name"),
        (AuditEvent, "event"),
        (Company, "name"),
        (Identity, "issuer"),
        (Identity, "subject"),
        (Identity, "account_id"),
        (Logout, "issuer"),
        (Logout, "jti"),
        (IdpSettings, "account_claim"),
        (IdpSettings, "client_id"),
        (IdpSettings, "issuer"),
        (Login, "redirect_uri"),
        (Login, "app_return"),
        (Origin, "name"),
        (PasskeyAuthentication, "rp_id"),
        (PushAddress, "value"),
    ],
)
@pytest.mark.parametrize("value", ["", None, b"bytes", 7])
def test_a_name_that_is_empty_or_no_text_is_refused_by_name(kind, name, value):
    with pytest.raises(InvalidField) as caught:
        make(kind, **{name: value})

    assert caught.value.field == name


# Secrets


def marked(kind, name):
    """Return a canary in the shape of the field."""
    hint = str(get_type_hints(kind)[name])
    if "Mapping" in hint:
        return {CANARY: CANARY}
    if "bytes" in hint:
        return CANARY.encode()
    if "Button" in hint:
        return (Button(title=CANARY, strong=False, style=CANARY),)
    if "tuple[tuple[str, str]" in hint:
        return ((CANARY, CANARY),)
    return (CANARY,) if "tuple" in hint else CANARY


@pytest.mark.parametrize("kind", SILENT)
def test_no_secret_is_in_the_repr(kind):
    record = make(kind, **{name: marked(kind, name) for name in SILENT[kind]})

    assert CANARY not in repr(record)
    assert CANARY not in f"{[record]!s}"
    for name in SILENT[kind]:
        assert f"{name}=" not in repr(record)


def test_no_secret_is_in_the_repr_of_what_holds_it():
    def secret(kind):
        return make(kind, **{name: marked(kind, name) for name in SILENT[kind]})

    pairs = attrs.evolve(secret(PairsContent), pairs=(secret(Pair),))
    holders = [
        *(
            attrs.evolve(secret(Question), content=content, buttons=(secret(Button),))
            for content in (secret(TextContent), secret(HtmlContent), pairs)
        ),
        make(Admin, credentials=(secret(Credential),)),
        make(AppSpace, idp=secret(IdpSettings)),
        make(Binding, addresses=(secret(PushAddress),)),
        attrs.evolve(
            secret(Account),
            devices=(make(Device, addresses=(secret(PushAddress),)),),
        ),
        make(RelyingParty, origin=secret(Origin)),
        attrs.evolve(secret(Challenge), outcome=secret(Outcome)),
        attrs.evolve(
            secret(Origin),
            credentials=(secret(Credential),),
            webhook_keys=(secret(WebhookKey),),
        ),
        Change(old=None, new=secret(Login)),
        Change(old=secret(Account), new=secret(Account)),
    ]

    assert CANARY not in repr(holders)


def test_bytes_are_always_silent():
    fields = {(kind, name) for kind, name in fields_of(bytes)}

    assert fields <= {(kind, name) for kind in SILENT for name in SILENT[kind]}


@pytest.mark.parametrize("kind", RECORDS)
def test_what_is_no_secret_is_in_the_repr(kind):
    """A traceback that shows nothing helps nobody."""
    public = {f.name for f in attrs.fields(kind)} - SILENT.get(kind, set())

    assert all(f"{name}=" in repr(make(kind)) for name in public)


# Stored records


STORED = [kind.record_class for kind in RecordKind]
CEREMONIES = (PasskeyRegistration, PasskeyAuthentication)


@pytest.mark.parametrize("kind", STORED)
def test_a_stored_record_tells_the_store_what_it_needs(kind):
    record = make(kind)

    assert record.guid == ID
    assert record.version == 1
    assert {record.parent, record.due_at, record.keep_until} <= {None, ID, NOW}


@pytest.mark.parametrize(
    ("record", "parent"),
    [
        (make(Company), None),
        (make(AppSpace), ID),
        (make(Origin), ID),
        (make(Admin), None),
        (make(Admin, company=ID), ID),
        (make(Session), ID),
        *((make(kind), None) for kind in (Account, Alias, Binding, Login, Logo)),
        *((make(kind), None) for kind in (Challenge, Callback, Notification)),
        *((make(kind), None) for kind in (*CEREMONIES, ApprovedAction, ActionUse)),
        *((make(kind), None) for kind in (AccountEvent, EventLog, EventStream, LoggedEvent)),
    ],
)
def test_tenancy_is_listed_under_its_parent(record, parent):
    assert record.parent == parent


@pytest.mark.parametrize("kind", STORED)
def test_what_is_forgotten_says_when(kind):
    keep_until = make(kind).keep_until

    forgotten = {Challenge, Callback, Login, Notification, Session, *CEREMONIES}
    forgotten |= {AccountEvent, LoggedEvent, ApprovedAction, ActionUse}
    assert keep_until == (NOW if kind in forgotten else None)


LATER = NOW + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("kind", "waiting"),
    [
        (Binding, {BindingState.INVITED, BindingState.UNCONFIRMED}),
        (Challenge, {ChallengeState.PENDING, ChallengeState.SEEN}),
        (Login, {LoginState.STARTED}),
        (PasskeyAuthentication, {AuthenticationState.STARTED}),
        (PasskeyRegistration, {RegistrationState.STARTED}),
        (Session, LIVING_SESSIONS),
    ],
)
def test_what_can_expire_is_due_at_its_deadline(kind, waiting):
    for state in type(make(kind).state):
        record = make(kind, state=state, deadline=LATER)

        assert record.due_at == (LATER if state in waiting else None)


@pytest.mark.parametrize("state", BindingState)
def test_a_binding_is_due_until_its_enrolment_and_its_sessions_have_ended(state):
    """A passkey of a link lives until its deadline only, unless the link's session starts."""
    by_link = make(Binding, state=state, deadline=LATER, session=ID)
    assert by_link.due_at == (LATER if state in LIVING else None)
    assert make(Binding, state=state, deadline=LATER, sessions_end_at=NOW).due_at == NOW


def test_a_queued_callback_is_due_at_its_attempt_or_when_its_lease_ends():
    times = [NOW, LATER]
    for next_at, lease_until in itertools.product(times, [None, *times]):
        record = make(Callback, next_at=next_at, lease_until=lease_until)

        assert record.due_at == max(next_at, lease_until or next_at)


@pytest.mark.parametrize("state", [CallbackState.DELIVERED, CallbackState.DEAD])
def test_a_callback_that_is_over_is_never_due(state):
    assert make(Callback, state=state, lease_until=LATER).due_at is None


@pytest.mark.parametrize("state", ActionState)
def test_an_approved_action_is_due_at_its_end_until_it_is_used(state):
    action = make(ApprovedAction, state=state)
    approved = state is ActionState.APPROVED

    assert action.due_at == (NOW if approved else None)
    before, late = NOW - timedelta(microseconds=1), ActionState.EXPIRED if approved else state
    assert (action.state_at(before), action.state_at(NOW)) == (state, late)


def test_an_event_is_due_until_it_is_published():
    assert make(AccountEvent).due_at == NOW
    assert make(AccountEvent, state=AccountEventState.PUBLISHED).due_at is None


def test_a_callback_is_about_a_challenge_or_an_event():
    assert make(Callback).subject == ID
    assert make(Callback, challenge=None, event=OTHER).subject == OTHER


NO_MACHINE = [Company, AppSpace, Origin, Admin, Account, EventLog, EventStream, LoggedEvent]


@pytest.mark.parametrize("kind", NO_MACHINE)
def test_what_has_no_machine_is_never_due(kind):
    assert make(kind).due_at is None


def test_a_guard_is_the_very_same_record():
    record = make(Account)
    change = Change(record, record)

    assert change.old is change.new
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        change.new = make(Account)
