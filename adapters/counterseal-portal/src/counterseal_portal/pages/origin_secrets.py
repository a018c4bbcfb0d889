"""An origin's secrets: its credentials and callback secrets, each shown once."""

from __future__ import annotations

from datetime import timedelta

import attrs

from counterseal.errors import NotFound
from counterseal.models import Credential, Origin, Scheme
from counterseal_portal.answers import Answer, Secret, secret_page
from counterseal_portal.confirmations import Command, Subject, command_routes
from counterseal_portal.form_pages import FormPage, form_routes, values_of
from counterseal_portal.forms import Field, FilledForm, Kind
from counterseal_portal.labels import SCHEMES
from counterseal_portal.pages.admins import HOUR, OVERLAP
from counterseal_portal.pages.origins import ORIGIN, is_live, origin_of, page_trail
from counterseal_portal.reach import origin_step, origin_trail
from counterseal_portal.rendering import time_text
from counterseal_portal.routes import ADMINS
from counterseal_portal.visit import Visit

JWKS_PATH = "/.well-known/jwks.json"
SCHEME_HINT = (
    "Message signatures for new programs, Basic for CIBA clients without keys; CX1 and Basic are"
    " also for clients of a CX service."
)
SCHEME = Field(
    name="scheme",
    label="How the origin authenticates",
    kind=Kind.CHOICE,
    options=tuple(
        (each.value, SCHEMES[each]) for each in (Scheme.SIGNATURE, Scheme.HMAC, Scheme.BASIC)
    ),
    required=True,
    hint=f"{SCHEME_HINT} A change ends older credentials at once.",
    meant_by=("keyType",),
)
FIRST_SCHEME = attrs.evolve(SCHEME, hint=SCHEME_HINT)
ROTATION = (
    "The last credential goes on working for as long as you say, so that the origin can change over"
    " without an interruption; one that is older still ends at once."
)


def _new_credential(visit: Visit) -> FormPage:
    origin = origin_of(visit)
    scheme = origin.credentials[0].scheme if origin.credentials else Scheme.SIGNATURE
    return FormPage(
        title="New credential",
        intro=(
            "It is shown once, on the next page. Have a safe place for it ready.",
            *((ROTATION,) if origin.credentials else ()),
        ),
        fields=(SCHEME, OVERLAP) if origin.credentials else (FIRST_SCHEME,),
        values=values_of(scheme=scheme.value, hours="24"),
        button="Make the credential",
        back=f"/origins/{origin.guid}",
        trail=page_trail(visit, origin),
    )


def _issue_credential(visit: Visit, form: FilledForm) -> Answer:
    origin = origin_of(visit)
    issued = visit.credentials.issue(
        origin.guid, Scheme(form.value("scheme")), overlap=(form.number("hours") or 0) * HOUR
    )
    address = visit.service.settings.public_url
    return secret_page(
        title="New credential",
        intro=(
            (
                "This is the only time that the key is shown. Hand it over on an encrypted"
                " channel, to the operator of the origin only: with it, anybody can ask the users."
            ),
            "A client library of the service needs all of this.",
        ),
        secrets=(
            Secret("Address of the service (base_url)", address),
            Secret("GUID of the origin (origin)", origin.guid),
            Secret(f"{SCHEMES[issued.scheme]} (scheme)", issued.scheme.value),
            Secret("Key (key)", issued.secret, is_secret=True),
            Secret("Where the service's public keys are (jwks)", f"{address}{JWKS_PATH}"),
        ),
        continue_to=origin_step(origin),
        trail=origin_trail(visit, origin),
    )


def _new_webhook_key(visit: Visit) -> FormPage:
    origin = origin_of(visit)
    return FormPage(
        title="New callback secret",
        intro=(
            "The origin verifies callbacks with it. It is shown once, on the next page.",
            *(
                ("The last one signs beside it for as long as you say.",)
                if origin.webhook_keys
                else ()
            ),
        ),
        fields=(OVERLAP,) if origin.webhook_keys else (),
        values=values_of(hours="24"),
        button="Make the callback secret",
        back=f"/origins/{origin.guid}",
        trail=page_trail(visit, origin),
    )


