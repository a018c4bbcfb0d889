"""Admin calls: what is done when an administrator sees to companies, App Spaces and origins."""

from __future__ import annotations

from http import HTTPStatus

from counterseal.errors import InvalidField
from counterseal.models import (
    FINISHED,
    Admin,
    AppSpace,
    CallbackType,
    Clients,
    Codes,
    Company,
    Origin,
    TokenForm,
)
from counterseal_web.admin_documents import (
    TEXTS,
    app_space_document,
    callback_document,
    company_document,
    origin_document,
)
from counterseal_web.admin_places import app_space_of, company_of, entry_of, origin_of
from counterseal_web.bodies import optional_text, text
from counterseal_web.calls import Call
from counterseal_web.members import choice, flag, optional_choice, part, texts, whole
from counterseal_web.messages import Reply
from counterseal_web.providers import read_provider
from counterseal_web.service import Service

SIMPLE = "simple"
OIDC = "oidc"


def new_company(service: Service, call: Call, admin: Admin) -> Reply:
    """Create a company."""
    made = service.administration(by=admin).create_company(text(call.document, "name"))
    return _created(call, made.guid, company_document(made))


def companies(service: Service, call: Call, admin: Admin) -> Reply:  # noqa: ARG001 (a handler's)
    """Return the companies that the administrator sees."""
    held = service.administration(by=admin).list(None, Company)
    return Reply(document=[company_document(each) for each in held])


def company(service: Service, call: Call, admin: Admin) -> Reply:
    """Return a company."""
    held = service.administration(by=admin).get(company_of(call), Company)
    return Reply(document=company_document(held))


def edit_company(service: Service, call: Call, admin: Admin) -> Reply:
    """Give a company another name."""
    name = text(call.document, "name")
    return Reply(
        document=company_document(
            service.administration(by=admin).edit_company(company_of(call), name)
        )
    )


def new_app_space(service: Service, call: Call, admin: Admin) -> Reply:
    """Create an App Space: a `simple` one, or with `idpType` `oidc` one with a provider."""
    body = call.document
    kind = body.get("idpType")
    if kind not in (None, SIMPLE, OIDC):
        raise InvalidField("idpType", f"neither {SIMPLE} nor {OIDC}")
    if (kind == OIDC) is (body.get("idp") is None):
        raise InvalidField("idp", f"goes with {OIDC}")
    idp, secret = read_provider(body)
    brand = part(body, "brandInfo")
    made = service.administration(by=admin).create_app_space(
        company_of(call),
        text(body, "name"),
        idp=idp,
        idp_secret=secret,
        brand_logo=optional_text(brand, "url"),
        brand_color=optional_text(brand, "color"),
        universal_app=flag(body, "useUniversalApp") or False,
    )
    return _created(call, made.guid, app_space_document(made))


def app_spaces(service: Service, call: Call, admin: Admin) -> Reply:
    """Return a company's App Spaces, as far as the administrator sees them."""
    held = service.administration(by=admin).list(company_of(call), AppSpace)
    return Reply(document=[app_space_document(each) for each in held])


def app_space(service: Service, call: Call, admin: Admin) -> Reply:
    """Return an App Space."""
    return Reply(document=app_space_document(app_space_of(service, call, admin)))


def edit_app_space(service: Service, call: Call, admin: Admin) -> Reply:
    """Edit an App Space; what is not said stays, and an empty text takes what it says away."""
    body = call.document
    brand = part(body, "brandInfo")
    bells = part(body, "notification")
    said = {field: optional_text(bells, name) for name, field in TEXTS.items()}
    held = app_space_of(service, call, admin)
    idp, secret = read_provider(body, held.idp)
    edited = service.administration(by=admin).edit_app_space(
        held.guid,
        name=optional_text(body, "name"),
        idp=idp,
        idp_secret=secret,
        brand_logo=optional_text(brand, "url"),
        brand_color=optional_text(brand, "color"),
        universal_app=flag(body, "useUniversalApp"),
        texts={field: words for field, words in said.items() if words is not None},
    )
    return Reply(document=app_space_document(edited))


def new_origin(service: Service, call: Call, admin: Admin) -> Reply:
    """Create an origin; it is set up for CX clients, unless the body says otherwise."""
    body = call.document
    made = service.administration(by=admin).create_origin(
        app_space_of(service, call, admin).guid,
        text(body, "name"),
        clients=optional_choice(body, Clients, "clients") or Clients.CX,
        codes=optional_choice(body, Codes, "codes"),
        wildcards=flag(body, "wildcards"),
        token_form=optional_choice(body, TokenForm, "sessionTokenForm") or TokenForm.TEXT,
    )
    return _created(call, made.guid, origin_document(made))


def origins(service: Service, call: Call, admin: Admin) -> Reply:
    """Return an App Space's origins."""
    held = service.administration(by=admin).list(app_space_of(service, call, admin).guid, Origin)
    return Reply(document=[origin_document(each) for each in held])


def origin(service: Service, call: Call, admin: Admin) -> Reply:
    """Return an origin."""
    held = origin_of(service, call, admin)
    return Reply(document=origin_document(held))


def edit_origin(service: Service, call: Call, admin: Admin) -> Reply:
    """Edit an origin; what is not said stays."""
    body = call.document
    rung = texts(body, "callbackStates")
    edited = service.administration(by=admin).edit_origin(
        origin_of(service, call, admin).guid,
        name=optional_text(body, "name"),
        clients=optional_choice(body, Clients, "clients"),
        codes=optional_choice(body, Codes, "codes"),
        wildcards=flag(body, "wildcards"),
        callback_states=None
        if rung is None
        else [choice(state, FINISHED, "callbackStates") for state in rung],
        token_form=optional_choice(body, TokenForm, "sessionTokenForm"),
        pending_limit=whole(body, "pendingLimit"),
        ask_limit=whole(body, "askLimit"),
        cooldown=flag(body, "cooldown"),
    )
    return Reply(document=origin_document(edited))


def new_callback(service: Service, call: Call, admin: Admin) -> Reply:
    """Put an address on the allow-list; `callbackType` 2, a WebAuthn domain, is refused."""
    body = call.document
    url = text(body, "callbackUrl")
    kind = optional_choice(body, CallbackType, "callbackType") or CallbackType.ADDRESS
    guid = origin_of(service, call, admin).guid
    held = service.administration(by=admin).allow_callback(guid, url, kind=kind)
    entry = next(each for each in held.entries if (each.type, each.text) == (kind, url))
    return _created(call, entry.guid, callback_document(entry))


def callbacks(service: Service, call: Call, admin: Admin) -> Reply:
    """Return an origin's allow-list."""
    held = origin_of(service, call, admin)
    return Reply(document=[callback_document(entry) for entry in held.entries])


def callback(service: Service, call: Call, admin: Admin) -> Reply:
    """Return an entry of the allow-list."""
    entry = entry_of(origin_of(service, call, admin), call)
    return Reply(document=callback_document(entry))


def drop_callback(service: Service, call: Call, admin: Admin) -> Reply:
    """Take an entry off the allow-list."""
    held = origin_of(service, call, admin)
    entry = entry_of(held, call)
    service.administration(by=admin).forbid_entry(held.guid, entry.guid)
    return Reply(status=HTTPStatus.NO_CONTENT)


def _created(call: Call, guid: str, made: dict[str, object]) -> Reply:
    place = call.uri.partition("?")[0].removesuffix("/new")
    return Reply(status=HTTPStatus.CREATED, document=made, headers={"Location": f"{place}/{guid}"})
