"""Logins: attempts to learn from an Identity Provider who the user is."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import ClassVar

import attrs

from counterseal.models import fields
from counterseal.models.guid import Guid


class LoginState(enum.Enum):
    """The states of one attempt to learn from an Identity Provider who the user is."""

    STARTED = "STARTED"
    USED = "USED"
    EXPIRED = "EXPIRED"


@attrs.frozen(kw_only=True)
class Login:
    """
    One attempt to learn from an Identity Provider who the user is.

    Attributes:
        redirect_uri: Where the provider sends the user, as it was told.
        app_return: Where the user gets back to the app; the same, unless the provider
            sends users to the service.
        secret_hash: SHA-256 of the secret in the OAuth `state` parameter.
        holder_hash: SHA-256 of the secret that only the app which began has.
        sealed_verifier: The PKCE verifier (RFC 7636), sealed.
        sealed_nonce: The OpenID Connect nonce, sealed.
        keep_until: The store may forget the record after this.
    """

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    state: LoginState
    app_space: Guid
    redirect_uri: str = attrs.field(validator=fields.text)
    app_return: str = attrs.field(validator=fields.text)
    secret_hash: bytes = attrs.field(repr=False)
    holder_hash: bytes = attrs.field(repr=False)
    sealed_verifier: bytes = attrs.field(repr=False)
    sealed_nonce: bytes = attrs.field(repr=False)
    created_at: datetime = attrs.field(validator=fields.utc)
    deadline: datetime = attrs.field(validator=fields.utc)
    keep_until: datetime = attrs.field(validator=fields.utc)

    parent: ClassVar[Guid | None] = None

    @property
    def due_at(self) -> datetime | None:
        """When a worker has to expire the attempt; None once it is used or expired."""
        return self.deadline if self.state is LoginState.STARTED else None
