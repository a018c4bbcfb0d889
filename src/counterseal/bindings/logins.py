"""Logins: an Identity Provider says who the user is (OpenID Connect, code flow with PKCE)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from urllib.parse import urlencode

import attrs

from counterseal.bindings.aliases import remember
from counterseal.bindings.departures import Redirect, depart
from counterseal.bindings.invitations import Invitation, Invitations
from counterseal.bindings.logouts import take_logout
from counterseal.bindings.vouching import provider_of, renew_vouch
from counterseal.decisions import Act, Decision, read, refused, settle, sweep, within_rate
from counterseal.errors import (
    InvalidField,
    NotFound,
    Refused,
    Unavailable,
    WrongToken,
)
from counterseal.machines import LOGIN, LoginEvent, step
from counterseal.models import (
    Account,
    AppSpace,
    AuditEvent,
    BindingState,
    Change,
    Guid,
    Login,
)
from counterseal.models.guid import parse
from counterseal.models.sealing import login_context
from counterseal.policy import Policy
from counterseal.ports import Due, Ports
from counterseal.rules.evidence import login_matches, state_matches
from counterseal.rules.facts import Deadline, Redeeming
from counterseal.rules.sizes import text_fits
from counterseal.rules.standing import expected_issuer, in_time

CODE_BYTES = 4_096
"""An authorization code; RFC 6749 sets no size."""

CARRIED = ("code", "iss", "error")
"""What an app is told of the provider's answer (RFC 6749, 4.1.2; RFC 9207, 2)."""


