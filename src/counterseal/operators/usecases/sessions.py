"""Sessions: administrators who are persons are logged in, step up, and are logged out."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

import attrs

from counterseal._audit_context import AuditContext, refusals
from counterseal._input_limits import text_fits
from counterseal._plan import record_with_account, records
from counterseal._transaction import UseCase
from counterseal.bindings.usecases.invitations import sweep_due_bindings
from counterseal.errors import InvalidField, Refused, WrongToken
from counterseal.models import (
    Administrator,
    Binding,
    Guid,
    LogInMethod,
    Session,
)
from counterseal.models.guid import parse
from counterseal.operators.decisions import proofs, session_uses, sessions
from counterseal.operators.decisions.sessions import AuthenticatedSession, IssuedSession, LogIn
from counterseal.ports import Due

SECRET_LENGTH = 64
"""More than the base64url of a secret has; a longer one is not hashed."""


@attrs.frozen
class Sessions(UseCase):
    """
    The sessions of administrators, and the one-time links that lead to one.

    A link's and a cookie's text is `guid.secret`; of the secret only a hash is stored. The record
    is in the store, so that every process of a service knows the session.
    """

    def create_link(
        self, admin: Guid, *, life: timedelta | None = None, by: Administrator
    ) -> IssuedSession:
        """
        Make a one-time link for an administrator, who registers a passkey with it and logs in.

        Each earlier link of the administrator ends, also one that was opened, unless it has led to
        a log-in.

        Args:
            admin: Whose link it is.
            life: How long it may be used; None for the policy's `portal_link_life`, the longest.
            by: Who makes it.

        Raises:
            NotFound: There is no such administrator.
            Foreign: It is out of reach.
            RoleLacking: The caller may not appoint such an administrator, or ends before it.
            CredentialRefused: The caller was revoked, or its time is over.
            InvalidField: The administrator was revoked, or its time is over; or *life* does not fit
                the policy.
        """
        return self._decide_for(
            by, "session.link", admin, records(admin), sessions.create_link, life
        )

    def redeem(self, link: str, *, browser: str) -> IssuedSession:
        """
        Redeem a link, once: the browser that gets the cookie may register a passkey.

        Args:
            link: What `create_link` returned, `guid.secret`.
            browser: What the browser says that it is; may be empty.

        Raises:
            WrongToken: There is no such link, or its secret is another.
            WrongState: It was redeemed already, revoked or expired.
            DeadlinePassed: It was made too long ago.
            CredentialRefused: The administrator was revoked, or its time is over.
            InvalidField: *browser* is too long.
        """
        context = AuditContext(event="session.redeem", actor="stranger")
        with refusals(self.ports, context):
            text_fits(browser, self.policy.name_bytes, "browser", empty=True)
            guid, secret = read_token(link)
        return self._transactions.transact(
            context.with_subject(guid), records(guid), sessions.redeem, secret, browser
        )

    def start(
        self,
        admin: Guid,
        method: LogInMethod,
        *,
        binding: Guid,
        browser: str,
        guid: Guid | None = None,
        suspensions: int | None = None,
    ) -> IssuedSession:
        """
        Start the session of an administrator whose log-in the caller has verified.

        `AdminLogins` verifies log-ins, and calls this.

        Args:
            binding: Of the passkey or device by which the administrator has proven it; the session
                ends with it.
            browser: What the browser says that it is; may be empty.
            guid: Of the new session, derived from the proof, so that one proof starts one session.
            suspensions: How often the passkey or device had been suspended when the administrator
                proved it; None is now.

        Raises:
            CredentialRefused: The administrator was revoked, or its time is over.
            BindingInactive: The passkey or device has been revoked, or suspended since the proof.
            WrongKey: It is not the administrator's.
            WrongToken: A session with this GUID exists already.
            InvalidField: *browser* is too long.
        """
        context = AuditContext(event="session.start", actor=admin, subject=guid)
        with refusals(self.ports, context):
            text_fits(browser, self.policy.name_bytes, "browser", empty=True)
        login = LogIn(
            admin=admin,
            method=method,
            browser=browser,
            guid=guid,
            suspensions=suspensions,
        )
        sessions_with_guid = () if guid is None else (guid,)
        reading = record_with_account(binding, admin, *sessions_with_guid)
        return self._transactions.transact(context, reading, sessions.start_session, login)

    def enrol(self, cookie: str, binding: Guid) -> IssuedSession:
        """
        Log in a browser that has redeemed a link and registered a passkey; the cookie changes.

        Args:
            binding: Of the passkey; the session ends with it.

        Raises:
            WrongToken: There is no such session, or its secret is another.
            WrongState: It is not enrolling.
            DeadlinePassed: The link was made too long ago.
            CredentialRefused: The administrator was revoked, or its time is over.
            BindingInactive: The passkey has been revoked or suspended.
            WrongKey: Another link than this browser's has registered the passkey, or none; or it is
                not the administrator's.
        """
        context, guid, secret = self._read_cookie(cookie, "session.enrol")
        return self._transactions.transact(context, records(guid), sessions.enrol, secret, binding)

    def authenticate(self, cookie: str) -> AuthenticatedSession:
        """
        Return the session that a cookie opens, and its administrator, who is read anew.

        The time of the last use is written once a minute at most.

        Raises:
            WrongToken: There is no such session, or its secret is another.
            WrongState: The session has ended, or is enrolling.
            DeadlinePassed: It is too old, or was not used for too long.
            CredentialRefused: The administrator was revoked, or its time is over.
            BindingInactive: A passkey or device by which it was opened or stepped up has been
                revoked or suspended; the session ends.
        """
        context, guid, secret = self._read_cookie(cookie, "session.use")
        return self._transactions.transact(context, records(guid), sessions.use_session, secret)

    def may_add_key(self, cookie: str) -> AuthenticatedSession:
        """
        Return the session of a browser that may add a passkey or a device to its administrator.

        Raises:
            WrongToken: There is no such session, or its secret is another.
            WrongState: The session has ended.
            DeadlinePassed: It is too old, or was not used for too long.
            CredentialRefused: The administrator was revoked, or its time is over.
            BindingInactive: A passkey or device by which it was opened or stepped up has been
                revoked or suspended; the session ends.
            StepUpNeeded: It is neither enrolling nor stepped up.
        """
        context, guid, secret = self._read_cookie(cookie, "session.use")
        return self._transactions.transact(context, records(guid), sessions.may_add_key, secret)

    def step_up(
        self,
        cookie: str,
        binding: Guid,
        *,
        proven_at: datetime | None = None,
        suspensions: int | None = None,
    ) -> IssuedSession:
        """
        Step a session up whose administrator has proven once more to be there; the cookie changes.

        `AdminLogins` verifies the proof, and calls this.

        Args:
            binding: Of the passkey or device by which the administrator has proven it; from now on
                the session ends with that one, too.
            proven_at: When that was; None is now. From then on the step-up counts.
            suspensions: How often the passkey or device had been suspended by then.

        Raises:
            WrongToken: There is no such session, its secret is another, or the proof is too old.
            WrongState: The session has ended, or is enrolling.
            DeadlinePassed: It is too old, or was not used for too long.
            CredentialRefused: The administrator was revoked, or its time is over.
            BindingInactive: This passkey or device has been revoked or suspended; or one by which
                the session was opened or stepped up has been, and then it ends.
            WrongKey: It is not the administrator's.
        """
        context, guid, secret = self._read_cookie(cookie, "session.step_up")
        return self._transactions.transact(
            context,
            records(guid),
            sessions.step_up,
            secret,
            binding,
            proven_at=proven_at,
            suspensions=suspensions,
        )

    def log_out(self, cookie: str) -> None:
        """
        End the session that a cookie opens, whatever has become of its administrator.

        Raises:
            WrongToken: There is no such session, or its secret is another.
        """
        context, guid, secret = self._read_cookie(cookie, "session.revoke")
        self._transactions.transact(context, records(guid), session_uses.log_out, secret)

    def end_others(self, cookie: str) -> int:
        """
        End every other session of the administrator, and the open links; return how many.

        Raises:
            WrongToken: There is no such session, or its secret is another.
            WrongState: The session has ended, or is enrolling.
            DeadlinePassed: It is too old, or was not used for too long.
            CredentialRefused: The administrator was revoked, or its time is over.
            BindingInactive: A passkey or device by which it was opened or stepped up has been
                revoked or suspended; the session ends.
        """
        context, guid, secret = self._read_cookie(cookie, "session.revoke")
        return self._transactions.transact(context, records(guid), session_uses.end_others, secret)

    def revoke(self, session: Guid, *, by: Administrator) -> Session:
        """
        End a session or a link: one's own, or of an administrator that one may appoint.

        Raises:
            NotFound: There is no such session.
            Foreign: It is out of reach.
            RoleLacking: The caller may not appoint such an administrator.
            CredentialRefused: The caller was revoked, or its time is over.
        """
        return self._decide_for(
            by, "session.revoke", session, records(session), session_uses.revoke
        )

    def list(self, admin: Guid, *, by: Administrator) -> tuple[Session, ...]:
        """
        Return an administrator's sessions and open links that have not ended, oldest first.

        Raises:
            NotFound: There is no such administrator.
            Foreign: It is out of reach.
            RoleLacking: The caller may not appoint such an administrator.
            CredentialRefused: The caller was revoked, or its time is over.
        """
        return self._decide_for(by, "session.list", admin, records(admin), sessions.list_sessions)

    def expire(self, limit: int = 100, *, read_further: bool = True) -> int:
        """
        Expire sessions and links whose deadline has come; return how many, *limit* at most.

        A passkey that a link has registered, but that did not open the link's session, is revoked.
        A session whose passkey or device was revoked or suspended ends. The number has each of
        these passkeys and devices once.

        Args:
            read_further: Whether to read past the first due bindings if these cannot be ended.

        Raises:
            Unavailable: A port failed; what has ended earlier stays so.
        """
        due = self.ports.store.due(Due.SESSION, self.ports.clock.now(), limit)
        context = AuditContext(event="session.expire", actor="worker")
        count = self._transactions.sweep(context, due, records, session_uses.expire)
        if count < limit:
            count += sweep_due_bindings(
                self.ports,
                limit - count,
                self._end_with,
                provisional=False,
                read_further=read_further,
            )
        return count

    def complete_enrolment(self, passkey: Guid) -> None:
        """
        Keep a passkey that a one-time link registered, or revoke it, if that is not done yet.

        It is kept once it has opened the link's session, and revoked if it did not in time.

        Raises:
            NotFound: There is no such passkey.
            DeadlineAhead: It may still do so.
        """
        context = AuditContext(event="binding.revoke", actor="worker", subject=passkey)
        served_kinds = self.ports.notifier.kinds()
        self._transactions.transact(
            context,
            record_with_account(passkey),
            proofs.complete_enrolment,
            served_kinds=served_kinds,
        )

    def _end_with(self, binding: Binding) -> bool:
        """Let what depends on *binding* end, which is due; return whether that was done."""
        with suppress(Refused):
            if binding.sessions_end_at is None:
                self.complete_enrolment(binding.guid)
                return True
            context = AuditContext(event="session.revoke", actor="worker")
            reading = record_with_account(binding.guid)
            ended = self._transactions.transact(context, reading, proofs.end_sessions)
            self._transactions.transact(context, reading, proofs.forget_sessions, ended)
            return True
        return False

    def _read_cookie(self, cookie: str, event: str) -> tuple[AuditContext, Guid, str]:
        """Return the context of a call by *cookie*, and the GUID and the secret that it holds."""
        context = AuditContext(event=event, actor="stranger")
        with refusals(self.ports, context):
            guid, secret = read_token(cookie)
        return context.with_subject(guid), guid, secret


def read_token(token: str) -> tuple[Guid, str]:
    """
    Return the session's GUID and the secret in the text of a link or cookie, `guid.secret`.

    Raises:
        WrongToken: It is no such text.
    """
    name, _, secret = token.partition(".")
    try:
        guid = parse(name, field="session")
    except InvalidField:
        raise WrongToken from None
    if not secret or len(secret) > SECRET_LENGTH or not secret.isascii():
        raise WrongToken
    return guid, secret
