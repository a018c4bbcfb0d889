"""Discovery: what a provider says of itself (OpenID Connect Discovery 1.0, RFC 8414)."""

from __future__ import annotations

import re
from datetime import timedelta

import attrs

from counterseal.errors import IdentityUnavailable
from counterseal.ports import Clock
from counterseal_http import Budget
from counterseal_oidc.asking import OK, Answer, Asker
from counterseal_oidc.keeping import Keeper

WELL_KNOWN = "/.well-known/openid-configuration"

_ADDRESS = re.compile(r"https?://[!-\"$-~]{1,2000}")
"""Plain ASCII and no fragment (RFC 6749, 3.1); whether it may be called is the guard's to say."""


@attrs.frozen(kw_only=True)
class Metadata:
    """
    What a provider says of itself.

    Attributes:
        names_itself: Whether each of its responses has `iss` (RFC 9207).
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    introspection_endpoint: str | None
    revocation_endpoint: str | None
    names_itself: bool


class Discovery:
    """
    Reads providers' metadata, and keeps it for a while; may be shared by threads.

    Args:
        asker: Sends the requests.
        clock: Tells when something is old.
    """

    def __init__(self, asker: Asker, clock: Clock) -> None:
        self._asker = asker
        self._kept: Keeper[Metadata] = Keeper(clock)

    def of(self, issuer: str, left: Budget) -> Metadata:
        """
        Return what *issuer* says of itself.

        Raises:
            IdentityUnavailable: It cannot be read, or is of another issuer.
        """

        def fetch(left: Budget) -> tuple[Metadata, timedelta]:
            answer = self._asker.get(issuer.rstrip("/") + WELL_KNOWN, left)
            return read_metadata(answer, issuer), answer.fresh_for

        return self._kept.get(issuer, fetch, left)


def read_metadata(answer: Answer, issuer: str) -> Metadata:
    """
    Read the metadata of *issuer*.

    Raises:
        IdentityUnavailable: It is another's (Discovery, 4.3: compared exactly), or cannot serve:
            no code flow, or no S256.
    """
    if answer.status != OK:
        raise IdentityUnavailable(f"discovery: status {answer.status}")
    if answer.members.get("issuer") != issuer:
        raise IdentityUnavailable("discovery: the document is of another issuer")
    if not _offers(answer, "response_types_supported", "code"):
        raise IdentityUnavailable("discovery: it has no code flow")
    if not _offers(answer, "code_challenge_methods_supported", "S256"):
        raise IdentityUnavailable("discovery: it has no PKCE with S256")
    return Metadata(
        issuer=issuer,
        authorization_endpoint=_needed(answer, "authorization_endpoint"),
        token_endpoint=_needed(answer, "token_endpoint"),
        jwks_uri=_needed(answer, "jwks_uri"),
        userinfo_endpoint=_address(answer, "userinfo_endpoint"),
        introspection_endpoint=_address(answer, "introspection_endpoint"),
        revocation_endpoint=_address(answer, "revocation_endpoint"),
        names_itself=answer.members.get("authorization_response_iss_parameter_supported") is True,
    )


def _offers(answer: Answer, name: str, wanted: str) -> bool:
    # Some providers that know S256 do not say so; one that says what it knows is believed.
    offered = answer.members.get(name)
    return offered is None or (isinstance(offered, list) and wanted in offered)


def _address(answer: Answer, name: str) -> str | None:
    value = answer.text(name)
    return value if value is not None and _ADDRESS.fullmatch(value) else None


def _needed(answer: Answer, name: str) -> str:
    value = _address(answer, name)
    if value is None:
        raise IdentityUnavailable(f"discovery: no {name}")
    return value
