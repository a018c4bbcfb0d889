"""Ceremonies: browsers register passkeys of users, and authenticate users by them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from counterseal import ijson, keys
from counterseal._plan import (
    AuditEntry,
    Decision,
    Records,
    Tools,
    bindings_of,
    require,
    require_account,
    require_known,
)
from counterseal.accounts.decisions.account_events import build_account_events, device_bound_event
from counterseal.accounts.rules import Deadline, binding_limit_unreached, own_ceremony, unlocked
from counterseal.bindings.chart import BINDING, BindingEvent
from counterseal.bindings.decisions.bindings import (
    binding_of,
    living_key,
    mark_seen,
    session_of,
    with_binding,
)
from counterseal.bindings.rules.evidence import allows_key
from counterseal.ceremonies.chart import (
    AUTHENTICATION,
    REGISTRATION,
    AuthenticationEvent,
    RegistrationEvent,
)
from counterseal.ceremonies.records import ceremony_guid
from counterseal.ceremonies.rules import (
    AuthenticationFacts,
    RegistrationFacts,
    own_handle,
    passkeys_allowed,
)
from counterseal.errors import AccountUnbound, NotFound, UnfitKey, WrongKey
from counterseal.keys import AssertionParts
from counterseal.machines import step
from counterseal.models import (
    PASSKEY_ALGORITHMS,
    Account,
    AddressKind,
    Algorithm,
    Binding,
    BindingState,
    DeviceKey,
    Guid,
    Occasion,
    PasskeyAuthentication,
    PasskeyRegistration,
    PasskeyScope,
    RegisteredPasskey,
    RelyingParty,
    Role,
    replace,
    revise,
)
from counterseal.models.guid import ENTROPY_BYTES, account_partition, mint, partition_of
from counterseal.outbox.decisions.outbox import build_notifications
from counterseal.policy import Policy

NONCE_BYTES = 32


@attrs.frozen(kw_only=True)
class StartedRegistration:
    """
    What a browser needs to register a passkey (WebAuthn Level 3, 5.4).

    Attributes:
        account_created: Whether the account did not exist before.
        challenge: The WebAuthn challenge.
        registered: The credential ids that the account has at this relying party id, base64url.
        algorithms: Those of which its key may be.
        conveyance: The attestation that the browser is to be asked for: `none` or `direct`.
    """

    registration: PasskeyRegistration
    account: Account
    account_created: bool
    challenge: bytes = attrs.field(repr=False)
    registered: tuple[str, ...]
    algorithms: frozenset[Algorithm]
    conveyance: str


@attrs.frozen(kw_only=True)
class StartedAuthentication:
    """
    What a browser needs to authenticate by a passkey (WebAuthn Level 3, 5.5).

    Attributes:
        challenge: The WebAuthn challenge.
        allowed: The credential ids that it may use, base64url.
    """

    authentication: PasskeyAuthentication
    challenge: bytes = attrs.field(repr=False)
    allowed: tuple[str, ...]


@attrs.define(kw_only=True)
class CeremonyStart:
    """
    A ceremony that an origin asks for.

    Attributes:
        user_info: Is stored with a new account.
        conveyance: The attestation to ask for, in a registration.
    """

    party: RelyingParty
    account_id: str
    scope: PasskeyScope
    user_info: str | None = None
    conveyance: str = "none"


async def start_registration(
    account: Account | None, tools: Tools, start: CeremonyStart
) -> Decision[StartedRegistration]:
    """Decide whether a browser may register a passkey; the first one creates the account."""
    passkeys_allowed(tools.policy)
    if account is not None:
        unlocked(account)
        binding_limit_unreached(account, tools.now, tools.policy)
        registered = _credential_ids(await bindings_of(account.guid), start.scope.rp_id)
        return _start_registration(account, tools, start, registered)
    app_space = start.party.app_space.guid
    partition = account_partition(app_space, start.account_id)
    new_account = Account(
        guid=mint(partition, tools.entropy(ENTROPY_BYTES)),
        app_space=app_space,
        account_id=start.account_id,
        user_info=start.user_info or "",
        created_at=tools.now,
    )
    decision = _start_registration(new_account, tools, start, (), account_created=True)
    decision.writes = (new_account, *decision.writes)
    decision.guards = ()
    return decision


def _start_registration(
    account: Account,
    tools: Tools,
    start: CeremonyStart,
    registered: tuple[str, ...],
    *,
    account_created: bool = False,
) -> Decision[StartedRegistration]:
    nonce = tools.entropy(NONCE_BYTES)
    registration = PasskeyRegistration(
        **new_ceremony(account, tools, start.party, nonce),
        state=REGISTRATION.initial,
        scope=start.scope,
    )
    return Decision(
        result=StartedRegistration(
            registration=registration,
            account=account,
            account_created=account_created,
            challenge=keys.challenge_of(nonce),
            registered=registered,
            algorithms=tools.policy.algorithms,
            conveyance=start.conveyance,
        ),
        writes=(registration,),
        guards=(account,),
        audit=(AuditEntry(registration.guid),),
    )


def check_registration(
    stored: Records, tools: Tools, party: RelyingParty, account_id: str
) -> Decision[PasskeyRegistration]:
    """Return a registration that may still end, before its answer is verified."""
    registration = require(stored[0], PasskeyRegistration)
    facts = RegistrationFacts(
        now=tools.now,
        party=party,
        account=_named_account(stored, account_id),
        ceremony=registration,
        # Nothing is pinned before the answer is verified.
        rp_id_hash=keys.digest(registration.scope.rp_id.encode()),
        origins=registration.scope.origins,
    )
    # Before the state, which would tell a stranger what became of it.
    own_ceremony(facts)
    step(REGISTRATION, registration.state, RegistrationEvent.REGISTER, facts)
    return Decision(result=registration)


async def register(
    stored: Records,
    tools: Tools,
    party: RelyingParty,
    account_id: str,
    registered: RegisteredPasskey,
    *,
    name: str = "",
    session: Guid | None,
    served_kinds: frozenset[AddressKind],
) -> Decision[tuple[Binding, Account]]:
    """Decide to end a verified registration, perhaps by a link, in a binding that is no device."""
    registration = require(stored[0], PasskeyRegistration)
    account = _named_account(stored, account_id)
    bindings = await bindings_of(account.guid)
    facts = RegistrationFacts(
        now=tools.now,
        party=party,
        account=account,
        ceremony=registration,
        rp_id_hash=registered.passkey.rp_id_hash,
        origins=registered.passkey.origins,
        session=session,
        name=name,
    )
    state = step(REGISTRATION, registration.state, RegistrationEvent.REGISTER, facts)
    binding_limit_unreached(account, tools.now, tools.policy)
    binding = _new_binding(registration, registered, facts, tools)
    _require_new(binding, registered, bindings)
    registered_ceremony = revise(registration, state=state, binding=binding.guid)
    devices = with_binding(account.devices, binding, tools.now)
    bound_account = revise(account, devices=devices, mailed_link=None)
    new_event = device_bound_event(account, binding.guid)
    updated_account, events = build_account_events(tools, bound_account, new_event)
    notifications = build_notifications(
        tools, served_kinds, account, Occasion.DEVICE_BOUND, binding.guid, now=tools.now
    )
    return Decision(
        result=(binding, updated_account),
        writes=(registered_ceremony, binding, updated_account, *notifications, *events),
        audit=(AuditEntry(registration.guid), AuditEntry(binding.guid, event="binding.register")),
    )


def _require_new(
    binding: Binding, registered: RegisteredPasskey, bindings: Iterable[Binding]
) -> None:
    """Refuse a key or a credential id that one of *bindings*, the account's, has."""
    for key in filter(None, map(living_key, bindings)):
        if key.passkey is not None and (
            key.thumbprint == binding.enrolled
            or key.passkey.credential_id == registered.passkey.credential_id
        ):
            raise UnfitKey("registered already")


