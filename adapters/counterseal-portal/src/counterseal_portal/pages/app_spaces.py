"""App Spaces: what devices show of one, who identifies its users, and what belongs to it."""

from __future__ import annotations

import base64
import binascii

from counterseal.errors import InvalidField, NotFound
from counterseal.models import (
    Admin,
    AppSpace,
    AppSpaceChanges,
    ClientAuth,
    IdpSettings,
    Origin,
    replace,
)
from counterseal_portal.answers import Answer, Step, page, redirect
from counterseal_portal.branding import app_preview_of, brand_of
from counterseal_portal.form_pages import FormPage, form_routes, values_of
from counterseal_portal.forms import Field, FilledForm, Kind
from counterseal_portal.labels import HTML, NEW_DEVICES
from counterseal_portal.member_fields import entered_changes, member_fields, member_values
from counterseal_portal.pages.admins import admin_rows
from counterseal_portal.pages.origins import is_live
from counterseal_portal.reach import (
    app_space_of,
    app_space_step,
    app_space_trail,
    is_portals_own,
)
from counterseal_portal.routes import ADMINS, COMPANY_ADMINS, Route
from counterseal_portal.visit import DONE, Visit, notice_of

APP_SPACE = "/app-spaces/{app_space}"
FIELDS = member_fields(
    AppSpaceChanges,
    {
        "name": "Name",
        "new_devices": "When a new device counts",
        "device_invitations": "People may add another device by themselves",
        "html": "Questions in HTML",
        "passkey_origins": "Where passkeys are used",
        "rp_id": "Domain of passkeys",
        "document_hosts": "Where documents may come from",
        "texts.title": "Notification: above each notification",
        "texts.challenge": "Notification: a question is waiting",
        "texts.challenge_ended": "Notification: a question needs no answer any more",
        "texts.device_bound": "Notification: another device was bound",
        "texts.device_revoked": "Notification: another device was revoked",
        "texts.device_unconfirmed": "Notification: a new device waits to be confirmed",
    },
)
BRAND_FIELDS = (
    Field(
        name="color",
        label="Colour",
        kind=Kind.COLOUR,
        hint="Like #0B5F66. The name stands on it in black or white, whichever can be read.",
        meant_by=("brandInfo.color",),
    ),
    Field(
        name="logo",
        label="New logo",
        kind=Kind.PICTURE,
        hint="A picture: PNG, JPEG or WebP. Your browser makes a PNG of it, of at most 512 by 512"
        " pixels and 32 KB, without what else is in the file.",
        meant_by=("brandInfo.logo",),
    ),
    Field(name="remove_logo", label="Remove the logo", kind=Kind.FLAG),
)
CLIENT_AUTHS = {
    ClientAuth.NONE: "Without a secret (PKCE alone)",
    ClientAuth.BASIC: "With a secret, by Basic",
    ClientAuth.POST: "With a secret, in the body",
    ClientAuth.PRIVATE_KEY: "With a private key (private_key_jwt)",
}
PROVIDER_FIELDS = (
    Field(name="client_id", label="Client id", required=True, meant_by=("idp.clientId",)),
    Field(
        name="client_auth",
        label="How the service authenticates there",
        kind=Kind.CHOICE,
        options=tuple((each.value, CLIENT_AUTHS[each]) for each in ClientAuth),
        required=True,
        meant_by=("idp.clientAuth",),
    ),
    Field(
        name="secret",
        label="New client secret, or private key as a JWK",
        kind=Kind.SECRET,
        hint="It is sealed and never shown again. Empty keeps the present one.",
        meant_by=("idp.clientSecret",),
    ),
    Field(
        name="redirect_uri",
        label="Redirect URI",
        hint="The service's own address that the provider knows; empty if users return to the app.",
        meant_by=("idp.redirectUri",),
    ),
    Field(
        name="returns",
        label="Where the app takes its users back",
        kind=Kind.LINES,
        hint="One address in a line.",
        meant_by=("idp.returns",),
    ),
    Field(
        name="scopes",
        label="Scopes",
        kind=Kind.LINES,
        hint="One in a line; openid is among them.",
        required=True,
        meant_by=("idp.scopes",),
    ),
    Field(
        name="algorithms",
        label="Algorithms of its tokens",
        kind=Kind.LINES,
        hint="One in a line, such as RS256.",
        required=True,
        meant_by=("idp.algorithms",),
    ),
    Field(
        name="account_claim",
        label="Claim that is the account's id",
        hint="By default sub. Accounts that exist keep their ids.",
        required=True,
        meant_by=("idp.accountClaim",),
    ),
    Field(
        name="parameters",
        label="More parameters",
        kind=Kind.LINES,
        hint="One in a line, like prompt=login.",
        meant_by=("idp.parameters",),
    ),
)


def show_app_space(visit: Visit) -> Answer:
    """Show an App Space with its origins and administrators."""
    app_space = app_space_of(visit)
    origins, now = visit.tenancy.list(app_space.guid, Origin), visit.service.ports.clock.now()
    return page(
        "app_space.html",
        title=app_space.name,
        trail=app_space_trail(visit, app_space),
        notice=notice_of(visit),
        app_space=app_space,
        brand=brand_of(app_space),
        html=HTML[app_space.html],
        new_devices=NEW_DEVICES[app_space.new_devices],
        may_edit=visit.admin.role in COMPANY_ADMINS and not is_portals_own(app_space.guid),
        is_portals_own=is_portals_own(app_space.guid),
        may_see_origins=visit.admin.role in ADMINS,
        origins=origins,
        with_credential={
            origin.guid
            for origin in origins
            if any(is_live(each, now) for each in origin.credentials)
        },
        admins=admin_rows(visit, visit.tenancy.list(app_space.guid, Admin)),
    )


