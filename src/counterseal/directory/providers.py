"""Providers: an App Space's Identity Provider, as it is set and kept."""

from __future__ import annotations

import attrs

from counterseal.models import ClientAuth, IdpSettings
from counterseal.ports import Ports
from counterseal.rules.addresses import idp_fits
from counterseal.rules.sizes import text_fits

SECRET_BYTES = 8_192
"""A client secret, or a private key as a JWK."""


def provided(
    ports: Ports, settings: IdpSettings, secret: str | None, held: IdpSettings | None = None
) -> IdpSettings:
    """
    Return *settings* as they are kept: with *secret* sealed for their client and issuer.

    Args:
        ports: The service's; the sealer's word is needed where there is a secret.
        settings: What is wanted.
        secret: The client's secret, or its private key; None keeps what is held, unless it
            was another client's, to whom alone it belongs.
        held: What was kept until now.

    Raises:
        InvalidField: A field does not fit, or a secret is missing, or there is none to be.
        Unavailable: A port failed.
    """
    if secret is not None:
        text_fits(secret, SECRET_BYTES, "idp.clientSecret")
        sealed = ports.sealer.seal(secret.encode(), settings.secret_context)
        settings = attrs.evolve(settings, sealed_secret=sealed)
    elif settings.client_auth is ClientAuth.NONE or (
        held is not None and held.secret_context != settings.secret_context
    ):
        settings = attrs.evolve(settings, sealed_secret=b"")
    idp_fits(settings)
    return settings
