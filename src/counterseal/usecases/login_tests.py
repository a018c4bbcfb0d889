"""Test log-ins: an administrator tests the settings of an App Space's Identity Provider."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import attrs

from counterseal._audit_context import AuditContext, demand_rate
from counterseal._decisions import login_tests, logins
from counterseal._decisions.login_tests import LoginTest, LoginTestResult, ReturnedTest, UsedTest
from counterseal._decisions.readings import nothing, records
from counterseal._transaction import UseCase, refusals
from counterseal.errors import (
    AccountLocked,
    AccountTaken,
    IdentityUnavailable,
    IdentityWithdrawn,
    InvalidField,
    Refused,
    SealBroken,
    Unavailable,
    WrongIssuer,
)
from counterseal.models import Account, Administrator, Guid, Identity
from counterseal.rules.evidence import split_token
from counterseal.rules.sizes import text_fits
from counterseal.rules.standing import expected_issuer, same_identity, unlocked
from counterseal.usecases.logins import CODE_BYTES, RELAYED_PARAMETERS

RESULTS = (IdentityWithdrawn, WrongIssuer, AccountTaken, AccountLocked, InvalidField)
"""The refusals that are a test's result: those with which a user's log-in would end."""


@attrs.frozen
class LoginTests(UseCase):
    """
    Test log-ins at an App Space's Identity Provider, by whoever may edit the App Space.

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