async def start_authentication(
    account: Account | None, tools: Tools, start: CeremonyStart
) -> Decision[StartedAuthentication]:
    """Decide to let a browser authenticate a user by one of the user's passkeys."""
    account = require_known(account)
    unlocked(account)
    bindings = await bindings_of(account.guid)
    usable = (binding for binding in bindings if _is_allowed(binding, tools.policy))
    allowed = _credential_ids(usable, start.scope.rp_id)
    if not allowed:
        raise AccountUnbound
    nonce = tools.entropy(NONCE_BYTES)
    authentication = PasskeyAuthentication(
        **new_ceremony(account, tools, start.party, nonce),
        state=AUTHENTICATION.initial,
        rp_id=start.scope.rp_id,
    )
    return Decision(
        result=StartedAuthentication(
            authentication=authentication, challenge=keys.challenge_of(nonce), allowed=allowed
        ),
        writes=(authentication,),
        guards=(account,),
        audit=(AuditEntry(authentication.guid),),
    )


async def finish(
    stored: Records,
    tools: Tools,
    party: RelyingParty,
    account_id: str,
    *,
    credential_id: str,
    assertion: AssertionParts,
    handle: bytes | None,
) -> Decision[PasskeyAuthentication]:
    """Decide on a browser's answer, by the passkey that it names."""
    authentication = require(stored[0], PasskeyAuthentication)
    account = _named_account(stored, account_id)
    binding = binding_of(await bindings_of(account.guid), credential_id)
    facts = await with_enrolment(
        AuthenticationFacts(
            now=tools.now,
            policy=tools.policy,
            party=party,
            account=account,
            ceremony=authentication,
            binding=binding,
            assertion=assertion,
            user_handle=handle,
        )
    )
    # Before the state, which would tell a stranger what became of it.
    own_ceremony(facts)
    state = step(AUTHENTICATION, authentication.state, AuthenticationEvent.FINISH, facts)
    own_handle(facts)
    if binding is None:
        raise WrongKey
    finished = revise(authentication, state=state, binding=binding.guid)
    seen_bindings = mark_seen(binding, facts.now)
    return Decision(
        result=finished,
        writes=(finished, *seen_bindings),
        guards=(facts.account,) if seen_bindings else (facts.account, binding),
        audit=(AuditEntry(authentication.guid),),
    )


