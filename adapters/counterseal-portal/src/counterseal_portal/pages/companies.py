"""Companies: the tenants, with their App Spaces and administrators."""

from __future__ import annotations

from counterseal.errors import InvalidField
from counterseal.models import Admin, AppSpace, Company, IdpSettings
from counterseal_portal.answers import Answer, Step, page, redirect
from counterseal_portal.form_pages import FormPage, form_routes, values_of
from counterseal_portal.forms import Field, FilledForm, Kind
from counterseal_portal.pages.admins import admin_rows
from counterseal_portal.reach import company_trail, is_portals_own
from counterseal_portal.routes import COMPANY_ADMINS, Route
from counterseal_portal.visit import DONE, Visit, notice_of

NAME = Field(name="name", label="Name", required=True)
VERIFIED_NAME = Field(
    name="verified_name",
    label="Verified name",
    hint="At most 64 bytes, in one line. Empty means: not verified.",
    meant_by=("verifiedName",),
)
APP_SPACE_FIELDS = (
    Field(
        name="name",
        label="Name",
        hint="People read it on their device, above every question. Use the name that they know.",
        required=True,
    ),
    Field(
        name="identified_by",
        label="Who identifies the users",
        kind=Kind.CHOICE,
        options=(
            ("origin", "The origins: your site logs its users in, and says which one it asks"),
            (
                "provider",
                "An Identity Provider (OpenID Connect): a user logs in there to add a device",
            ),
        ),
        hint="This cannot be changed later; for the other, make another App Space.",
        required=True,
    ),
    Field(
        name="issuer",
        label="Issuer of the Identity Provider",
        hint="Only with an Identity Provider: its address, exactly as in its tokens.",
        meant_by=("idp.issuer",),
    ),
    Field(
        name="client_id",
        label="Client id at the Identity Provider",
        hint="Only with an Identity Provider. You set everything else of it afterwards.",
        meant_by=("idp.clientId",),
    ),
)


def list_companies(visit: Visit) -> Answer:
    """Show the companies within reach; an administrator of one company gets that one."""
    if visit.admin.company is not None:
        return redirect(f"/companies/{visit.admin.company}")
    return page(
        "companies.html",
        title="Companies",
        trail=(),
        notice=notice_of(visit),
        companies=visit.tenancy.list(None, Company),
    )


def show_company(visit: Visit) -> Answer:
    """Show a company with its App Spaces and administrators."""
    company = _company(visit)
    return page(
        "company.html",
        title=company.name,
        trail=company_trail(visit),
        notice=notice_of(visit),
        company=company,
        is_portals_own=is_portals_own(company.guid),
        may_verify=visit.admin.company is None,
        app_spaces=visit.tenancy.list(company.guid, AppSpace),
        admins=admin_rows(visit, visit.tenancy.list(company.guid, Admin)),
    )


def _company(visit: Visit) -> Company:
    return visit.tenancy.get(visit.guid("company"), Company)


def _new_company(_: Visit) -> FormPage:
    return FormPage(
        title="New company",
        intro=("A company is a tenant: its App Spaces, origins and users are apart from others'.",),
        fields=(NAME,),
        button="Create the company",
        back="/companies",
        trail=(Step("Companies", "/companies"),),
    )


def _create_company(visit: Visit, form: FilledForm) -> Answer:
    company = visit.tenancy.create_company(form.text("name"))
    return redirect(f"/companies/{company.guid}", done="company-created")


def _edit_company(visit: Visit) -> FormPage:
    company = _company(visit)
    path = f"/companies/{company.guid}"
    return FormPage(
        title="Edit the company",
        fields=(NAME,),
        values=values_of(name=company.name),
        button="Save",
        back=path,
        trail=(*company_trail(visit), Step(company.name, path)),
    )


def _save_company(visit: Visit, form: FilledForm) -> Answer:
    company = visit.tenancy.edit_company(visit.guid("company"), form.text("name"))
    return redirect(f"/companies/{company.guid}", done="company-saved")


def _verify_company(visit: Visit) -> FormPage:
    company = _company(visit)
    path = f"/companies/{company.guid}"
    return FormPage(
        title="Verify the company",
        intro=(
            "A company chooses its own name, so two can have the same.",
            "Find out who this one is, and enter that: people read it on their device.",
            "No administrator of the company can change it.",
        ),
        fields=(VERIFIED_NAME,),
        values=values_of(verified_name=company.verified_name or ""),
        button="Save",
        back=path,
        trail=(*company_trail(visit), Step(company.name, path)),
    )


def _save_verified_name(visit: Visit, form: FilledForm) -> Answer:
    verified_name = form.text("verified_name") or None
    company = visit.tenancy.verify_company(visit.guid("company"), verified_name)
    return redirect(f"/companies/{company.guid}", done="company-verified")


def _new_app_space(visit: Visit) -> FormPage:
    company = _company(visit)
    path = f"/companies/{company.guid}"
    return FormPage(
        title="New App Space",
        intro=("An App Space is one app with its users. Origins in it ask these users.",),
        fields=APP_SPACE_FIELDS,
        values=values_of(identified_by="origin"),
        button="Create the App Space",
        back=path,
        trail=(*company_trail(visit), Step(company.name, path)),
    )


def _create_app_space(visit: Visit, form: FilledForm) -> Answer:
    idp = None
    if form.value("identified_by") == "provider":
        for name in ("issuer", "client_id"):
            if not form.text(name):
                raise InvalidField(name, "This cannot be empty with an Identity Provider.")
        idp = IdpSettings(issuer=form.text("issuer"), client_id=form.text("client_id"))
    app_space = visit.tenancy.create_app_space(visit.guid("company"), form.text("name"), idp=idp)
    return redirect(f"/app-spaces/{app_space.guid}", done="app-space-created")


COMPANY = "/companies/{company}"

COMPANY_ROUTES = (
    Route(
        id="company.list",
        method="GET",
        path="/companies",
        handler=list_companies,
        query=(DONE,),
        roles=COMPANY_ADMINS,
    ),
    Route(
        id="company.show",
        method="GET",
        path=COMPANY,
        handler=show_company,
        query=(DONE,),
        roles=COMPANY_ADMINS,
    ),
    *form_routes(
        "company.create",
        "/companies/new",
        _new_company,
        _create_company,
        fields=(NAME,),
        roles=COMPANY_ADMINS,
        all_companies=True,
    ),
    *form_routes(
        "company.edit",
        f"{COMPANY}/edit",
        _edit_company,
        _save_company,
        fields=(NAME,),
        roles=COMPANY_ADMINS,
    ),
    *form_routes(
        "company.verify",
        f"{COMPANY}/verify",
        _verify_company,
        _save_verified_name,
        fields=(VERIFIED_NAME,),
        roles=COMPANY_ADMINS,
        all_companies=True,
        stepped_up="Change the verified name of a company",
    ),
    *form_routes(
        "company.create_app_space",
        f"{COMPANY}/app-spaces/new",
        _new_app_space,
        _create_app_space,
        fields=APP_SPACE_FIELDS,
        roles=COMPANY_ADMINS,
    ),
)