@attrs.frozen
class Logins:
    """Binding through an Identity Provider."""

    ports: Ports
    policy: Policy

    def redirect(self, app_space: Guid, app_return: str) -> Redirect:
        """
        Begin a log-in.

        Args:
            app_space: Where.
            app_return: Where the user is to get back to the app.

        Raises:
            NotFound: There is no such App Space.
            WrongKind: It has no Identity Provider.
            ReturnForbidden: The App Space does not say that users may be taken back there.
            TooOften: Too many log-ins were begun there.
            Unavailable: A port failed.
        """
        act = Act(event="login.redirect", actor="stranger", subject=app_space)
        limit = self.policy.redirect_rate
        within_rate(self.ports, act, ("redirect", app_space), limit)
        return settle(
            self.ports,
            self.policy,
            act,
            partial(depart, self.ports, self.policy, app_space, app_return),
        )

    def carry(self, state: str, response: Mapping[str, str]) -> str:
        """
        Return where to send a browser that the Identity Provider sent to the service.

        The address is the app's, with what the provider said: the code is not exchanged, and
        nothing is spent, so that whoever opens the log-in's address gets no further than this
        without the app's own secret.

        Args:
            state: As it came back.
            response: The provider's other parameters, each once; what the flow has no use for
                stays behind.

        Raises:
            WrongToken: *state* is none of ours.
            DeadlinePassed: It took too long.
            InvalidField: A parameter does not fit.
            Unavailable: A port failed.
        """
        name, _, secret = state.partition(".")
        act = Act(event="login.carry", actor="stranger")
        try:
            carried = {key: response[key] for key in CARRIED if key in response}
            for key, text in carried.items():
                text_fits(text, CODE_BYTES, key)
            login = self._begun(name)
            state_matches(login, secret)
            in_time(Deadline(now=self.ports.clock.now(), deadline=login.deadline))
        except Refused as refusal:
            refused(self.ports, act, refusal)
            raise
        return f"{login.app_return}?{urlencode({'state': state, **carried})}"

    def authenticate(
        self, state: str, code: str, secret: str, *, issuer: str | None = None
    ) -> Invitation:
        """
        Finish a log-in: spend it, exchange the code, and invite the user's device.

        The log-in is spent before the code is exchanged: a state and a code serve once.
        Where devices of the user are suspended because the provider stopped vouching, it is
        asked once more, and they may act again if it does; if it cannot be asked just then,
        they stay as they are, and the invitation stands.

        Args:
            state: As it came back from the Identity Provider.
            code: The authorization code.
            secret: What `redirect` told the app that began.
            issuer: The response's `iss` (RFC 9207), if there was one.

        Raises:
            WrongToken: *state* is none of ours, or *secret* is not its log-in's.
            WrongState: The log-in was used or has expired.
            DeadlinePassed: It took too long.
            IdentityWithdrawn: The provider refuses the code, or its token does not hold.
            WrongIssuer: The identity is another issuer's.
            AccountTaken: The account id is another identity's.
            AccountLocked: The account is locked.
            TooManyBindings: The account has as many devices as the policy allows.
            InvalidField: The code does not fit.
            Unavailable: A port failed.
        """
        name, _, ours = state.partition(".")
        act = Act(event="login.authenticate", actor="stranger")
        try:
            guid = parse(name, field="state")
            text_fits(code, CODE_BYTES, "code")
        except InvalidField as error:
            refusal: Refused = WrongToken() if error.field == "state" else error
            refused(self.ports, act, refusal)
            raise refusal from None
        act = attrs.evolve(act, subject=guid)
        login = settle(self.ports, self.policy, act, lambda: self._spent(guid, ours, secret))
        try:
            app_space = read(self.ports.store, login.app_space, AppSpace)
            identity = self.ports.identity.exchange(
                attrs.evolve(provider_of(app_space), redirect_uri=login.redirect_uri),
                code=code,
                nonce=self._open(login.sealed_nonce, guid),
                verifier=self._open(login.sealed_verifier, guid),
                issuer=issuer,
                company=app_space.company,
            )
            expected_issuer(identity, app_space)
        except Refused as refusal:
            refused(self.ports, act, refusal)
            raise
        invitation = Invitations(self.ports, self.policy).welcome(app_space, identity)
        # Before anybody learns the token: no device is bound that a logout would not find.
        remember(self.ports, self.policy, invitation.account, identity)
        if any(device.state is BindingState.SUSPENDED for device in invitation.account.devices):
            # Devices that the provider suspended may act again; ask it anew, since it may have
            # withdrawn the user after it exchanged the code.
            with suppress(Unavailable):
                renew_vouch(self.ports, self.policy, invitation.account.guid, app_space)
        return invitation

    def vouch(self, account: Guid) -> Account:
        """
        Ask the Identity Provider now whether it still vouches for the user.

        Raises:
            NotFound: There is no such account.
            WrongKind: Its App Space has no Identity Provider.
            IdentityWithdrawn: It does not; the user's devices are suspended.
            Unavailable: A port failed.
        """
        held = read(self.ports.store, account, Account)
        if held.erased_at is not None:
            raise NotFound
        app_space = read(self.ports.store, held.app_space, AppSpace)
        return renew_vouch(self.ports, self.policy, account, app_space)

    def logged_out(self, app_space: Guid, token: str) -> None:
        """
        Take a provider's word that a user has logged out there: the user's devices are suspended.

        It may name the user, or one of the user's sessions, or both (2.4): whichever it is, all of
        the user's devices are suspended, and act again after a new log-in.
        A user without an account here changes nothing.
        A word counts once, also if what follows from it fails; then it is left to `vouch`.

        Args:
            app_space: Whose provider it is.
            token: The logout token, as it came (OpenID Connect Back-Channel Logout 1.0, 2.4).

        Raises:
            NotFound: There is no such App Space.
            WrongKind: It has no Identity Provider.
            InvalidField: The token is too long.
            IdentityWithdrawn: It does not hold.
            WrongIssuer: It is another issuer's.
            Replayed: It came before.
            Unavailable: A port failed.
        """
        take_logout(self.ports, self.policy, app_space, token)

    def expire(self, limit: int = 100) -> int:
        """
        Expire log-ins whose deadline has come; return how many.

        Raises:
            Unavailable: A port failed.
        """
        due = self.ports.store.due(Due.LOGIN, self.ports.clock.now(), limit)
        act = Act(event="login.expire", actor="worker")
        return sweep(self.ports, self.policy, act, due, self._expired)

    def _begun(self, name: str) -> Login:
        try:
            return read(self.ports.store, parse(name, field="state"), Login)
        except (InvalidField, NotFound):
            raise WrongToken from None

    def _spent(self, guid: Guid, secret: str, held: str) -> Decision[Login]:
        now = self.ports.clock.now()
        login = self._begun(guid)
        facts = Redeeming(now=now, login=login, secret=secret, holder_secret=held)
        # Before anything that would tell a stranger what became of the log-in.
        login_matches(facts)
        state = step(LOGIN, login.state, LoginEvent.AUTHENTICATE, facts)
        used = attrs.evolve(login, version=login.version + 1, state=state)
        return Decision(
            changes=(Change(login, used),),
            audit=(AuditEvent(at=now, event="login.authenticate", actor="stranger", subject=guid),),
            result=used,
        )

    def _expired(self, guid: Guid) -> Decision[None]:
        now = self.ports.clock.now()
        login = read(self.ports.store, guid, Login)
        facts = Deadline(now=now, deadline=login.deadline)
        state = step(LOGIN, login.state, LoginEvent.EXPIRE, facts)
        expired = attrs.evolve(login, version=login.version + 1, state=state)
        return Decision(
            changes=(Change(login, expired),),
            audit=(AuditEvent(at=now, event="login.expire", actor="worker", subject=guid),),
            result=None,
        )

    def _open(self, sealed: bytes, login: Guid) -> str:
        return self.ports.sealer.open(sealed, login_context(login)).decode()
