"""One record of each kind, with something odd in every field."""

from __future__ import annotations

import attrs

from counterseal.models import (
    AddressKind,
    Algorithm,
    Authority,
    BindingState,
    Button,
    CallbackState,
    CancelReason,
    ChallengeState,
    ClientAuth,
    Clients,
    Codes,
    Credential,
    Device,
    DeviceKey,
    History,
    IdpSettings,
    KeyChange,
    LoginState,
    NotificationState,
    Occasion,
    OpenQuestion,
    Origin,
    Outcome,
    OwnLimits,
    PastQuestion,
    PublicKey,
    PushAddress,
    Record,
    Role,
    Scheme,
    SkipReason,
    Texts,
    TokenForm,
    WebhookKey,
)
from counterseal.models.guid import named
from counterseal.testing.contracts.leaving import SECRET
from counterseal.testing.contracts.specimens import Specimens

ODD = "Zoe\u0308 \u202e\x00\x1f👩‍👩‍👧 ' OR 1=1 -- %s \\ \" \ufeff "
"""A text that has broken programs before."""

BYTES = bytes(range(256))


def oddities(specimens: Specimens) -> tuple[Record, ...]:
    """Make one record of each kind, with something odd in every field."""
    credential = Credential(
        scheme=Scheme.HMAC,
        salt=BYTES,
        digest=b"\x00",
        sealed=b"\xff",
        created_at=specimens.moment(),
    )
    ended = attrs.evolve(credential, scheme=Scheme.BASIC, ends_at=specimens.moment())
    secret = SECRET.encode()
    webhook = WebhookKey(sealed=secret, created_at=specimens.moment(), ends_at=specimens.moment())
    idp = IdpSettings(
        issuer=ODD,
        client_id=ODD,
        redirect_uri=ODD,
        returns=(ODD,),
        scopes=(ODD, ""),
        client_auth=ClientAuth.PRIVATE_KEY,
        sealed_secret=secret,
        algorithms=(ODD,),
        account_claim=ODD,
        parameters=((ODD, ""), ("", ODD)),
    )
    address = PushAddress(kind=AddressKind.WEBPUSH, value=SECRET + ODD)
    public = PublicKey(kid=ODD, algorithm=Algorithm.EDDSA, jwk=ODD, thumbprint=ODD)
    button = Button(title=SECRET, strong=True, style=ODD, approving=True)
    device = Device(
        binding=specimens.guid(),
        state=BindingState.SUSPENDED,
        deadline=specimens.moment(),
        addresses=(address,),
    )
    question = OpenQuestion(
        challenge=specimens.guid(),
        origin=specimens.guid(),
        deadline=specimens.moment(),
        clients=Clients.CX,
    )
    past = PastQuestion(at=specimens.moment(), origin=specimens.guid())
    history = History(
        open=(question,),
        recent=(past, attrs.evolve(past, clients=Clients.CX)),
        asked_since_approval=3,
        refusals=2**40,
        cooling_until=specimens.moment(),
        wrong_codes=1,
    )
    outcome = Outcome(
        at=specimens.moment(),
        device=specimens.guid(),
        kid=ODD,
        thumbprint=ODD,
        button=0,
        token=SECRET,
        receipt=SECRET + "x" * 20_000,
        reason=CancelReason.SUPERSEDED,
    )
    account = specimens.account(
        ODD,
        user_info=SECRET,
        issuer=ODD,
        subject=ODD,
        sealed_grant=secret,
        vouched_at=specimens.moment(),
        locked_at=specimens.moment(),
        devices=(device, attrs.evolve(device, addresses=())),
        history=history,
        receipts=7,
        receipt_hash=ODD,
    )
    records: tuple[Record, ...] = (
        specimens.company(name=ODD),
        specimens.app_space(
            specimens.space,
            name=ODD,
            idp=idp,
            brand_logo=ODD,
            brand_color="",
            universal_app=True,
            texts=Texts(title=ODD, challenge=ODD, device_bound="", device_revoked=ODD),
        ),
        specimens.origin(
            specimens.space,
            name=ODD,
            codes=Codes.ECHOED,
            credentials=(credential, ended),
            callbacks=(SECRET, ODD),
            webhook_keys=(webhook,),
        ),
        specimens.admin(
            specimens.space, name=ODD, credentials=(credential,), ends_at=specimens.moment()
        ),
        account,
        specimens.binding(
            account,
            state=BindingState.SUSPENDED,
            origin=specimens.guid(),
            token_hash=secret,
            deadline=specimens.moment(),
            enrolled=ODD,
            name=ODD,
            keys=(DeviceKey(role=Role.STRONG, key=public),),
            addresses=(address,),
            strikes=2,
            suspended_by=Authority.STAFF,
            key_changes=(KeyChange(at=specimens.moment(), role=Role.DEVICE, thumbprint=ODD),),
            bound_at=specimens.moment(),
            ended_at=specimens.moment(),
        ),
        specimens.login(
            state=LoginState.USED,
            redirect_uri=ODD,
            app_return=ODD,
            secret_hash=secret,
            holder_hash=secret,
            sealed_verifier=BYTES,
            sealed_nonce=secret,
            deadline=specimens.moment(),
        ),
        specimens.challenge(
            account,
            state=ChallengeState.CANCELLED,
            display=SECRET + ODD,
            display_hash=ODD,
            buttons=(button, attrs.evolve(button, style=None, approving=False)),
            transaction_id=SECRET,
            callback=SECRET,
            notification_title="",
            notification_body=SECRET,
            show_notification=False,
            show_code=True,
            code_asked=True,
            sealed_code=BYTES,
            wrong_codes=2,
            deadline=specimens.moment(),
            outcome=outcome,
        ),
        specimens.callback(
            account,
            state=CallbackState.DEAD,
            url=SECRET,
            attempts=3,
            next_at=specimens.moment(),
            lease_until=specimens.moment(),
            last_status=410,
        ),
        specimens.notification(
            account,
            state=NotificationState.OVER,
            occasion=Occasion.DEVICE_REVOKED,
            kind=AddressKind.FCM_FID,
            devices=(specimens.guid(), specimens.guid()),
            delivered=True,
            attempts=3,
            next_at=specimens.moment(),
            lease_until=specimens.moment(),
            skip_reason=SkipReason.UNDELIVERED,
        ),
        specimens.alias(account, accounts=(), keep_until=specimens.moment()),
    )
    return (*records, *(_for_cx(record) for record in records if isinstance(record, Origin)))


def _for_cx(origin: Origin) -> Origin:
    return attrs.evolve(
        origin,
        guid=named(0, origin.guid),
        clients=Clients.CX,
        wildcards=True,
        domains=(ODD,),
        callback_states=(ChallengeState.DISOWNED,),
        token_form=TokenForm.OBJECT,
        limits=OwnLimits(pending=7, questions=8, cooldown=True),
    )
