"""Log-ins: an Identity Provider says who the user is (OpenID Connect, code flow with PKCE)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import attrs

from counterseal._audit_context import AuditContext, demand_rate, refusals
from counterseal._input_limits import text_fits
from counterseal._plan import nothing, records
from counterseal._transaction import UseCase, with_same_ports
from counterseal.accounts.rules import expected_issuer, provider_of, same_identity, unlocked
from counterseal.bindings.decisions.invitations import Invitation
from counterseal.bindings.rules.evidence import split_token
from counterseal.bindings.usecases.invitations import Invitations
from counterseal.errors import (
    AccountLocked,
    AccountTaken,
    IdentityUnavailable,
    IdentityWithdrawn,
    InvalidField,
    Refused,
    Replayed,
    SealBroken,
    Unavailable,
    WrongIssuer,
)
from counterseal.identity.decisions import logins, revalidation
from counterseal.identity.decisions import logins as login_tests
from counterseal.identity.decisions.logins import (
    LoginTest,
    LoginTestResult,
    Redirect,
    ReturnedTest,
    UsedTest,
)
from counterseal.identity.usecases.revalidation import add_aliases, read_account, revalidate
from counterseal.models import Account, Administrator, BindingState, Guid, Identity
from counterseal.ports import Due

CODE_BYTES = 4_096
"""An authorization code; RFC 6749 sets no size."""

RELAYED_PARAMETERS = ("code", "iss", "error")
"""What an app gets of the provider's response (RFC 6749, 4.1.2; RFC 9207, 2)."""


