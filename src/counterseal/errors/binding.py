"""Refusals: a bind that does not come about, and keys that are not taken."""

from __future__ import annotations

from counterseal.errors.families import Refused


class TooManyBindings(Refused):
    """The account has as many devices as the policy allows."""

    code = "too_many_bindings"


class WrongToken(Refused):
    """The session token is not the one that was handed out."""

    code = "wrong_token"
    outward = "denied"


class TokenSpent(Refused):
    """The session token has bound other keys already."""

    code = "token_spent"


class UnfitKey(Refused):
    """The public key is too weak, malformed or of a kind that is not allowed."""

    code = "unfit_key"


class KeysIncomplete(Refused):
    """A binding needs one device key, at least one strong key, and no key twice."""

    code = "keys_incomplete"


class NotPossessed(Refused):
    """A new key did not prove its possession."""

    code = "not_possessed"


class NotEndorsed(Refused):
    """A new key is not signed by the old key of its role."""

    code = "not_endorsed"
