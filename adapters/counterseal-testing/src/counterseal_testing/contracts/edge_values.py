"""One record of each kind, with something odd in every field."""

from __future__ import annotations

import attrs

from counterseal.models import (
    AccountEventKind,
    AccountEventState,
    AddressKind,
    Algorithm,
    AppSpacePolicy,
    AuthenticationState,
    Authority,
    BackchannelClient,
    BackchannelRequest,
    BindingState,
    Button,
    CallbackState,
    CancelReason,
    ChallengeState,
    ChannelRealm,
    ChannelRequest,
    ClientAuth,
    Clients,
    Codes,
    Credential,
    DeadReason,
    DeliveryMode,
    Device,
    DeviceKey,
    History,
    HtmlUse,
    IdpSettings,
    KeyChange,
    LogInMethod,
    LoginState,
    MailedLink,
    NewDeviceRule,
    NotificationState,
    Occasion,
    OpenQuestion,
    Origin,
    OriginPolicy,
    OriginRole,
    Outcome,
    OwnLimits,
    Passkey,
    PasskeyScope,
    PasskeyUse,
    PastQuestion,
    PublicKey,
    PushAddress,
    Record,
    RefusalReason,
    RegistrationState,
    Role,
    Scheme,
    SessionProof,
    SessionState,
    SkipReason,
    Texts,
    TokenForm,
    TraceContext,
    WebhookKey,
)
from counterseal.models.guid import derive_guid
from counterseal_testing.clock import START
from counterseal_testing.contracts.leaks import SECRET
from counterseal_testing.contracts.record_factory import RecordFactory

ODD = "Zoe\u0308 \u202e\x00\x1f👩‍👩‍👧 ' OR 1=1 -- %s \\ \" \ufeff "
"""A text that has broken programs before."""

BYTES = bytes(range(256))