@attrs.frozen
class Logins(UseCase):
    """Log-ins at an Identity Provider, and what it says of users afterwards."""

    _invitations: Invitations = attrs.field(
        default=with_same_ports(Invitations), init=False, eq=False, repr=False
    )

    def redirect(self, app_space: Guid, app_return: str) -> Redirect:
        """
        Begin a log-in of a user of *app_space*, who is to get back to the app at *app_return*.

        Raises:
            NotFound: There is no such App Space.
            WrongKind: It has no Identity Provider.
            ReturnForbidden: The App Space does not say that users may be taken back there.
            TooOften: Too many log-ins were begun there.
        """
        context = AuditContext(
            event="login.redirect", actor="stranger", subject=app_space, app_space=app_space
        )
        demand_rate(self.ports, context, ("redirect", app_space), self.policy.redirect_rate)
        request = self._transactions.transact(
            context, records(app_space), logins.prepare_request, app_return
        )
        url = self.ports.identity.authorization_url(
            request.settings,
            state=request.oauth_state,
            nonce=request.nonce,
            verifier=request.verifier,
            company=request.company,
        )
        return self._transactions.transact(context, nothing(), logins.begin, request, url)

    def relay_response(self, state: str, response: Mapping[str, str]) -> str:
        """
        Return where to send a browser that the Identity Provider sent to the service.

        The address is the app's, with what the provider said; what the flow has no use for is
        left out. The code is not exchanged, and the log-in is not spent. Another person who opens
        this address cannot finish the log-in without the app's own secret.

        Raises:
            WrongToken: *state* is not of this service.
            DeadlinePassed: It took too long.
            InvalidField: A parameter does not fit.
        """
        context = AuditContext(event="login.relay", actor="stranger")
        parameters = {name: response[name] for name in RELAYED_PARAMETERS if name in response}
        with refusals(self.ports, context):
            for name, text in parameters.items():
                text_fits(text, CODE_BYTES, name)
            guid, secret = split_token(state)
        return self._transactions.transact(context, records(guid), logins.relay, secret, parameters)

    def authenticate(
        self, state: str, code: str, secret: str, *, issuer: str | None = None
    ) -> Invitation:
        """
        Finish a log-in: spend it, exchange the code, and invite the user's device.

        The log-in is spent before the code is exchanged: a state and a code serve once.
        If devices of the user are suspended because the provider withdrew its confirmation, the
        provider is asked once more. The devices are resumed if it confirms the user. If it does not
        respond, they stay suspended, and the user is invited all the same.

        The invitation names the user's devices, so that the new one can replace one of them;
        none where the policy forbids that.

        Args:
            state: As it came back from the Identity Provider.
            code: The authorization code.
            secret: What `redirect` returned to the app that began.
            issuer: The response's `iss` (RFC 9207), if there was one.

        Raises:
            WrongToken: *state* is not of this service, or *secret* is not its log-in's.
            WrongState: The log-in was used or has expired.
            DeadlinePassed: It took too long.
            IdentityWithdrawn: The provider refuses the code, or its token does not hold.
            WrongIssuer: The identity is another issuer's.
            AccountTaken: The account id is another identity's.
            AccountLocked: The account is locked.
            TooManyBindings: The account has as many devices as the policy allows, and the new one
                could replace none, or ten wait to be bound or confirmed.
            InvalidField: The code does not fit.
        """
        context = AuditContext(event="login.authenticate", actor="stranger")
        with refusals(self.ports, context):
            guid, state_secret = split_token(state)
            text_fits(code, CODE_BYTES, "code")
        context = context.with_subject(guid)
        exchange = self._transactions.transact(
            context, records(guid), logins.spend, state_secret, secret
        )
        app_space = exchange.app_space
        with refusals(self.ports, context):
            identity = self.ports.identity.exchange(
                exchange.settings,
                code=code,
                nonce=exchange.nonce,
                verifier=exchange.verifier,
                issuer=issuer,
                company=app_space.company,
            )
            expected_issuer(identity, app_space)
        invitation = self._invitations.invite_identified(app_space, identity)
        # Before anybody learns the token: no device is bound that a logout would not find.
        add_aliases(self._transactions, invitation.account, identity)
        if any(device.state is BindingState.SUSPENDED for device in invitation.account.devices):
            # Devices that the provider suspended may act again; ask it anew, since it may have
            # withdrawn the user after it exchanged the code.
            with suppress(Unavailable):
                account = read_account(self.ports, invitation.account.guid)
                revalidate(self._transactions, account, app_space)
        policy = self._within(app_space, None).policy
        bound = invitation.account.bound_devices if policy.device_replacement else ()
        if not bound:
            return invitation
        first = records(*(device.binding for device in bound))
        devices = self._transactions.transact(context, first, logins.list_replaceable)
        return attrs.evolve(invitation, devices=devices)

    def revalidate(self, account: Guid) -> Account:
        """
        Ask the Identity Provider now whether it still vouches for the user.

        Raises:
            NotFound: There is no such account.
            WrongKind: Its App Space has no Identity Provider.
            IdentityWithdrawn: It does not; the user's devices are suspended.
        """
        context = AuditContext(event="identity.revalidate", actor="idp", subject=account)
        user = self._transactions.transact(context, records(account), revalidation.find_user)
        return revalidate(self._transactions, *user)

    def log_out(self, app_space: Guid, token: str) -> None:
        """
        Suspend the devices of a user who has logged out at the Identity Provider.

        The token may name the user, or one of the user's sessions, or both (2.4): whichever it
        is, all of the user's devices are suspended, and act again after a new log-in.
        A user without an account here changes nothing.
        A token is accepted once, even if the suspension fails; then `revalidate` finds out later.

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
        """
        context = AuditContext(
            event="identity.logout", actor="stranger", subject=app_space, app_space=app_space
        )
        with refusals(self.ports, context):
            text_fits(token, self.policy.token_bytes, "logout_token")
        space = self._transactions.transact(context, records(app_space), revalidation.find_provider)
        provider = provider_of(space)
        with refusals(self.ports, context):
            logout = self.ports.identity.read_logout(provider, token, company=space.company)
            if logout.issuer != provider.issuer:
                raise WrongIssuer
        accounts = self._transactions.act(context, revalidation.find_accounts, app_space, logout)
        with refusals(self.ports, context):
            key = ("logout", app_space, logout.jti)
            if not self.ports.replay.first_seen(key, logout.until):
                raise Replayed
        for account in accounts:
            context = AuditContext(event="identity.logout", actor="idp", subject=account.guid)
            self._transactions.transact(context, records(account.guid), revalidation.suspend, None)

    def expire(self, limit: int = 100) -> int:
        """Expire log-ins whose deadline has come; return how many."""
        due = self.ports.store.due(Due.LOGIN, self.ports.clock.now(), limit)
        context = AuditContext(event="login.expire", actor="worker")
        return self._transactions.sweep(context, due, records, logins.expire)


RESULTS = (IdentityWithdrawn, WrongIssuer, AccountTaken, AccountLocked, InvalidField)
"""The refusals that are a test's result: those with which a user's log-in would end."""


