"""How an origin is a client of OpenID Connect CIBA: its mode, its endpoint and its public keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

import counterseal as cs
from counterseal.errors import (
    CallbackForbidden,
    CallbackUncallable,
    InvalidField,
    NotFound,
    UnfitKey,
)
from counterseal.models import CallbackType, DeliveryMode
from counterseal_portal.answers import Answer, redirect
from counterseal_portal.confirmations import Command, Subject, command_routes
from counterseal_portal.form_pages import FormPage, form_routes, values_of
from counterseal_portal.forms import Field, FilledForm, Kind
from counterseal_portal.labels import MODES
from counterseal_portal.pages.origins import ORIGIN, key_names, origin_of, page_trail
from counterseal_portal.routes import ADMINS
from counterseal_portal.visit import Visit

MODE = Field(
    name="mode",
    label="How it learns that a request has ended",
    kind=Kind.CHOICE,
    options=tuple((each.value, MODES[each]) for each in DeliveryMode),
    required=True,
)
ENDPOINT = Field(
    name="endpoint",
    label="Where pings are sent",
    hint="An address that is on the allow-list. Empty for a client that polls.",
    meant_by=("notificationEndpoint",),
)
KEYS = Field(
    name="keys",
    label="Public keys",
    kind=Kind.LINES,
    hint="A JWK Set, for private_key_jwt and signed requests; each key has kid and alg, which is"
    " ES256, EdDSA, PS256 or RS256. Without one, the client authenticates by its Basic credential.",
    meant_by=("jwks",),
)
KEYS_STAY = "A JWK Set in place of its keys. Empty: they stay as they are."
AUDIENCES = Field(
    name="endpoint_audiences",
    label="It may name an endpoint as audience",
    kind=Kind.FLAG,
    hint="Only for a program that cannot name the issuer as the aud of what it signs. The token"
    " endpoint and the authentication endpoint count then as well.",
    meant_by=("endpointAudiences",),
)
NO_KEYS = Field(
    name="no_keys",
    label="Remove its keys",
    kind=Kind.FLAG,
    hint="From then on it authenticates by its Basic credential only.",
)


def _describe(visit: Visit) -> FormPage:
    origin = origin_of(visit)
    client = origin.backchannel
    addresses = tuple(entry.text for entry in origin.entries if entry.type is CallbackType.ADDRESS)
    has_keys = client is not None and bool(client.keys)
    return FormPage(
        title="CIBA client",
        intro=(
            (
                "A CIBA client asks by OpenID Connect CIBA in place of the origin API. The service"
                " serves it if its operator has switched it on."
            ),
            "Its client id is the GUID of the origin; its client secret is the Basic credential.",
        ),
        fields=(
            MODE,
            attrs.evolve(ENDPOINT, suggestions=addresses),
            attrs.evolve(KEYS, hint=KEYS_STAY) if has_keys else KEYS,
            *((NO_KEYS,) if has_keys else ()),
            AUDIENCES,
        ),
        values=values_of(
            mode=DeliveryMode.POLL.value if client is None else client.mode.value,
            endpoint=None if client is None else client.notification_endpoint,
            endpoint_audiences=client is not None and client.endpoint_audiences,
        ),
        button="Save",
        back=f"/origins/{origin.guid}",
        trail=page_trail(visit, origin),
    )


def _save(visit: Visit, form: FilledForm) -> Answer:
    origin = origin_of(visit)
    jwks = _read_keys(form)
    clients = visit.service.backchannel_clients(by=visit.admin)
    try:
        clients.register(
            origin.guid,
            mode=DeliveryMode(form.value("mode")),
            notification_endpoint=form.text("endpoint") or None,
            jwks=jwks,
            endpoint_audiences=form.flag("endpoint_audiences"),
        )
    except InvalidField as refusal:
        if refusal.field.startswith("jwks."):
            raise InvalidField(KEYS.name, f"{refusal.field}: {refusal.problem}") from None
        raise
    except UnfitKey as refusal:
        raise InvalidField(KEYS.name, f"A key does not fit: {refusal}") from None
    except CallbackForbidden:
        problem = "The address is not on the allow-list. Add it there first."
        raise InvalidField(ENDPOINT.name, problem) from None
    except CallbackUncallable as refusal:
        raise InvalidField(ENDPOINT.name, f"Nothing can be sent there: {refusal.reason}") from None
    return redirect(f"/origins/{origin.guid}", done="client-saved")


def _read_keys(form: FilledForm) -> Mapping[str, Any] | None:
    text = form.text("keys")
    if form.flag("no_keys"):
        if text:
            raise InvalidField(KEYS.name, "Either remove its keys, or give others.")
        return {"keys": []}
    if not text:
        return None
    try:
        jwks = cs.read_json(text.encode())
    except InvalidField:
        raise InvalidField(KEYS.name, "This is not JSON.") from None
    if not isinstance(jwks, dict):
        raise InvalidField(KEYS.name, "This is not a JWK Set.")
    return jwks


def _subject(visit: Visit) -> Subject:
    origin = origin_of(visit)
    client = origin.backchannel
    if client is None:
        raise NotFound
    return Subject(
        name=origin.name,
        details=(("Mode", MODES[client.mode]), ("Public keys", key_names(client) or "None")),
        back=f"/origins/{origin.guid}",
        trail=page_trail(visit, origin),
    )


END = Command(
    id="origin.end_client",
    path=f"{ORIGIN}/ciba/end",
    title="Let this origin be a CIBA client no longer?",
    consequences=(
        "It can no longer ask by CIBA, and its public keys are removed.",
        "Requests that are open stay, but nobody gets tokens for them.",
        "Its credentials stay, and it can ask by the origin API.",
    ),
    button="End the CIBA client",
    load_subject=_subject,
    perform=lambda visit: visit.service.backchannel_clients(by=visit.admin).unregister(
        visit.guid("origin")
    ),
    done="client-ended",
    danger=True,
    stepped_up="End a CIBA client",
    roles=ADMINS,
)

ORIGIN_CLIENT_ROUTES = (
    *form_routes(
        "origin.client",
        f"{ORIGIN}/ciba",
        _describe,
        _save,
        fields=(MODE, ENDPOINT, KEYS, NO_KEYS, AUDIENCES),
        roles=ADMINS,
        stepped_up="Change a CIBA client",
    ),
    *command_routes(END),
)