def _issue_webhook_key(visit: Visit, form: FilledForm) -> Answer:
    origin = origin_of(visit)
    overlap: timedelta = (form.number("hours") or 0) * HOUR
    secret = visit.credentials.issue_webhook_key(origin.guid, overlap=overlap)
    return secret_page(
        title="New callback secret",
        intro=("This is the only time that it is shown.",),
        secrets=(Secret("Callback secret", secret, is_secret=True),),
        continue_to=origin_step(origin),
        trail=origin_trail(visit, origin),
    )


def _subject(visit: Visit) -> Subject:
    origin = origin_of(visit)
    return Subject(
        name=origin.name,
        details=(("Credentials", str(len(origin.credentials))),),
        back=f"/origins/{origin.guid}",
        trail=page_trail(visit, origin),
    )


REVOKE = Command(
    id="origin.revoke",
    path=f"{ORIGIN}/credentials/revoke",
    title="Revoke all credentials of this origin?",
    consequences=(
        "The origin can ask nobody and read nothing until it gets a new credential.",
        "Questions that are open stay, and each ends with an answer or at its deadline.",
        "Callbacks are sent as before.",
    ),
    button="Revoke the credentials",
    load_subject=_subject,
    perform=lambda visit: visit.credentials.revoke(visit.guid("origin")),
    done="credentials-revoked",
    danger=True,
    stepped_up="Revoke the credentials of an origin",
    roles=ADMINS,
)


def _credential(visit: Visit, origin: Origin) -> Credential:
    guid = visit.guid("credential")
    for credential in origin.credentials:
        if origin.credential_guid(credential) == guid:
            return credential
    raise NotFound


def _credential_subject(visit: Visit) -> Subject:
    origin = origin_of(visit)
    credential, now = _credential(visit, origin), visit.service.ports.clock.now()
    others = [each for each in origin.credentials if each != credential and is_live(each, now)]
    return Subject(
        name=f"{SCHEMES[credential.scheme]}, made {time_text(credential.created_at)}",
        details=(("Origin", origin.name), ("Other credentials", _others_text(others))),
        back=f"/origins/{origin.guid}",
        trail=page_trail(visit, origin),
    )


def _others_text(others: list[Credential]) -> str:
    if not others:
        return "No other one works: the origin can ask nobody until it gets a new credential."
    other = others[0]
    until = "" if other.ends_at is None else f", until {time_text(other.ends_at)}"
    return f"Another one, made {time_text(other.created_at)}, still works{until}."


REVOKE_CREDENTIAL = Command(
    id="origin.revoke_credential",
    path=f"{ORIGIN}/credentials/{{credential}}/revoke",
    title="Revoke this credential of the origin?",
    consequences=(
        "A caller with this credential is refused at once.",
        "The origin's other credentials stay as they are.",
        "Questions that are open stay, and each ends with an answer or at its deadline.",
    ),
    button="Revoke the credential",
    load_subject=_credential_subject,
    perform=lambda visit: visit.credentials.revoke_credential(
        visit.guid("origin"), visit.guid("credential")
    ),
    done="credential-revoked",
    danger=True,
    stepped_up="Revoke a credential of an origin",
    roles=ADMINS,
)

ORIGIN_SECRET_ROUTES = (
    *command_routes(REVOKE_CREDENTIAL),
    *form_routes(
        "origin.issue_credential",
        f"{ORIGIN}/credentials/new",
        _new_credential,
        _issue_credential,
        fields=(SCHEME, OVERLAP),
        roles=ADMINS,
        stepped_up="Make a credential of an origin",
    ),
    *form_routes(
        "origin.issue_webhook_key",
        f"{ORIGIN}/callback-secret/new",
        _new_webhook_key,
        _issue_webhook_key,
        fields=(OVERLAP,),
        roles=ADMINS,
        stepped_up="Make a callback secret of an origin",
    ),
    *command_routes(REVOKE),
)