def edge_records(factory: RecordFactory) -> tuple[Record, ...]:
    """Make one record of each kind, with something odd in every field."""
    credential = Credential(
        scheme=Scheme.HMAC,
        salt=BYTES,
        digest=b"\x00",
        sealed=b"\xff",
        created_at=factory.moment(),
    )
    ended = attrs.evolve(credential, scheme=Scheme.BASIC, ends_at=factory.moment())
    secret = SECRET.encode()
    webhook = WebhookKey(sealed=secret, created_at=factory.moment(), ends_at=factory.moment())
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
    passkey = attrs.evolve(
        public,
        passkey=Passkey(
            rp_id_hash=ODD,
            origins=(ODD, ""),
            backup_eligible=True,
            credential_id=ODD,
            aaguid=ODD,
        ),
    )
    admin = factory.admin(
        factory.space,
        name=ODD,
        credentials=(credential,),
        person=True,
        ends_at=factory.moment(),
    )
    button = Button(title=SECRET, strong=True, style=ODD, approving=True)
    device = Device(
        binding=factory.guid(),
        state=BindingState.SUSPENDED,
        deadline=factory.moment(),
        addresses=(address,),
        language=ODD,
        last_seen_at=admin.ends_at,
    )
    question = OpenQuestion(
        challenge=factory.guid(),
        origin=factory.guid(),
        deadline=factory.moment(),
        clients=Clients.CX,
    )
    past = PastQuestion(at=factory.moment(), origin=factory.guid())
    history = History(
        open=(question,),
        recent=(past, attrs.evolve(past, clients=Clients.CX)),
        asked_since_approval=3,
        refusals=2**40,
        cooling_until=factory.moment(),
        wrong_codes=1,
        ended=(question.challenge, factory.guid()),
    )
    outcome = Outcome(
        at=factory.moment(),
        device=factory.guid(),
        kid=ODD,
        thumbprint=ODD,
        button=0,
        token=SECRET,
        receipt=SECRET + "x" * 20_000,
        reason=CancelReason.SUPERSEDED,
        refusal_reason=RefusalReason.PRESSURED,
        suspensions=3,
    )
    account = factory.account(
        ODD,
        user_info=SECRET,
        issuer=ODD,
        subject=ODD,
        sealed_grant=secret,
        confirmed_at=factory.moment(),
        locked_at=factory.moment(),
        devices=(device, attrs.evolve(device, addresses=(), answers=False)),
        history=history,
        receipts=7,
        receipt_hash=ODD,
        events=2**40,
        mailed_link=MailedLink(
            secret_hash=secret, origin=question.origin, deadline=question.deadline
        ),
    )
    records: tuple[Record, ...] = (
        factory.company(name=ODD, verified_name=ODD),
        factory.app_space(
            factory.space,
            name=ODD,
            idp=idp,
            brand_url=ODD,
            brand_color="",
            logo_digest=ODD,
            html=HtmlUse.REFUSE,
            universal_app=True,
            texts=Texts(
                title=ODD,
                challenge=ODD,
                challenge_ended=ODD,
                device_bound="",
                device_revoked=ODD,
                device_unconfirmed=ODD,
            ),
            new_devices=NewDeviceRule.CONFIRMED,
            device_invitations=False,
            document_hosts=("https://files.example.com", "https://docs.example.com:8443"),
            policy=AppSpacePolicy(
                challenge_life=90,
                code_limit=1,
                cx_cooldown=True,
                algorithms=(Algorithm.ES256, Algorithm.ML_DSA_44),
                passkeys=PasskeyUse.REFUSE,
            ),
            passkeys=PasskeyScope(
                rp_id="example.com", origins=("https://example.com", "https://a.example.com:8443")
            ),
        ),
        factory.logo(factory.guid(), png=BYTES),
        factory.origin(
            factory.space,
            name=ODD,
            codes=Codes.ECHOED,
            credentials=(credential, ended),
            callbacks=(SECRET, ODD),
            webhook_keys=(webhook,),
            backchannel=BackchannelClient(
                mode=DeliveryMode.PING,
                notification_endpoint=SECRET,
                keys=(public,),
                endpoint_audiences=True,
            ),
            token_generation=2**40,
        ),
        admin,
        account,
        factory.binding(
            account,
            state=BindingState.SUSPENDED,
            origin=factory.guid(),
            token_hash=secret,
            deadline=factory.moment(),
            endorser=factory.guid(),
            wrong_codes=2,
            confirmer=factory.guid(),
            confirmation=SECRET,
            enrolled=ODD,
            replaces=factory.guid(),
            name=ODD,
            platform=ODD,
            language=ODD,
            app_version=ODD,
            keys=(
                DeviceKey(role=Role.STRONG, key=public),
                DeviceKey(role=Role.STRONG, key=passkey),
            ),
            addresses=(address,),
            strikes=2,
            suspended_by=Authority.STAFF,
            session=factory.space,
            suspensions=2,
            sessions_end_at=START,
            admin=factory.space,
            key_changes=(KeyChange(at=factory.moment(), role=Role.DEVICE, thumbprint=ODD),),
            answers=False,
            bound_at=factory.moment(),
            ended_at=factory.moment(),
            last_seen_at=factory.moment(),
        ),
        factory.login(
            state=LoginState.USED,
            redirect_uri=ODD,
            app_return=ODD,
            secret_hash=secret,
            holder_hash=secret,
            sealed_verifier=BYTES,
            sealed_nonce=secret,
            deadline=factory.moment(),
            test=True,
        ),
        factory.challenge(
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
            device=factory.guid(),
            code_asked=True,
            sealed_code=BYTES,
            wrong_codes=2,
            deadline=factory.moment(),
            outcome=outcome,
            backchannel=BackchannelRequest(
                secret_hash=ODD,
                interval=2**40,
                polled_at=factory.moment(),
                redeemed_at=factory.moment(),
                token_hash=ODD,
                token_generation=2**40,
                sealed_id=BYTES,
            ),
            submission=SECRET + ODD,
        ),
        factory.callback(
            account,
            state=CallbackState.DEAD,
            url=SECRET,
            attempts=3,
            next_at=factory.moment(),
            lease_until=factory.moment(),
            last_status=410,
        ),
        factory.notification(
            account,
            state=NotificationState.OVER,
            occasion=Occasion.DEVICE_REVOKED,
            kind=AddressKind.FCM_FID,
            devices=(factory.guid(), factory.guid()),
            delivered=True,
            attempts=3,
            next_at=factory.moment(),
            lease_until=factory.moment(),
            skip_reason=SkipReason.UNDELIVERED,
        ),
        factory.alias(account, accounts=(), keep_until=factory.moment()),
        factory.registration(
            account,
            state=RegistrationState.REGISTERED,
            scope=PasskeyScope(
                rp_id="localhost", origins=("http://localhost:8080", "http://localhost")
            ),
            nonce=secret,
            binding=factory.guid(),
            deadline=factory.moment(),
        ),
        factory.authentication(
            account,
            state=AuthenticationState.EXPIRED,
            rp_id=ODD,
            nonce=BYTES,
            binding=factory.guid(),
            deadline=factory.moment(),
        ),
        factory.session(
            admin.guid,
            state=SessionState.ENROLLING,
            secret_hash=BYTES,
            method=LogInMethod.LINK,
            browser=ODD,
            started_at=factory.moment(),
            last_used_at=factory.moment(),
            stepped_up_until=factory.moment(),
            proofs=(SessionProof(binding=factory.space, suspensions=3),),
            deadline=factory.moment(),
        ),
        factory.callback(
            account,
            state=CallbackState.DEAD,
            challenge=None,
            event=factory.guid(),
            waits_for=factory.guid(),
            successor=factory.guid(),
            cause=DeadReason.FORGOTTEN,
            trace=TraceContext(parent=f"00-{'0' * 31}1-{'f' * 16}-01", state="a=\"\\ '~"),
        ),
        factory.account_event(
            account,
            state=AccountEventState.PUBLISHED,
            kind=AccountEventKind.DISOWNED,
            number=2**40,
            device=factory.guid(),
            challenge=factory.guid(),
        ),
        factory.event_log(factory.guid(), last=2**40),
        factory.event_stream(account, last=7, deliveries=((factory.guid(), factory.guid()),)),
        factory.logged_event(
            account,
            kind=AccountEventKind.STRIKE,
            number=2**40,
            sequence=2**40,
            device=factory.guid(),
            challenge=factory.guid(),
        ),
        factory.origin(
            factory.space,
            realm=ChannelRealm(issuer=ODD, callback=SECRET, keys=(public,), registered_only=True),
        ),
        factory.challenge(
            account,
            channel=ChannelRequest(sealed_bearer=BYTES, until=factory.moment()),
        ),
        factory.callback(
            account,
            state=CallbackState.DEAD,
            once=True,
            begun_at=factory.moment(),
            cause=DeadReason.UNKNOWN,
        ),
        factory.notification(account, occasion=Occasion.CHALLENGE_REMINDER),
    )
    return (*records, *(_for_cx(record) for record in records if isinstance(record, Origin)))


def _for_cx(origin: Origin) -> Origin:
    return attrs.evolve(
        origin,
        guid=derive_guid(0, origin.guid),
        clients=Clients.CX,
        wildcards=True,
        domains=(ODD,),
        callback_states=(ChallengeState.DISOWNED,),
        token_form=TokenForm.OBJECT,
        role=OriginRole.ASKING,
        limits=OwnLimits(pending=7, questions=8, cooldown=True),
        policy=OriginPolicy(invite_rate=1),
    )
