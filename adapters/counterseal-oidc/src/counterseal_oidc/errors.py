"""
Refusals: one for each way in which what came back proves nothing.

Each has a code for the log.
Whoever is refused is told one word for all of them, which says nothing of the check that failed.
"""

from __future__ import annotations

from counterseal.errors import IdentityWithdrawn


class Unproven(IdentityWithdrawn):
    """What came back from the Identity Provider does not prove who the user is."""

    code = "idp_unproven"
    public_code = "denied"

    def __init_subclass__(cls) -> None:
        """Give every kind the same public code."""
        super().__init_subclass__()
        cls.public_code = "denied"


class CodeRefused(Unproven):
    """The provider refuses the code: used, late, another client's, or of another verifier."""

    code = "idp_code_refused"


class MixedUp(Unproven):
    """The response names another issuer, or none where the provider always does (RFC 9207)."""

    code = "idp_response_issuer"


class TokenMissing(Unproven):
    """There is no ID token in the provider's answer."""

    code = "idp_token_missing"


class TokenMalformed(Unproven):
    """It is no JWS in its one canonical spelling."""

    code = "idp_token_malformed"


class TokenType(Unproven):
    """It is a token of another kind (RFC 8725, 3.11)."""

    code = "idp_token_type"


class TokenAlgorithm(Unproven):
    """It is signed by another algorithm than the App Space's settings name."""

    code = "idp_token_algorithm"


class TokenKeyUnknown(Unproven):
    """The provider has no key of this name for this algorithm."""

    code = "idp_token_key"


class TokenSignature(Unproven):
    """Its signature does not hold."""

    code = "idp_token_signature"


class TokenIssuer(Unproven):
    """It is another issuer's."""

    code = "idp_token_issuer"


class TokenAudience(Unproven):
    """It is for another client."""

    code = "idp_token_audience"


class TokenExpired(Unproven):
    """Its time is over."""

    code = "idp_token_expired"


class TokenTimes(Unproven):
    """It is from the future, too old, or does not say."""

    code = "idp_token_times"


class TokenNonce(Unproven):
    """It answers another log-in, or, of a logout token, any at all."""

    code = "idp_token_nonce"


class TokenHash(Unproven):
    """It came with another access token."""

    code = "idp_token_hash"


class TokenSubject(Unproven):
    """It names no subject, or another one."""

    code = "idp_token_subject"


class UserInfoRefused(Unproven):
    """UserInfo does not take the access token that has just been given."""

    code = "idp_user_info_refused"


class UserInfoSubject(Unproven):
    """UserInfo tells of another subject than the ID token (OpenID Connect Core, 5.3.2)."""

    code = "idp_user_info_subject"


class ClaimMissing(Unproven):
    """The claim that becomes the account id is not there, or no text."""

    code = "idp_claim_missing"


class ClaimUnverified(Unproven):
    """The claim that becomes the account id is an address that the provider has not verified."""

    code = "idp_claim_unverified"


class NoLogout(Unproven):
    """It is no logout token: no such event, no id, or nobody whom it concerns."""

    code = "idp_no_logout"