def _trail(visit: Visit, app_space: AppSpace) -> tuple[Step, ...]:
    return (*app_space_trail(visit, app_space), app_space_step(app_space))


def _edit(visit: Visit) -> FormPage:
    app_space = app_space_of(visit)
    return FormPage(
        title="Edit the App Space",
        intro=("What you change counts from the next call on.",),
        fields=FIELDS,
        values=member_values(app_space, FIELDS),
        button="Save",
        back=f"/app-spaces/{app_space.guid}",
        trail=_trail(visit, app_space),
    )


def _save(visit: Visit, form: FilledForm) -> Answer:
    app_space = visit.tenancy.edit_app_space(
        visit.guid("app_space"), **entered_changes(form, FIELDS)
    )
    return redirect(f"/app-spaces/{app_space.guid}", done="app-space-saved")


def _edit_brand(visit: Visit) -> FormPage:
    app_space = app_space_of(visit)
    return FormPage(
        title="Colour and logo",
        intro=(
            (
                "They help people to recognise who asks, and prove nothing: nobody signs them."
                " Anybody who knows the App Space can read the logo."
            ),
        ),
        fields=BRAND_FIELDS if app_space.logo_digest else BRAND_FIELDS[:-1],
        values=values_of(color=app_space.brand_color),
        button="Save",
        back=f"/app-spaces/{app_space.guid}",
        trail=_trail(visit, app_space),
        template="brand.html",
        context={"brand": brand_of(app_space), "app": app_preview_of(visit, app_space)},
    )


def _save_brand(visit: Visit, form: FilledForm) -> Answer:
    logo = None
    if form.value("logo"):
        try:
            logo = base64.b64decode(form.value("logo"), validate=True)
        except binascii.Error:
            raise InvalidField("logo", "not a file") from None
    if form.flag("remove_logo"):
        if logo:
            raise InvalidField("remove_logo", "Either choose a new logo, or remove it.")
        logo = b""
    try:
        app_space = visit.tenancy.edit_app_space(
            visit.guid("app_space"), brand_color=form.text("color"), logo=logo
        )
    except InvalidField as refusal:
        if refusal.field != "brandInfo.logo":
            raise
        problem = f"This file cannot be a logo ({refusal.problem}). Choose another picture."
        raise InvalidField("logo", problem) from None
    return redirect(f"/app-spaces/{app_space.guid}", done="app-space-saved")


def _edit_provider(visit: Visit) -> FormPage:
    app_space = app_space_of(visit)
    idp = _provider(app_space)
    return FormPage(
        title="Identity Provider",
        intro=(
            (
                f"Users of this App Space log in at {idp.issuer}. The issuer cannot be changed,"
                " since the accounts' ids are its own."
            ),
        ),
        fields=PROVIDER_FIELDS,
        values=values_of(
            client_id=idp.client_id,
            client_auth=idp.client_auth.value,
            redirect_uri=idp.redirect_uri,
            returns="\n".join(idp.returns),
            scopes="\n".join(idp.scopes),
            algorithms="\n".join(idp.algorithms),
            account_claim=idp.account_claim,
            parameters="\n".join(f"{name}={value}" for name, value in idp.parameters),
        ),
        button="Save",
        back=f"/app-spaces/{app_space.guid}",
        trail=_trail(visit, app_space),
    )


def _provider(app_space: AppSpace) -> IdpSettings:
    if app_space.idp is None:
        raise NotFound
    return app_space.idp


def _save_provider(visit: Visit, form: FilledForm) -> Answer:
    app_space = app_space_of(visit)
    parameters = []
    for line in form.lines("parameters"):
        name, equals, value = line.partition("=")
        if not equals or not name:
            raise InvalidField("parameters", f"not like name=value: {line}")
        parameters.append((name, value))
    idp = replace(
        _provider(app_space),
        client_id=form.text("client_id"),
        client_auth=ClientAuth(form.value("client_auth")),
        redirect_uri=form.text("redirect_uri"),
        returns=form.lines("returns"),
        scopes=form.lines("scopes"),
        algorithms=form.lines("algorithms"),
        account_claim=form.text("account_claim"),
        parameters=tuple(sorted(parameters)),
    )
    visit.tenancy.edit_app_space(app_space.guid, idp=idp, idp_secret=form.value("secret") or None)
    return redirect(f"/app-spaces/{app_space.guid}", done="app-space-saved")


APP_SPACE_ROUTES = (
    Route(id="app_space.show", method="GET", path=APP_SPACE, handler=show_app_space, query=(DONE,)),
    *form_routes(
        "app_space.edit",
        f"{APP_SPACE}/edit",
        _edit,
        _save,
        fields=FIELDS,
        roles=COMPANY_ADMINS,
        stepped_up="Change an App Space",
    ),
    *form_routes(
        "app_space.brand",
        f"{APP_SPACE}/brand",
        _edit_brand,
        _save_brand,
        fields=BRAND_FIELDS,
        roles=COMPANY_ADMINS,
    ),
    *form_routes(
        "app_space.provider",
        f"{APP_SPACE}/provider",
        _edit_provider,
        _save_provider,
        fields=PROVIDER_FIELDS,
        roles=COMPANY_ADMINS,
        stepped_up="Change an Identity Provider",
    ),
)