def expire(stored: Records, tools: Tools) -> Decision[None]:
    """Decide that a ceremony has ended to which no browser has answered."""
    ceremony = stored[0]
    if not isinstance(ceremony, PasskeyRegistration | PasskeyAuthentication):
        raise NotFound
    facts = Deadline(now=tools.now, deadline=ceremony.deadline)
    if isinstance(ceremony, PasskeyRegistration):
        state: Any = step(REGISTRATION, ceremony.state, RegistrationEvent.EXPIRE, facts)
    else:
        state = step(AUTHENTICATION, ceremony.state, AuthenticationEvent.EXPIRE, facts)
    expired = revise(ceremony, state=state)
    return Decision(result=None, writes=(expired,), audit=(AuditEntry(expired.guid),))


def _named_account(stored: Records, account_id: str) -> Account:
    """
    Return the ceremony's account if it is the one that the origin names.

    The challenge leads to the ceremonies of each account that has the same partition.
    """
    account = require_account(stored[1])
    if account.account_id != account_id:
        raise NotFound
    return account


def new_ceremony(
    account: Account, tools: Tools, party: RelyingParty, nonce: bytes
) -> dict[str, Any]:
    """Return the members that both kinds of ceremonies have."""
    deadline = tools.now + tools.policy.ceremony_life
    challenge = keys.b64url(keys.challenge_of(nonce))
    return {
        "guid": ceremony_guid(partition_of(account.guid), challenge),
        "account": account.guid,
        "app_space": account.app_space,
        "origin": party.origin.guid,
        "nonce": nonce,
        "created_at": tools.now,
        "deadline": deadline,
        "keep_until": deadline + tools.policy.ceremony_life,
    }


def _new_binding(
    registration: PasskeyRegistration,
    registered: RegisteredPasskey,
    facts: RegistrationFacts,
    tools: Tools,
) -> Binding:
    passkeys_allowed(tools.policy)
    guid = mint(partition_of(registration.account), tools.entropy(ENTROPY_BYTES))
    jwk = dict(ijson.parse(registered.jwk))
    key = keys.public_key(
        {**jwk, "kid": guid, "alg": PASSKEY_ALGORITHMS[registered.algorithm]},
        algorithms=tools.policy.algorithms,
        passkey=registered.passkey,
    )
    return Binding(
        guid=guid,
        state=step(BINDING, BINDING.initial, BindingEvent.REGISTER, facts),
        account=registration.account,
        app_space=registration.app_space,
        origin=registration.origin,
        token_hash=b"",
        deadline=tools.now + tools.policy.ceremony_life,
        session=facts.session,
        enrolled=key.thumbprint,
        name=facts.name,
        keys=(DeviceKey(role=Role.STRONG, key=key),),
        answers=False,
        created_at=tools.now,
        bound_at=tools.now,
        last_seen_at=tools.now,
    )


def _credential_ids(bindings: Iterable[Binding], rp_id: str) -> tuple[str, ...]:
    """Return the credential ids of browsers' passkeys that authenticate at this relying party."""
    rp_id_hash = keys.digest(rp_id.encode())
    return tuple(
        passkey.credential_id
        for binding in bindings
        if not binding.answers and binding.state is BindingState.ACTIVE and binding.session is None
        for passkey in [binding.keys[0].key.passkey]
        if passkey is not None and passkey.rp_id_hash == rp_id_hash
    )


def _is_allowed(binding: Binding, policy: Policy) -> bool:
    """Tell whether the policy still allows the key of a browser's living binding."""
    key = living_key(binding)
    return key is not None and allows_key(policy, key)


async def with_enrolment(facts: AuthenticationFacts) -> AuthenticationFacts:
    """Add the session of the link that registered the passkey, if it may not have opened that."""
    return replace(facts, sessions=await session_of(facts.binding))
