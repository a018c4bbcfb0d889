"""
Discovery: a browser authenticates by a passkey, which says whose it is; nobody names an account.

The service stores nothing when an authentication begins: the browser keeps a sealed ticket with the
nonce. The end is stored under the GUID that follows from the challenge, so a ticket serves once.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import attrs

from counterseal import keys
from counterseal._plan import AuditEntry, Decision, Records, Tools, bindings_of, records
from counterseal.bindings.decisions.bindings import binding_of, mark_seen
from counterseal.ceremonies.chart import AUTHENTICATION, AuthenticationEvent
from counterseal.ceremonies.decisions.ceremonies import NONCE_BYTES, new_ceremony, with_enrolment
from counterseal.ceremonies.records import ceremony_guid, handle_guid
from counterseal.ceremonies.rules import AuthenticationFacts, passkeys_allowed
from counterseal.errors import Replayed, SealBroken, WrongKey, WrongToken
from counterseal.keys import AssertionParts
from counterseal.machines import step
from counterseal.models import Account, PasskeyAuthentication, RelyingParty
from counterseal.models.guid import partition_of
from counterseal.models.sealing import discovery_context
from counterseal.wire.members import format_time, parse_time

TICKET_LIMIT = 1_024
"""Characters of a ticket; ours are shorter."""


@attrs.frozen(kw_only=True)
class StartedDiscovery:
    """
    What a browser needs to authenticate by any passkey that it finds (WebAuthn Level 3, 5.5).

    Attributes:
        ticket: What the browser keeps, and brings back with its answer; sealed, base64url.
    """

    challenge: bytes = attrs.field(repr=False)
    rp_id: str
    ticket: str = attrs.field(repr=False)
    deadline: datetime


@attrs.frozen(kw_only=True)
class Ticket:
    """An authentication that has begun, as the browser has brought it back."""

    nonce: bytes = attrs.field(repr=False)
    rp_id: str
    created_at: datetime


def start_discovery(
    _: Records, tools: Tools, party: RelyingParty, rp_id: str
) -> Decision[StartedDiscovery]:
    """Decide that a browser may authenticate any user who has a passkey for *rp_id*."""
    passkeys_allowed(tools.policy)
    nonce = tools.entropy(NONCE_BYTES)
    document = {"nonce": keys.b64url(nonce), "rpId": rp_id, "at": format_time(tools.now)}
    context = discovery_context(party.origin.guid)
    return Decision(
        result=StartedDiscovery(
            challenge=keys.challenge_of(nonce),
            rp_id=rp_id,
            ticket=keys.b64url(tools.seal(json.dumps(document).encode(), context)),
            deadline=tools.now + tools.policy.ceremony_life,
        )
    )


async def finish_discovery(
    tools: Tools,
    party: RelyingParty,
    text: str,
    *,
    credential_id: str,
    assertion: AssertionParts,
    handle: bytes | None,
) -> Decision[tuple[PasskeyAuthentication, Account]]:
    """Decide on a browser's answer, by the passkey of the account that its handle names."""
    ticket = _open_ticket(tools, party, text)
    named_account = handle_guid(handle)
    if named_account is None:
        raise WrongKey
    challenge = keys.b64url(keys.challenge_of(ticket.nonce))
    guid = ceremony_guid(partition_of(named_account), challenge)
    account, ended_ceremony = await records(named_account, guid)
    if not isinstance(account, Account) or account.erased_at is not None:
        raise WrongKey
    if account.app_space != party.app_space.guid:
        raise WrongKey
    if ended_ceremony is not None:
        raise Replayed
    binding = binding_of(await bindings_of(account.guid), credential_id)
    facts = await with_enrolment(
        AuthenticationFacts(
            now=tools.now,
            policy=tools.policy,
            party=party,
            account=account,
            ceremony=_ceremony(account, tools, party, ticket),
            binding=binding,
            assertion=assertion,
            user_handle=handle,
        )
    )
    state = step(AUTHENTICATION, AUTHENTICATION.initial, AuthenticationEvent.FINISH, facts)
    if binding is None:
        raise WrongKey
    finished = attrs.evolve(facts.ceremony, state=state, binding=binding.guid)
    seen_bindings = mark_seen(binding, facts.now)
    return Decision(
        result=(finished, facts.account),
        writes=(finished, *seen_bindings),
        guards=(facts.account,) if seen_bindings else (facts.account, binding),
        audit=(AuditEntry(finished.guid),),
    )


def _ceremony(
    account: Account, tools: Tools, party: RelyingParty, ticket: Ticket
) -> PasskeyAuthentication:
    deadline = ticket.created_at + tools.policy.ceremony_life
    members: dict[str, Any] = new_ceremony(account, tools, party, ticket.nonce)
    members |= {
        "created_at": ticket.created_at,
        "deadline": deadline,
        "keep_until": deadline + tools.policy.ceremony_life,
    }
    return PasskeyAuthentication(**members, state=AUTHENTICATION.initial, rp_id=ticket.rp_id)


def _open_ticket(tools: Tools, party: RelyingParty, text: str) -> Ticket:
    """
    Return what *text* holds.

    Raises:
        WrongToken: The service made no such ticket for this origin.
        MalformedToken: It is no base64url.
    """
    if len(text) > TICKET_LIMIT:
        raise WrongToken
    try:
        opened = tools.open(keys.unb64url(text), discovery_context(party.origin.guid))
    except SealBroken:
        # What somebody else has written; the key is the one that the service seals with.
        raise WrongToken from None
    document: Any = json.loads(opened)
    # The service itself has written it: it is sealed.
    return Ticket(
        nonce=keys.unb64url(document["nonce"]),
        rp_id=document["rpId"],
        created_at=parse_time(document["at"]),
    )
