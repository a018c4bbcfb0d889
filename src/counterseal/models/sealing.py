"""
What each secret at rest is sealed for.

The Sealer binds a sealed secret to a context, and opens it for that context only: what is copied
from one record into another cannot be opened there.
This is the whole list; every context begins with another word.

| context | secret |
|---|---|
| `code:` challenge | the matching code of a challenge |
| `credential:` holder | the secret of an origin or an administrator |
| `grant:` account | what an Identity Provider granted for a user |
| `idp:` issuer and client | the client secret, or private key, at an Identity Provider |
| `login:` login | the nonce and the verifier of a log-in |
| `signing key:` kid | a signing key of the service, where it is kept in a file |
| `token:` binding | the session token of an invitation |
| `webhook:` origin | the secret that signs an origin's callbacks |
"""

from __future__ import annotations

from counterseal.models.guid import Guid


def code_context(challenge: Guid) -> str:
    """Return what the matching code of a challenge is sealed for."""
    return f"code:{challenge}"


def credential_context(holder: Guid) -> str:
    """Return what the secret of an origin or administrator is sealed for."""
    return f"credential:{holder}"


def grant_context(account: Guid) -> str:
    """Return what the grant of an account is sealed for."""
    return f"grant:{account}"


def provider_context(issuer: str, client_id: str) -> str:
    """
    Return what the secret of a client at an Identity Provider is sealed for.

    The issuer is in it: a change of the issuer sends the secret to no other provider.
    """
    return f"idp:{client_id}@{issuer}"


def login_context(login: Guid) -> str:
    """Return what the nonce and the verifier of a log-in are sealed for."""
    return f"login:{login}"


def signing_key_context(kid: str) -> str:
    """Return what a signing key of the service is sealed for."""
    return f"signing key:{kid}"


def token_context(binding: Guid) -> str:
    """Return what the session token of an invitation is sealed for."""
    return f"token:{binding}"


def webhook_context(origin: Guid) -> str:
    """Return what the webhook secrets of an origin are sealed for."""
    return f"webhook:{origin}"
