"""Providers: an App Space's Identity Provider, as administrators set and see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from counterseal.errors import InvalidField
from counterseal.models import ClientAuth, IdpSettings
from counterseal.wire.members import require_known
from counterseal_web.admin.schemas import IDP
from counterseal_web.members import optional_choice, optional_text, part, text, texts

Document = dict[str, Any]

NAME = "idp"
MEMBER = "clientSecret"


def read_provider(
    body: Mapping[str, Any], held: IdpSettings | None = None
) -> tuple[IdpSettings | None, str | None]:
    """
    Return the provider that *body* sets, and its client's secret; what is not said stays.

    Raises:
        InvalidField: A member is malformed or unknown, or one that has to be there is missing.
    """
    if body.get(NAME) is None:
        return None, None
    given = part(body, NAME)
    require_known(given, IDP["properties"], prefix=f"{NAME}.")
    said = {f"{NAME}.{name}": value for name, value in given.items()}
    old = held or IdpSettings(issuer="none", client_id="none")
    redirect = optional_text(said, "idp.redirectUri")
    settings = IdpSettings(
        issuer=_text(said, "issuer", None if held is None else held.issuer),
        client_id=_text(said, "clientId", None if held is None else held.client_id),
        redirect_uri=old.redirect_uri if redirect is None else redirect,
        returns=_texts(said, "returns", old.returns),
        scopes=_texts(said, "scopes", old.scopes),
        client_auth=optional_choice(said, ClientAuth, "idp.clientAuth") or old.client_auth,
        sealed_secret=old.sealed_secret,
        algorithms=_texts(said, "algorithms", old.algorithms),
        account_claim=_text(said, "accountClaim", old.account_claim),
        parameters=_parameters(said, old.parameters),
    )
    return settings, optional_text(said, f"{NAME}.{MEMBER}")


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


def _text(said: Mapping[str, Any], name: str, held: str | None) -> str:
    name = f"{NAME}.{name}"
    return held if held is not None and said.get(name) is None else text(said, name)


def _texts(said: Mapping[str, Any], name: str, held: tuple[str, ...]) -> tuple[str, ...]:
    listed = texts(said, f"{NAME}.{name}")
    return held if listed is None else tuple(listed)


def _parameters(
    said: Mapping[str, Any], held: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, str], ...]:
    name = f"{NAME}.parameters"
    if said.get(name) is None:
        return held
    given = part(said, name)
    if not all(isinstance(value, str) for value in given.values()):
        raise InvalidField(name, "not texts")
    return tuple(sorted(given.items()))
