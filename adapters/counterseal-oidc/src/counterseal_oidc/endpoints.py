"""Endpoints: what is asked of a provider about tokens, and what each answer means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from counterseal.errors import IdentityUnavailable, IdentityWithdrawn
from counterseal.models import IdpSettings
from counterseal_http import Budget
from counterseal_oidc.asking import OK, REFUSALS, Answer, Asker
from counterseal_oidc.client_auth import Authenticator
from counterseal_oidc.errors import TokenSubject, UserInfoSubject


@attrs.frozen
class Endpoints:
    """
    Asks providers in the App Spaces' names; may be shared by threads.

    Args:
        asker: Sends the requests.
        authenticator: Says who we are.
    """

    asker: Asker
    authenticator: Authenticator

    def post(
        self, settings: IdpSettings, endpoint: str, form: Mapping[str, str], left: Budget
    ) -> Answer:
        """
        Send *form* as the client of *settings*.

        Raises:
            IdentityUnavailable: Nothing came back, or the settings have no fitting secret.
            SealBroken: The client secret cannot be opened.
        """
        ours, headers = self.authenticator.sign_in(settings)
        return self.asker.post(endpoint, left, form={**form, **ours}, headers=headers)

    def introspect(
        self, settings: IdpSettings, endpoint: str, access: str, subject: str, left: Budget
    ) -> None:
        """
        Ask whether an access token is still good (RFC 7662).

        Raises:
            IdentityWithdrawn: It is not, or another user's.
            IdentityUnavailable: The provider did not answer, or not to the question.
        """
        form = {"token": access, "token_type_hint": "access_token"}
        answer = self.post(settings, endpoint, form, left)
        active = answer.members.get("active") if answer.status == OK else None
        if not isinstance(active, bool):
            raise IdentityUnavailable(f"introspection: status {answer.status}")
        if not active:
            raise IdentityWithdrawn
        if answer.members.get("sub", subject) != subject:
            raise TokenSubject

    def user_info(self, endpoint: str, access: str, subject: str, left: Budget) -> dict[str, Any]:
        """
        Return what the provider tells of *subject* (OpenID Connect Core, 5.3).

        Raises:
            IdentityWithdrawn: It does not take the access token, or tells of another user.
            IdentityUnavailable: It did not answer.
        """
        answer = self.asker.get(endpoint, left, bearer=access)
        if answer.status in REFUSALS:
            raise IdentityWithdrawn
        if answer.status != OK or not answer.members:
            raise IdentityUnavailable(f"UserInfo: status {answer.status}")
        if answer.members.get("sub") != subject:
            raise UserInfoSubject
        return answer.members

    def revoke(self, settings: IdpSettings, endpoint: str, token: str, left: Budget) -> None:
        """
        Have a token revoked (RFC 7009); a provider that will not is left to it.

        Raises:
            IdentityUnavailable: The provider did not answer.
        """
        answer = self.post(settings, endpoint, {"token": token}, left)
        if answer.status != OK and answer.status not in REFUSALS:
            raise IdentityUnavailable(f"revocation: status {answer.status}")


def bearer(answer: Answer) -> str:
    """
    Return the access token that the token endpoint gave (RFC 6749, 5.1).

    Raises:
        IdentityUnavailable: It gave none, or one that is used in another way.
    """
    access = answer.text("access_token")
    kind = answer.text("token_type") or ""
    if answer.status != OK or access is None or kind.lower() != "bearer":
        raise IdentityUnavailable(f"tokens: status {answer.status}, {answer.error}")
    return access