@attrs.frozen
class LoginTests(UseCase):
    """
    Test log-ins at an App Space's Identity Provider, by administrators who may edit it.

    The administrator logs in at the provider as a user would, and the service exchanges the code
    and checks the ID token as it does for a user. Nobody is invited, no account is made, no
    identity is bound, and what the provider has granted is given back.

    Each verb can raise for an `Admin`: `Foreign`, the App Space is out of its reach;
    `RoleLacking`, its role does not include it; `CredentialRefused`, it was revoked.
    """

    def begin(
        self,
        app_space: Guid,
        *,
        app_return: str,
        service_return: str,
        secret: str,
        by: Administrator,
    ) -> LoginTest:
        """
        Begin a test log-in.

        Args:
            app_return: Where the browser gets back to, by `Logins.relay_response`; it gets there
                with `state`, and `code` or `error`.
            service_return: The service's own address for providers, for an App Space whose
                settings name none.
            secret: What only the caller has, and nobody can guess; `finish` needs it again.

        Raises:
            NotFound: There is no such App Space.
            WrongKind: It has no Identity Provider.
            InvalidField: *app_return* is neither the service's own, beside *service_return*, nor
                https, nor loopback, nor a private scheme.
            TooOften: Too many tests were begun there.
            IdentityUnavailable: The provider's configuration cannot be read; its text says why.
        """
        context = AuditContext(
            event="login.begin_test", actor=by.actor, subject=app_space, app_space=app_space
        )
        demand_rate(self.ports, context, ("test", app_space), self.policy.redirect_rate)
        request = self._transactions.transact(
            context,
            records(app_space),
            login_tests.prepare_test,
            by,
            app_return=app_return,
            service_return=service_return,
            app_secret=secret,
        )
        url = self.ports.identity.authorization_url(
            request.settings,
            state=request.oauth_state,
            nonce=request.nonce,
            verifier=request.verifier,
            company=request.company,
        )
        redirect = self._transactions.transact(context, nothing(), logins.begin, request, url)
        return LoginTest(
            url=redirect.url,
            redirect_uri=request.settings.redirect_uri,
            deadline=redirect.deadline,
        )

    def finish(
        self, app_space: Guid, response: Mapping[str, str], *, secret: str, by: Administrator
    ) -> LoginTestResult:
        """
        Finish a test log-in, once, and return what a user's log-in would have come to.

        What the provider, or a check of its answer, refuses is the result and not an error.

        Args:
            response: The parameters with which the browser came back: `state`, and `code`, `iss`
                or `error`.
            secret: As `begin` had it.

        Raises:
            NotFound: There is no such App Space.
            WrongToken: The state is of no test log-in of this App Space, or *secret* is another's.
            WrongState: The log-in was used or has expired.
            DeadlinePassed: It took too long.
            InvalidField: A parameter is missing, or too long.
        """
        context = AuditContext(
            event="login.finish_test", actor=by.actor, subject=app_space, app_space=app_space
        )
        error = response.get("error", "")
        with refusals(self.ports, context):
            for name in RELAYED_PARAMETERS:
                text_fits(response.get(name) or None, CODE_BYTES, name)
            guid, state_secret = split_token(response.get("state", ""))
            if not error and not response.get("code"):
                raise InvalidField("code", "missing")
        returned = ReturnedTest(state_secret=state_secret, app_secret=secret, error=error)
        context = context.with_subject(guid)
        used_test = self._transactions.transact(
            context, records(app_space, guid), login_tests.use_test, by, returned
        )
        if error:
            return self._result(used_test, refusal="provider_error", detail=error)
        try:
            with refusals(self.ports, context):
                identity = self._exchange(used_test, response)
                account = self._account(used_test, identity)
        except RESULTS as refusal:
            return self._result(used_test, refusal=refusal.code, detail=str(refusal))
        except (IdentityUnavailable, SealBroken) as failure:
            return self._result(used_test, refusal=failure.code, detail=str(failure))
        return self._result(used_test, identity=identity, account=account)

    def _exchange(self, used_test: UsedTest, response: Mapping[str, str]) -> Identity:
        exchange = used_test.exchange
        identity = self.ports.identity.exchange(
            exchange.settings,
            code=response["code"],
            nonce=exchange.nonce,
            verifier=exchange.verifier,
            issuer=response.get("iss"),
            company=exchange.app_space.company,
        )
        expected_issuer(identity, exchange.app_space)
        text_fits(identity.account_id, self.policy.account_id_bytes, "accountId")
        text_fits(identity.subject, self.policy.account_id_bytes, "subject")
        return identity

    def _account(self, used_test: UsedTest, identity: Identity) -> Account | None:
        """
        Return the account that *identity* has.

        Raises:
            WrongIssuer, AccountTaken: The account with this id is another identity's.
            AccountLocked: It is locked.
        """
        exchange = used_test.exchange
        account = self.ports.store.account(exchange.app_space.guid, identity.account_id)
        if account is not None:
            # The grant stays: a provider may end all of the user's grants together.
            same_identity(account, identity)
            unlocked(account)
            return account
        with suppress(Unavailable, Refused):
            # If the provider does not answer, the grant ends by itself: it is stored nowhere.
            self.ports.identity.revoke_grant(
                exchange.settings, identity, company=exchange.app_space.company
            )
        return None

    def _result(
        self,
        used_test: UsedTest,
        *,
        identity: Identity | None = None,
        account: Account | None = None,
        refusal: str = "",
        detail: str = "",
    ) -> LoginTestResult:
        return LoginTestResult(
            refusal=refusal,
            detail=detail,
            issuer="" if identity is None else identity.issuer,
            subject="" if identity is None else identity.subject,
            account_id="" if identity is None else identity.account_id,
            session="" if identity is None else identity.session,
            account=None if account is None else account.guid,
            account_claim=used_test.exchange.settings.account_claim,
            began_at=used_test.began_at,
            ended_at=self.ports.clock.now(),
        )
