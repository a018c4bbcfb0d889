"""Refusals: what an Identity Provider does not vouch for."""

from __future__ import annotations

from counterseal.errors.families import Refused


class IdentityWithdrawn(Refused):
    """The Identity Provider no longer vouches for the user."""

    code = "identity_withdrawn"


class WrongIssuer(Refused):
    """The identity comes from another issuer than the App Space's or account's."""

    code = "wrong_issuer"
    outward = "denied"


class AccountTaken(Refused):
    """The account id is another identity's."""

    code = "account_taken"
    outward = "denied"


class ReturnForbidden(Refused):
    """The App Space does not let its app take users back there."""

    code = "return_forbidden"


class WrongAuthority(Refused):
    """Whoever suspended the binding has to resume it."""

    code = "wrong_authority"
