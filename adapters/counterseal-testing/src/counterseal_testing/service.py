"""
A service in memory for tests: every use case, with fakes and memory adapters for its ports.

    service = FakeService()
    zoe = service.bind("zoe")
    issued = service.ask("zoe", "Pay 10 EUR to Adam?", show_code=True)
    zoe.answer(zoe.fetch(issued.challenge.guid), code=issued.code)
    assert service.challenges.status(service.origin, issued.challenge.guid).approved

Time stands still until `service.clock` is moved; pushes are in `service.outbox`,
callbacks in `service.sender`, and `service.idp` is an Identity Provider with users to log in.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from counterseal import (
    Accounts,
    Actions,
    Administration,
    AdminLogins,
    Answers,
    Authentication,
    Callbacks,
    Ceremonies,
    Challenges,
    Confirmations,
    Credentials,
    Devices,
    Enrolments,
    Events,
    Invitation,
    Invitations,
    Issued,
    KeySets,
    Logins,
    LoginTests,
    Notifications,
    Sessions,
    Telemetry,
)
from counterseal.challenges.decisions.issuing import Extension
from counterseal.device import SoftwareDevice
from counterseal.keys import SigningKey
from counterseal.memory import memory_ports
from counterseal.models import (
    OPERATOR,
    Algorithm,
    AppSpace,
    Binding,
    Codes,
    Content,
    Guid,
    IdpSettings,
    OriginRole,
    PushAddress,
    Question,
    RelyingParty,
    TextContent,
)
from counterseal.policy import STANDARD, Policy
from counterseal.ports import CallbackSender, IdentityProvider, Notifier, Ports
from counterseal_testing.attestation import FakeAttestationVerifier, FakeModel
from counterseal_testing.authenticator import RP_ID, FakePasskey
from counterseal_testing.clock import FrozenClock
from counterseal_testing.entropy import ScriptedEntropy
from counterseal_testing.identity import APP_RETURN, FakeIdentityProvider
from counterseal_testing.outbox import OutboxNotifier
from counterseal_testing.phone import Phone
from counterseal_testing.sender import ScriptedSender

PIN = "2580"
SCRYPT_COST = 2
"""The lowest there is: tests unlock keys thousands of times, and nobody attacks them."""

CALLBACK = "https://shop.example/done"
"""On the origin's allow-list."""


def fake_ports(
    *,
    seed: int = 0,
    clock: FrozenClock | None = None,
    entropy: ScriptedEntropy | None = None,
    notifier: Notifier | None = None,
    identity: IdentityProvider | None = None,
    sender: CallbackSender | None = None,
    algorithm: Algorithm = Algorithm.ES256,
) -> Ports:
    """
    Return ports for tests: no time passes, entropy follows from *seed*, nothing leaves the process.

    Args:
        seed: Of the entropy, unless *entropy* is given.
        clock: The test's own, in place of a new fake; so are the others.
        entropy: The same.
        notifier: The same.
        identity: The same.
        sender: The same.
        algorithm: What the service signs receipts with.
    """
    source = entropy or ScriptedEntropy(seed)
    ports = memory_ports(clock=clock or FrozenClock(), entropy=source, algorithm=algorithm)
    return Ports(
        store=ports.store,
        notifier=notifier or OutboxNotifier(),
        identity=identity or FakeIdentityProvider(source),
        sender=sender or ScriptedSender(),
        attestation=FakeAttestationVerifier(),
        replay=ports.replay,
        counters=ports.counters,
        idempotency=ports.idempotency,
        wake=ports.wake,
        signer=ports.signer,
        sealer=ports.sealer,
        clock=ports.clock,
        entropy=source,
        audit=ports.audit,
    )


def _as_they_are(ports: Ports) -> Ports:
    return ports


