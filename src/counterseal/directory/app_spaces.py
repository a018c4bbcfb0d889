"""App Spaces: what fits into one, and what may become of what it has."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from counterseal.directory.providers import provided
from counterseal.errors import InvalidField, WrongKind
from counterseal.models import AppSpace, IdpSettings, Texts
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.rules.sizes import text_fits


def brand_fits(policy: Policy, logo: str | None, color: str | None) -> None:
    """
    Refuse a brand that is too long.

    Raises:
        InvalidField: It is.
    """
    text_fits(logo, policy.callback_bytes, "brandInfo.url")
    text_fits(color, policy.name_bytes, "brandInfo.color")


def other_texts(policy: Policy, held: AppSpace, changed: Mapping[str, str]) -> Texts:
    """
    Return the texts of *held*, of which some are *changed*.

    Raises:
        InvalidField: One does not fit.
    """
    texts = attrs.evolve(held.texts, **changed)
    limit = policy.title_bytes
    text_fits(texts.title, limit, "notification.title", empty=True)
    text_fits(texts.challenge, limit, "notification.body", empty=True)
    text_fits(texts.device_bound, limit, "notification.deviceBound", empty=True)
    text_fits(texts.device_revoked, limit, "notification.deviceRevoked", empty=True)
    return texts


def other_idp(ports: Ports, held: AppSpace, idp: IdpSettings, secret: str | None) -> IdpSettings:
    """
    Return what *held* knows of its Identity Provider from now on: users are one issuer's.

    Raises:
        WrongKind: It is `simple`, and would get one.
        InvalidField: It would be another issuer, or a setting does not fit.
        Unavailable: A port failed.
    """
    if held.idp is None:
        raise WrongKind
    if idp.issuer != held.idp.issuer:
        raise InvalidField("idp.issuer", "another one")
    return provided(ports, idp, secret, held.idp)
