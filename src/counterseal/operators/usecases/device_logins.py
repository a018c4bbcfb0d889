"""Log-ins of administrators by their own devices, from browsers that have used a passkey."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from counterseal import keys
from counterseal._audit_context import AuditContext, refusals
from counterseal._plan import records, require
from counterseal._transaction import UseCase, with_same_ports
from counterseal.accounts.rules import approval_valid
from counterseal.challenges.usecases import Challenges
from counterseal.errors import (
    CodeDemanded,
    DeadlinePassed,
    MalformedToken,
    SealBroken,
    WrongState,
    WrongToken,
)
from counterseal.models import (
    OPERATORS,
    OPERATORS_COMPANY,
    PORTAL_ORIGIN,
    Account,
    Admin,
    Challenge,
    Guid,
    LogInMethod,
    Operator,
    Outcome,
    Pair,
    PairsContent,
    Question,
    RelyingParty,
)
from counterseal.models.guid import derive_guid, partition_of
from counterseal.models.sealing import portal_context
from counterseal.operators.decisions.operators import ensure_operators
from counterseal.operators.decisions.sessions import IssuedSession
from counterseal.operators.usecases.sessions import Sessions
from counterseal.tenancy.rules.authorization import is_in_force
from counterseal.wire.members import format_time, parse_time

SEALED_LIMIT = 2_048
"""Characters of what a browser brings back; ours are shorter."""

BROWSER_MARK, LOG_IN, STEP_UP = "browser", "log-in", "step-up"
"""What a browser keeps sealed, by its purpose."""


@attrs.frozen(kw_only=True)
class AskedDevice:
    """
    A challenge to the administrator's own device.

    Attributes:
        ticket: What the browser keeps, and brings back until the answer is there; sealed.
        code: What the person types into the device.
        deadline: From then on nobody can answer.
    """

    ticket: str = attrs.field(repr=False)
    code: str = attrs.field(repr=False)
    deadline: datetime


@attrs.frozen(kw_only=True)
class DeviceAnswer:
    """
    The present state of a challenge to the administrator's own device.

    Attributes:
        code: What the person types into the device.
    """

    challenge: Challenge
    code: str = attrs.field(repr=False)


@attrs.frozen
class DeviceLogins(UseCase):
    """
    Log administrators in by a challenge to their own device.

    Args:
        domain: Where the portal is, as an origin's allow-list has it: `auth.example.com`, or
            `localhost:8787`.
    """

    domain: str = attrs.field(kw_only=True)
    sessions: Sessions = attrs.field(
        default=with_same_ports(Sessions), init=False, eq=False, repr=False
    )
    _challenges: Challenges = attrs.field(
        default=with_same_ports(Challenges), init=False, eq=False, repr=False
    )

    def portal(self) -> RelyingParty:
        """
        Return the portal as an origin; what is missing is created.

        Raises:
            InvalidField: Browsers have no passkeys at the domain.
        """
        context = AuditContext(event="tenancy.ensure", actor=Operator(name="portal").actor)
        first = records(OPERATORS_COMPANY, OPERATORS, PORTAL_ORIGIN)
        return self._transactions.transact(context, first, ensure_operators, self.domain)

    def remember_browser(self, admin: Guid) -> str:
        """Return what lets a browser ask this administrator's device, to be kept by it; sealed."""
        return self._seal(BROWSER_MARK, {"admin": admin, "at": self._time()})

    def remembered(self, mark: str) -> Guid | None:
        """Return the administrator whom *mark* names; None if it is forged, or too old."""
        try:
            document = self._open(BROWSER_MARK, mark)
        except WrongToken:
            return None
        age = self.ports.clock.now() - parse_time(document["at"])
        return document["admin"] if age < self.policy.portal_browser_life else None

    def ask_to_log_in(self, mark: str, *, browser: str) -> AskedDevice:
        """
        Ask the device of the administrator who has used a passkey in this browser before.

        Args:
            mark: What `remember_browser` returned.
            browser: What the browser says that it is, for the person to read; may be empty.

        Raises:
            WrongToken: The browser has no such mark, so that strangers can send nothing.
            CredentialRefused: The administrator was revoked, or its time is over.
            Refused: As `Challenges.issue`.
        """
        guid = self.remembered(mark)
        context = AuditContext(event="session.ask", actor="stranger", subject=guid)
        with refusals(self.ports, context):
            if guid is None:
                raise WrongToken
            (admin,) = self.ports.store.get(guid)
            if not isinstance(admin, Admin) or not is_in_force(admin, self.ports.clock.now()):
                raise WrongToken
        return self._ask(admin, "Log in to the portal?", browser, LOG_IN, {})

    def answer(self, ticket: str) -> DeviceAnswer:
        """
        Return the present state of a log-in's challenge, with its code.

        Raises:
            WrongToken: The service did not issue the ticket.
            NotFound: The challenge is gone.
        """
        return self._answer(self._open(LOG_IN, ticket))

    def log_in_by_device(self, ticket: str, *, browser: str) -> IssuedSession:
        """
        Log the administrator in whose device has approved, once.

        Args:
            ticket: What `ask_to_log_in` returned.
            browser: What the browser says that it is; may be empty.

        Raises:
            WrongToken: The service did not issue the ticket, or it was used already.
            WrongState: The device has not approved, or is no longer active.
            BindingInactive: The device was suspended after it had approved.
            DeadlinePassed: It approved too long ago.
            AccountLocked: The administrator's account was locked since.
            CredentialRefused: The administrator was revoked, or its time is over.
        """
        document = self._open(LOG_IN, ticket)
        device, approval = self._approved(document)
        admin, challenge = Guid(document["admin"]), document["challenge"]
        return self.sessions.start(
            admin,
            LogInMethod.DEVICE,
            binding=device,
            browser=browser,
            guid=derive_guid(partition_of(admin), f"session {challenge}"),
            suspensions=approval.suspensions,
        )

    def ask_to_step_up(self, cookie: str, title: str) -> AskedDevice:
        """
        Ask the administrator's own device whether something dangerous may be done.

        Args:
            title: The act as the person reads it, such as "Revoke Example Ltd?".

        Raises:
            Refused: As `Sessions.authenticate` and `Challenges.issue`.
        """
        authenticated = self.sessions.authenticate(cookie)
        session = authenticated.session
        return self._ask(
            authenticated.admin, title, session.browser, STEP_UP, {"session": session.guid}
        )

    def step_up_answer(self, ticket: str) -> DeviceAnswer:
        """
        Return the present state of a step-up's challenge, with its code.

        Raises:
            WrongToken: The service did not issue the ticket.
            NotFound: The challenge is gone.
        """
        return self._answer(self._open(STEP_UP, ticket))

    def step_up_by_device(self, cookie: str, ticket: str) -> IssuedSession:
        """
        Step a session up whose administrator's device has approved.

        Raises:
            WrongToken: The ticket is not of this session.
            WrongState: The device has not approved, or is no longer active.
            DeadlinePassed: It approved too long ago.
            AccountLocked: The administrator's account was locked since.
            Refused: As `Sessions.step_up`.
        """
        document = self._open(STEP_UP, ticket)
        session = self.sessions.authenticate(cookie).session
        context = AuditContext(event="session.step_up", actor=session.admin, subject=session.guid)
        with refusals(self.ports, context):
            if document["session"] != session.guid:
                raise WrongToken
        device, approval = self._approved(document)
        return self.sessions.step_up(
            cookie, device, proven_at=approval.at, suspensions=approval.suspensions
        )

    def _ask(
        self, admin: Admin, title: str, browser: str, purpose: str, document: Mapping[str, Any]
    ) -> AskedDevice:
        lines = {"Administrator": admin.name} | ({"Browser": browser} if browser else {})
        pairs = tuple(Pair(key=key, value=value) for key, value in lines.items())
        question = Question(
            account_id=admin.guid,
            content=PairsContent(title=title, pairs=pairs),
            show_code=True,
        )
        issued = self._challenges.issue(self.portal(), question)
        if issued.code is None:
            # The portal's codes were switched off: a person who approves everything is no proof.
            raise CodeDemanded
        challenge = issued.challenge
        ticket = self._seal(
            purpose,
            {"admin": admin.guid, "challenge": challenge.guid, "code": issued.code, **document},
        )
        return AskedDevice(ticket=ticket, code=issued.code, deadline=challenge.deadline)

    def _answer(self, document: Mapping[str, Any]) -> DeviceAnswer:
        return DeviceAnswer(challenge=self._challenge(document), code=document["code"])

    def _challenge(self, document: Mapping[str, Any]) -> Challenge:
        return self._challenges.status(self.portal(), Guid(document["challenge"]))

    def _approved(self, document: Mapping[str, Any]) -> tuple[Guid, Outcome]:
        """Return which device has approved, and its approval, of a short while ago."""
        challenge = self._challenge(document)
        outcome = challenge.outcome
        if not challenge.approved or outcome is None or outcome.device is None:
            raise WrongState(f"a challenge that is {challenge.state.value}, and not approved")
        if self.ports.clock.now() >= outcome.at + self.policy.step_up_life:
            raise DeadlinePassed
        (account,) = self.ports.store.get(challenge.account)
        approval_valid(require(account, Account), outcome.device)
        return outcome.device, outcome

    def _time(self) -> str:
        return format_time(self.ports.clock.now())

    def _seal(self, purpose: str, document: Mapping[str, Any]) -> str:
        plain = json.dumps(document).encode()
        return keys.b64url(self.ports.sealer.seal(plain, portal_context(purpose)))

    def _open(self, purpose: str, text: str) -> dict[str, Any]:
        """
        Return what the service has sealed for *purpose*.

        Raises:
            WrongToken: It is another text.
        """
        if len(text) > SEALED_LIMIT:
            raise WrongToken
        try:
            opened = self.ports.sealer.open(keys.unb64url(text), portal_context(purpose))
        except (SealBroken, MalformedToken):
            raise WrongToken from None
        document: dict[str, Any] = json.loads(opened)
        return document