class FakeService:
    """
    A company with a `simple` App Space and an origin, and every use case of the service.

    Args:
        seed: Of all entropy.
        policy: The service's.
        adapters: Puts other adapters in the place of fakes, or something around them.

    Attributes:
        app_space: Where `origin` lives.
        origin: Who asks, unless a test says otherwise.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        policy: Policy = STANDARD,
        adapters: Callable[[Ports], Ports] = _as_they_are,
    ) -> None:
        self.policy = policy
        self.clock = FrozenClock()
        self.entropy = ScriptedEntropy(seed)
        self.outbox = OutboxNotifier()
        self.idp = FakeIdentityProvider(self.entropy)
        self.sender = ScriptedSender()
        self.ports = adapters(
            fake_ports(
                clock=self.clock,
                entropy=self.entropy,
                notifier=self.outbox,
                identity=self.idp,
                sender=self.sender,
            )
        )
        self.administration = Administration(self.ports, policy, by=OPERATOR)
        self.credentials = Credentials(self.ports, policy, by=OPERATOR)
        self.authentication = Authentication(self.ports, policy)
        self.invitations = Invitations(self.ports, policy)
        self.enrolments = Enrolments(self.ports, policy)
        self.logins = Logins(self.ports, policy)
        self.login_tests = LoginTests(self.ports, policy)
        self.accounts = Accounts(self.ports, policy)
        self.devices = Devices(self.ports, policy)
        self.confirmations = Confirmations(self.ports, policy)
        self.keysets = KeySets(self.ports, policy)
        self.telemetry = Telemetry(self.ports, policy)
        self.ceremonies = Ceremonies(self.ports, policy)
        self.sessions = Sessions(self.ports, policy)
        self.challenges = Challenges(self.ports, policy)
        self.answers = Answers(self.ports, policy)
        self.actions = Actions(self.ports, policy)
        self.callbacks = Callbacks(self.ports, policy)
        self.account_events = Events(self.ports, policy)
        self.notifications = Notifications(self.ports, policy)
        self.company = self.administration.create_company("Example Ltd")
        self.app_space = self.new_app_space("Example app")
        self.origin = self.new_origin(self.app_space, "Example shop")

    def new_app_space(self, name: str, *, idp: IdpSettings | None = None) -> AppSpace:
        """
        Create another App Space; `service.idp.settings()` makes it one with log-ins.

        Raises:
            Refused: As `Administration.create_app_space`.
            Unavailable: A port failed.
        """
        return self.administration.create_app_space(self.company.guid, name, idp=idp)

    def new_origin(
        self,
        app_space: AppSpace,
        name: str,
        *,
        codes: Codes = Codes.TYPED,
        role: OriginRole = OriginRole.FULL,
    ) -> RelyingParty:
        """
        Create another origin; `CALLBACK` is on its allow-list.

        Raises:
            Refused: As `Administration.create_origin`.
            Unavailable: A port failed.
        """
        origin = self.administration.create_origin(app_space.guid, name, codes=codes, role=role)
        self.administration.allow_callback(origin.guid, CALLBACK)
        return self.administration.relying_party(origin.guid)

    def bind(
        self,
        account_id: str,
        *,
        origin: RelyingParty | None = None,
        pin: str = PIN,
        algorithm: Algorithm = Algorithm.ES256,
        addresses: tuple[PushAddress, ...] = (),
        passkey: SigningKey | None = None,
        language: str = "",
    ) -> Phone:
        """
        Invite a user's phone, and finish the bind; *passkey* is its strong key, if it has one.

        Args:
            language: That the phone says; empty if it says none.

        Raises:
            Refused: As `Invitations.invite` and `Enrolments.complete`.
            Unavailable: A port failed.
        """
        invitation = self.invitations.invite(origin or self.origin, account_id)
        phone = self.phone(pin=pin, algorithm=algorithm, passkey=passkey)
        return self.complete(invitation, phone, addresses, language=language)

    def bind_passkey(
        self,
        admin: Guid,
        *,
        session: Guid | None = None,
        domain: str = RP_ID,
        passkey: FakePasskey | None = None,
    ) -> Binding:
        """
        Register a passkey of an administrator at the portal.

        Args:
            session: Of the one-time link by which the browser registers, if there is one.
            domain: Where the portal is.
            passkey: The browser's; None for a new one, at `https`.

        Raises:
            Refused: As `AdminLogins.portal` and `Ceremonies.register`.
            Unavailable: A port failed.
        """
        party = AdminLogins(self.ports, self.policy, domain=domain).portal()
        rp_id = domain.partition(":")[0]
        started = self.ceremonies.start_registration(party, admin, rp_id)
        response = FakeModel(attestation="none").create(
            passkey or FakePasskey(rp_id=rp_id, origin=f"https://{domain}"), started.challenge
        )
        return self.ceremonies.register(party, admin, response, session=session)[0]

    def log_in(
        self,
        app_space: AppSpace,
        subject: str,
        *,
        pin: str = PIN,
        algorithm: Algorithm = Algorithm.ES256,
        addresses: tuple[PushAddress, ...] = (),
    ) -> Phone:
        """
        Log a user in at the Identity Provider, and finish the bind of the phone.

        Raises:
            Refused: As `Logins` and `Enrolments.complete`.
            Unavailable: A port failed.
        """
        invitation = self.identify(app_space, subject)
        return self.complete(invitation, self.phone(pin=pin, algorithm=algorithm), addresses)

    def identify(self, app_space: AppSpace, subject: str) -> Invitation:
        """
        Log a user in at the Identity Provider, and return the invitation of the phone.

        Raises:
            Refused: As `Logins`.
            Unavailable: A port failed.
        """
        self.idp.admit(subject)
        redirect = self.logins.redirect(app_space.guid, APP_RETURN)
        back = self.idp.log_in(redirect.url, subject)
        return self.logins.authenticate(
            back.state, back.code, redirect.app_secret, issuer=back.issuer
        )

    def phone(
        self,
        *,
        pin: str = PIN,
        algorithm: Algorithm = Algorithm.ES256,
        passkey: SigningKey | None = None,
    ) -> Phone:
        """Make a phone that is not bound yet; *passkey* is its strong key, if it has one."""
        device = SoftwareDevice.make(
            clock=self.clock,
            entropy=self.entropy,
            pin=pin,
            algorithm=algorithm,
            cost=SCRYPT_COST,
            passkey=passkey,
        )
        return Phone(
            answers=self.answers,
            devices=self.devices,
            confirmations=self.confirmations,
            device=device,
            pin=pin,
        )

    def complete(
        self,
        invitation: Invitation,
        phone: Phone,
        addresses: tuple[PushAddress, ...] = (),
        *,
        replaces: Guid | None = None,
        language: str = "",
    ) -> Phone:
        """
        Finish the bind of *phone*, and return it; *replaces* is the device whose place it takes.

        *language* is what it says of that.

        Raises:
            Refused: As `Enrolments.complete`.
            Unavailable: A port failed.
        """
        space = invitation.app_space.guid
        bound = self.enrolments.complete(
            phone.device.enrolment(
                *(invitation.token, space),
                pin=phone.pin,
                addresses=addresses,
                replaces=replaces,
                language=language,
            )
        )
        phone.device.complete_binding(bound)
        return phone

    def ask(
        self,
        account_id: str,
        content: Content | str,
        *,
        origin: RelyingParty | None = None,
        idempotency_key: str | None = None,
        extension: Extension | None = None,
        app_origins: Collection[str] | None = None,
        **members: Any,
    ) -> Issued:
        """
        Put a question to an account.

        Args:
            account_id: The origin's own id of the user.
            content: What is asked; text is taken as plain text.
            origin: Who asks.
            idempotency_key: As `Challenges.issue` takes it.
            extension: The same.
            app_origins: The same.
            members: Other members of the `Question`.

        Raises:
            Refused: As `Challenges.issue`.
            Unavailable: A port failed.
        """
        if isinstance(content, str):
            content = TextContent(text=content)
        question = Question(account_id=account_id, content=content, **members)
        return self.challenges.issue(
            origin or self.origin,
            question,
            idempotency_key=idempotency_key,
            extension=extension,
            app_origins=app_origins,
        )

    def renewed(self, party: RelyingParty) -> RelyingParty:
        """
        Read an origin again, as a request that comes in later would.

        Raises:
            NotFound: It is gone.
            Unavailable: The store did not answer.
        """
        return self.administration.relying_party(party.origin.guid)

    def deliver(self) -> tuple[Guid, ...]:
        """
        Be the worker: attempt the callbacks that are due; return which.

        Raises:
            Refused: As `Callbacks.attempt`.
            Unavailable: A port failed.
        """
        due = self.callbacks.due()
        for guid in due:
            self.callbacks.attempt(guid)
        return due

    def push(self) -> tuple[Guid, ...]:
        """
        Be the worker: attempt the notifications that are due; return which.

        Raises:
            Refused: As `Notifications.attempt`.
            Unavailable: A port failed.
        """
        due = tuple(notification.guid for notification in self.notifications.due())
        for guid in due:
            self.notifications.attempt(guid)
        return due

    def sweep(self) -> int:
        """
        Be the worker: expire what has passed its deadline; return how much.

        Raises:
            Unavailable: A port failed.
        """
        swept = (
            *(self.challenges, self.invitations, self.logins, self.ceremonies),
            *(self.sessions, self.actions),
        )
        return sum(use_case.expire() for use_case in swept)
