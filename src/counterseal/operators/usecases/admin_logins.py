"""Log-ins of administrators: by a one-time link, by a passkey, or by a device of their own."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta

import attrs

from counterseal._plan import records
from counterseal._transaction import with_same_ports
from counterseal.accounts.usecases import Accounts
from counterseal.bindings.decisions.invitations import Invitation
from counterseal.bindings.usecases.devices import Confirmations, Devices
from counterseal.bindings.usecases.invitations import Invitations
from counterseal.ceremonies.decisions.discovery import StartedDiscovery
from counterseal.ceremonies.usecases import Ceremonies
from counterseal.errors import (
    NotFound,
    Unavailable,
    WrongKey,
    WrongState,
)
from counterseal.keys import AssertionParts
from counterseal.models import (
    Account,
    Admin,
    Administrator,
    Binding,
    Guid,
    LogInMethod,
    Operator,
    RegistrationResponse,
    SessionState,
)
from counterseal.operators.decisions import proofs
from counterseal.operators.decisions.sessions import AuthenticatedSession, IssuedSession
from counterseal.operators.usecases.device_logins import DeviceLogins


@attrs.frozen(kw_only=True)
class PasskeyStart:
    """
    What a browser needs to register a passkey of an administrator (WebAuthn Level 3, 5.4).

    Attributes:
        account: Names the administrator inside of the passkey, by `user_handle`.
        registered: The credential ids that the administrator has, base64url.
    """

    admin: Admin
    account: Guid
    rp_id: str
    challenge: bytes = attrs.field(repr=False)
    registered: tuple[str, ...]
    conveyance: str
    life: timedelta


@attrs.frozen
class AdminLogins(DeviceLogins):
    """
    Log administrators in as persons, who are accounts of the App Space "Operators".

    An account's id there is the administrator's GUID. Only the portal, which is an origin without
    a secret, acts for them. `domain` is where the portal is, as an origin's allow-list has it:
    `auth.example.com`, or `localhost:8787`.
    """

    _accounts: Accounts = attrs.field(
        default=with_same_ports(Accounts), init=False, eq=False, repr=False
    )
    _ceremonies: Ceremonies = attrs.field(
        default=with_same_ports(Ceremonies), init=False, eq=False, repr=False
    )
    _confirmations: Confirmations = attrs.field(
        default=with_same_ports(Confirmations), init=False, eq=False, repr=False
    )
    _devices: Devices = attrs.field(
        default=with_same_ports(Devices), init=False, eq=False, repr=False
    )
    _invitations: Invitations = attrs.field(
        default=with_same_ports(Invitations), init=False, eq=False, repr=False
    )

    def start_registration(self, cookie: str) -> PasskeyStart:
        """
        Begin to register a passkey, in a browser that enrols or is stepped up.

        Raises:
            Refused: As `Sessions.may_add_key` and `Ceremonies.start_registration`.
        """
        admin = self.sessions.may_add_key(cookie).admin
        names = json.dumps({"name": admin.name, "displayName": admin.name})
        started = self._ceremonies.start_registration(
            self.portal(), admin.guid, self._rp_id(), user_info=names
        )
        ceremony = started.registration
        return PasskeyStart(
            admin=admin,
            account=started.account.guid,
            rp_id=ceremony.scope.rp_id,
            challenge=started.challenge,
            registered=started.registered,
            conveyance=started.conveyance,
            life=ceremony.deadline - ceremony.created_at,
        )

    def register(self, cookie: str, response: RegistrationResponse) -> IssuedSession | None:
        """
        Register the passkey that a browser has made; one that enrols is logged in by it.

        The passkey has the browser's name.

        Returns:
            The session with its new secret; None if the browser was logged in before.

        Raises:
            Refused: As `Sessions.may_add_key`, `Ceremonies.register` and `Sessions.enrol`. If the
                last refuses, the passkey logs nobody in, and a worker revokes it.
        """
        authenticated = self.sessions.may_add_key(cookie)
        session, admin = authenticated.session, authenticated.admin.guid
        if session.state is not SessionState.ENROLLING:
            self._ceremonies.register(self.portal(), admin, response, name=session.browser)
            return None
        passkey, _ = self._ceremonies.register(
            self.portal(), admin, response, name=session.browser, session=session.guid
        )
        issued = self.sessions.enrol(cookie, passkey.guid)
        with suppress(Unavailable):
            # A worker does so later.
            self.sessions.complete_enrolment(passkey.guid)
        return issued

    def start_passkey(self) -> StartedDiscovery:
        """
        Begin a log-in or a step-up by whatever passkey of an administrator the browser has.

        Raises:
            Refused: As `Ceremonies.start_discovery`.
        """
        return self._ceremonies.start_discovery(self.portal(), self._rp_id())

    def log_in(
        self,
        ticket: str,
        credential_id: str,
        assertion: AssertionParts,
        *,
        user_handle: bytes | None,
        browser: str,
    ) -> IssuedSession:
        """
        Log the administrator in whose passkey the browser has used.

        Args:
            ticket: What `start_passkey` gave this browser.
            browser: What the browser says that it is; may be empty.

        Raises:
            CredentialRefused: The administrator was revoked, or its time is over.
            Refused: As `Ceremonies.finish_discovery` and `Sessions.start`.
        """
        account, passkey = self._verify(ticket, credential_id, assertion, user_handle)
        admin = Guid(account.account_id)
        return self.sessions.start(admin, LogInMethod.PASSKEY, binding=passkey, browser=browser)

    def step_up(
        self,
        cookie: str,
        ticket: str,
        credential_id: str,
        assertion: AssertionParts,
        *,
        user_handle: bytes | None,
    ) -> IssuedSession:
        """
        Step a session up by a passkey of its administrator.

        Raises:
            Refused: As `Sessions.authenticate`, `Ceremonies.finish_discovery` and
                `Sessions.step_up`, as of another administrator's passkey.
        """
        self.sessions.authenticate(cookie)
        _, passkey = self._verify(ticket, credential_id, assertion, user_handle)
        return self.sessions.step_up(cookie, passkey)

    # What an administrator has

    def invite_device(self, cookie: str) -> Invitation:
        """
        Invite a device of the administrator, in a browser that is stepped up.

        The device is bound, and confirmed if the policy demands it, only while this browser's
        session is active.

        Raises:
            WrongState: The browser has not registered a passkey yet.
            Refused: As `Sessions.may_add_key` and `Invitations.invite`.
        """
        authenticated = self._require_logged_in(cookie)
        return self._invitations.invite(
            self.portal(), authenticated.admin.guid, session=authenticated.session.guid
        )

    def confirm_key(self, cookie: str, binding: Guid, code: str) -> Binding:
        """
        Confirm a new device of one's own by the code it shows, in a browser that is stepped up.

        Args:
            binding: The new device, where the policy has new ones confirmed.
            code: As the person reads it; case, spaces and hyphens are ignored.

        Raises:
            WrongState: The browser has not registered a passkey yet, the device is not new, or the
                session that invited it has ended.
            NotFound: The administrator has no such device.
            WrongCode: The code is wrong; has `attempts_left`.
            Refused: As `Sessions.may_add_key` and `Confirmations.compare`.
        """
        admin = self._require_logged_in(cookie).admin
        own_keys = {each.guid for each in self.list_keys(admin.guid)}
        if binding not in own_keys:
            raise NotFound
        return self._confirmations.compare(self.portal(), binding, code)

    def list_keys(self, admin: Guid) -> tuple[Binding, ...]:
        """
        Return every passkey and device that an administrator ever had, oldest first.

        Raises:
            Unavailable: A port failed.
        """
        return self._accounts.list_devices(self.portal(), admin)

    def revoke_key(self, cookie: str, binding: Guid) -> Binding:
        """
        Revoke a passkey or a device of one's own, in a browser that is stepped up.

        Raises:
            WrongState: The browser has not registered a passkey yet, or *binding* has ended.
            NotFound: The administrator has no such passkey or device.
            Refused: As `Sessions.may_add_key`.
        """
        admin = self._require_logged_in(cookie).admin
        if binding not in {each.guid for each in self.list_keys(admin.guid)}:
            raise NotFound
        return self._devices.revoke(binding, by=Operator(name=admin.guid))

    def revoke_key_of(self, admin: Guid, binding: Guid, *, by: Administrator) -> Binding:
        """
        Revoke a passkey, a device or an open invitation of an administrator that one may appoint.

        Raises:
            NotFound: There is no such administrator, or it has no such passkey or device.
            Foreign: It is out of reach.
            RoleLacking: The caller may not appoint such an administrator.
            CredentialRefused: The caller was revoked, or its time is over.
            WrongState: It has ended already.
        """
        return self._decide_for(
            by,
            "binding.revoke",
            binding,
            records(admin),
            proofs.revoke_of_administrator,
            binding,
            served_kinds=self.ports.notifier.kinds(),
        )

    def _require_logged_in(self, cookie: str) -> AuthenticatedSession:
        """
        Return the session of a browser that is stepped up, and has registered a passkey.

        Raises:
            WrongState: It has not registered a passkey yet.
            Refused: As `Sessions.may_add_key`.
        """
        authenticated = self.sessions.may_add_key(cookie)
        if authenticated.session.state is not SessionState.ACTIVE:
            raise WrongState("a browser that has no passkey yet")
        return authenticated

    def _rp_id(self) -> str:
        return self.domain.partition(":")[0]

    def _verify(
        self,
        ticket: str,
        credential_id: str,
        assertion: AssertionParts,
        user_handle: bytes | None,
    ) -> tuple[Account, Guid]:
        """Return whose passkey the browser has used, and the passkey's binding."""
        authentication, account = self._ceremonies.finish_discovery(
            self.portal(), ticket, credential_id, assertion, user_handle=user_handle
        )
        if authentication.binding is None:
            raise WrongKey
        return account, authentication.binding
