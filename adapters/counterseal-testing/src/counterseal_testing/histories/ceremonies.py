"""Ceremonies: origins begin them, and browsers register passkeys and authenticate by them."""

from __future__ import annotations

import json
from typing import Any

import attrs

from counterseal_testing.attestation import FakeModel
from counterseal_testing.authenticator import FakePasskey
from counterseal_testing.histories import actors
from counterseal_testing.histories.ledger import Plain
from counterseal_testing.histories.model import Result
from counterseal_testing.histories.outbox import NotificationCalls
from counterseal_testing.histories.planned_faults import PlannedFault

REGISTRATION, AUTHENTICATION = "registration", "authentication"
WAYS = ("right", "right", "right", "another challenge", "another origin", "unverified")
"""How a browser answers; only `right` may end a ceremony."""


@attrs.frozen
class Begun:
    """A ceremony that an origin has begun, as its browser knows it."""

    kind: str
    guid: str
    account: str
    browser: str
    origin: str
    challenge: bytes = attrs.field(repr=False)


class CeremonyCalls(NotificationCalls):
    """The calls about passkeys of browsers."""

    def begin_ceremony(
        self, browser: str, kind: str, origin: str, fault: PlannedFault | None = None
    ) -> Begun | None:
        """Let *origin* begin a ceremony for the user of *browser*."""
        role, party = actors.PEOPLE[actors.BROWSERS[browser]], self.origins[origin]
        ceremonies, account = self.service.ceremonies, self.person(actors.BROWSERS[browser])
        facts = {**self._facts(role), "origin": party.origin.guid, "account": account}
        fit = self._may_begin(account, kind)
        began: Result[Any]
        if kind == REGISTRATION:
            began = self.run_operation(
                "start_registration",
                lambda: ceremonies.start_registration(party, role.account_id, actors.DOMAIN),
                fault=fault,
                **facts,
            )
        else:
            began = self.run_operation(
                "start_authentication",
                lambda: ceremonies.start_authentication(party, role.account_id, actors.DOMAIN),
                fault=fault,
                **facts,
            )
        if began.quiet and fit is not None:
            assert began.done == fit, f"a {kind} began: {began.code}"
        if began.value is None:
            return None
        record = getattr(began.value, kind)
        return Begun(
            kind, record.guid, record.account, browser, origin, challenge=began.value.challenge
        )

    def end_ceremony(
        self, begun: Begun, way: str, origin: str, fault: PlannedFault | None = None
    ) -> None:
        """Let a browser answer, in any *way*, and any *origin* finish with it."""
        passkey, entry = actors.passkey(begun.browser), self.ledger.ceremonies[begun.guid]
        role, party = actors.PEOPLE[actors.BROWSERS[begun.browser]], self.origins[origin]
        credential, browser = _credential_of(passkey), actors.browser(passkey, way)
        challenge = bytes(32) if way == "another challenge" else begun.challenge
        own = self.ledger.browsers_of(begun.account, credential, "ACTIVE", "SUSPENDED")
        active = self.ledger.browsers_of(begun.account, credential, "ACTIVE")
        person = self.ledger.accounts[begun.account]
        below_limit = self.has_place(begun.account)
        registers = begun.kind == REGISTRATION
        fit = (
            way == "right"
            and entry.state == "STARTED"
            and self.at() < entry.deadline
            and origin == begun.origin
            and not person.locked
            and (below_limit is not False and not own if registers else bool(active))
        )
        facts: Plain = {
            "ceremony": begun.guid,
            "origin": party.origin.guid,
            "account": begun.account,
            "device": next(iter(own), ""),
            "how": way,
            "credential": credential,
            "domain": actors.DOMAIN,
            "jwk": json.loads(passkey.public.jwk),
        }
        ceremonies, account_id = self.service.ceremonies, role.account_id
        ended: Result[Any]
        if begun.kind == REGISTRATION:
            response = FakeModel(attestation="none").create(browser, challenge)
            ended = self.run_operation(
                "register",
                lambda: ceremonies.register(party, account_id, response),
                fault=fault,
                **facts,
            )
        else:
            assertion = browser.get(challenge)
            ended = self.run_operation(
                "authenticate",
                lambda: ceremonies.finish_authentication(party, account_id, credential, assertion),
                fault=fault,
                **facts,
            )
        if ended.quiet and not (registers and fit and below_limit is None):
            assert ended.done == fit, f"a {begun.kind} ended: {ended.code}"

    def browser_binding(self, browser: str) -> str:
        """Return the living binding of a browser's passkey; empty if there is none."""
        credential = _credential_of(actors.passkey(browser))
        account = self.person(actors.BROWSERS[browser])
        return next(iter(self.ledger.browsers_of(account, credential, "ACTIVE", "SUSPENDED")), "")

    def _may_begin(self, account: str, kind: str) -> bool | None:
        if not account:
            return kind == REGISTRATION
        if self.ledger.accounts[account].locked:
            return False
        if kind == AUTHENTICATION:
            return bool(self.ledger.browsers_of(account, None, "ACTIVE"))
        return self.has_place(account)


def _credential_of(passkey: FakePasskey) -> str:
    pinned = passkey.public.passkey
    assert pinned is not None
    return pinned.credential_id
