"""
The sealing contexts: one for each secret at rest.

The Sealer binds a sealed secret to a context and opens it for that context only, so a secret that
is copied into another record cannot be opened there.
The list is complete, and no two contexts begin with the same prefix.
"""

from __future__ import annotations

from counterseal.models.guid import Guid


def code_context(challenge: Guid) -> str:
    """Return the sealing context of the matching code of a challenge."""
    return f"code:{challenge}"


def backchannel_context(challenge: Guid) -> str:
    """Return the sealing context of the `auth_req_id` of a challenge that a CIBA client asked."""
    return f"backchannel:{challenge}"


def bearer_context(challenge: Guid) -> str:
    """Return the sealing context of the bearer token by which a realm is called back."""
    return f"bearer:{challenge}"


def credential_context(holder: Guid) -> str:
    """Return the sealing context of the secret of an origin or administrator."""
    return f"credential:{holder}"


def grant_context(account: Guid) -> str:
    """Return the sealing context of what an Identity Provider granted for a user."""
    return f"grant:{account}"


def provider_context(issuer: str, client_id: str) -> str:
    """
    Return the sealing context of the secret of a client at an Identity Provider.

    It contains the issuer, so a changed issuer does not send the secret to another provider.
    """
    return f"idp:{client_id}@{issuer}"


def login_context(login: Guid) -> str:
    """Return the sealing context of the nonce and the verifier of a log-in."""
    return f"login:{login}"


def discovery_context(origin: Guid) -> str:
    """Return the sealing context of an origin's authentications that name no account yet."""
    return f"discovery:{origin}"


def portal_context(purpose: str) -> str:
    """Return the sealing context of what a browser keeps for the portal, for one *purpose*."""
    return f"portal:{purpose}"


def signing_key_context(kid: str) -> str:
    """Return the sealing context of a signing key of the service that is stored in a file."""
    return f"signing key:{kid}"


def token_context(binding: Guid) -> str:
    """Return the sealing context of the session token of an invitation."""
    return f"token:{binding}"


def webhook_context(origin: Guid) -> str:
    """Return the sealing context of the webhook secrets of an origin."""
    return f"webhook:{origin}"
