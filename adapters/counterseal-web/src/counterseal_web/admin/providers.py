"""Providers: an App Space's Identity Provider, as administrators set and see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from counterseal.errors import InvalidField
from counterseal.models import ClientAuth, IdpSettings
from counterseal.wire.members import read_optional_text, read_text, require_known
from counterseal_web.admin.schemas import IDP
from counterseal_web.members import read_object, read_optional_choice, read_texts

Document = dict[str, Any]

NAME = "idp"
MEMBER = "clientSecret"


def read_provider(
    body: Mapping[str, Any], current: IdpSettings | None = None
) -> tuple[IdpSettings | None, str | None]:
    """
    Return the provider that *body* sets, and its client's secret; a missing member keeps its value.

    Raises:
        InvalidField: A member is malformed or unknown, or one that has to be there is missing.
    """
    if body.get(NAME) is None:
        return None, None
    members = read_object(body, NAME)
    require_known(members, IDP["properties"], prefix=f"{NAME}.")
    values = {f"{NAME}.{name}": value for name, value in members.items()}
    defaults = current or IdpSettings(issuer="none", client_id="none")
    redirect = read_optional_text(values, "idp.redirectUri")
    settings = IdpSettings(
        issuer=_text(values, "issuer", None if current is None else current.issuer),
        client_id=_text(values, "clientId", None if current is None else current.client_id),
        redirect_uri=defaults.redirect_uri if redirect is None else redirect,
        returns=_texts(values, "returns", defaults.returns),
        scopes=_texts(values, "scopes", defaults.scopes),
        client_auth=read_optional_choice(values, ClientAuth, "idp.clientAuth")
        or defaults.client_auth,
        sealed_secret=defaults.sealed_secret,
        algorithms=_texts(values, "algorithms", defaults.algorithms),
        account_claim=_text(values, "accountClaim", defaults.account_claim),
        parameters=_parameters(values, defaults.parameters),
    )
    return settings, read_optional_text(values, f"{NAME}.{MEMBER}")


def provider_document(idp: IdpSettings) -> Document:
    """Return a provider's settings; of the secret only whether there is one."""
    return {
        "issuer": idp.issuer,
        "clientId": idp.client_id,
        "redirectUri": idp.redirect_uri,
        "returns": list(idp.returns),
        "scopes": list(idp.scopes),
        "clientAuth": idp.client_auth.value,
        "hasClientSecret": bool(idp.sealed_secret),
        "algorithms": list(idp.algorithms),
        "accountClaim": idp.account_claim,
        "parameters": dict(idp.parameters),
    }


def _text(values: Mapping[str, Any], name: str, current: str | None) -> str:
    name = f"{NAME}.{name}"
    return current if current is not None and values.get(name) is None else read_text(values, name)


def _texts(values: Mapping[str, Any], name: str, current: tuple[str, ...]) -> tuple[str, ...]:
    listed = read_texts(values, f"{NAME}.{name}")
    return current if listed is None else tuple(listed)


def _parameters(
    values: Mapping[str, Any], current: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, str], ...]:
    name = f"{NAME}.parameters"
    if values.get(name) is None:
        return current
    members = read_object(values, name)
    if not all(isinstance(value, str) for value in members.values()):
        raise InvalidField(name, "not texts")
    return tuple(sorted(members.items()))
