"""Companies: the calls of an administrator for companies and App Spaces."""

from __future__ import annotations

from counterseal.errors import InvalidField
from counterseal.models import Admin, AppSpace, AppSpaceChanges, Company, NewAppSpace
from counterseal.tenancy.documents import read_settings
from counterseal.wire.members import read_optional_text, read_text
from counterseal_web.admin.documents import app_space_document, company_document
from counterseal_web.admin.editable import read_changes
from counterseal_web.admin.paths import (
    COMPANIES,
    COMPANY,
    REFUSED,
    SPACE,
    SPACES,
    admin_operation,
    app_space_of,
    company_of,
    created,
)
from counterseal_web.admin.providers import read_provider
from counterseal_web.calls import Call
from counterseal_web.members import read_object
from counterseal_web.messages import Reply
from counterseal_web.service import Service

SIMPLE = "simple"
OIDC = "oidc"


def create_company(service: Service, call: Call, admin: Admin) -> Reply:
    """Create a company."""
    company = service.administration(by=admin).create_company(read_text(call.document, "name"))
    return created(call, company.guid, company_document(company))


def list_companies(service: Service, call: Call, admin: Admin) -> Reply:  # noqa: ARG001 (a handler's)
    """Return the companies that the administrator sees."""
    records = service.administration(by=admin).list(None, Company)
    return Reply(document=[company_document(each) for each in records])


def get_company(service: Service, call: Call, admin: Admin) -> Reply:
    """Return a company."""
    record = service.administration(by=admin).get(company_of(call), Company)
    return Reply(document=company_document(record))


def edit_company(service: Service, call: Call, admin: Admin) -> Reply:
    """Rename a company."""
    name = read_text(call.document, "name")
    return Reply(
        document=company_document(
            service.administration(by=admin).edit_company(company_of(call), name)
        )
    )


def verify_company(service: Service, call: Call, admin: Admin) -> Reply:
    """
    Give a company its verified name, which its own administrators cannot choose.

    Devices show it beside the company's name; an empty text takes it away. Only an administrator
    of all companies may do it.
    """
    verified_name = read_optional_text(call.document, "verifiedName")
    if verified_name is None:
        raise InvalidField("verifiedName", "missing")
    company = service.administration(by=admin).verify_company(
        company_of(call), verified_name or None
    )
    return Reply(document=company_document(company))


def create_app_space(service: Service, call: Call, admin: Admin) -> Reply:
    """Create an App Space, `simple` or, with `idpType` `oidc`, with an Identity Provider."""
    body = call.document
    kind = body.get("idpType")
    if kind not in (None, SIMPLE, OIDC):
        raise InvalidField("idpType", f"neither {SIMPLE} nor {OIDC}")
    if (kind == OIDC) is (body.get("idp") is None):
        raise InvalidField("idp", f"goes with {OIDC}")
    idp, secret = read_provider(body)
    app_space = service.administration(by=admin).create_app_space(
        company_of(call),
        read_text(body, "name"),
        idp=idp,
        idp_secret=secret,
        **read_changes(body, NewAppSpace),
    )
    return created(call, app_space.guid, app_space_document(app_space))


def list_app_spaces(service: Service, call: Call, admin: Admin) -> Reply:
    """Return the App Spaces of a company that the administrator sees."""
    records = service.administration(by=admin).list(company_of(call), AppSpace)
    return Reply(document=[app_space_document(each) for each in records])


def get_app_space(service: Service, call: Call, admin: Admin) -> Reply:
    """Return an App Space."""
    return Reply(document=app_space_document(app_space_of(service, call, admin)))


def edit_app_space(service: Service, call: Call, admin: Admin) -> Reply:
    """Edit an App Space; members that are left out change nothing, and an empty text removes."""
    body = call.document
    app_space = app_space_of(service, call, admin)
    idp, secret = read_provider(body, app_space.idp)
    edited = service.administration(by=admin).edit_app_space(
        app_space.guid,
        idp=idp,
        idp_secret=secret,
        policy=read_settings(read_object(body, "policy")),
        **read_changes(body, AppSpaceChanges),
    )
    return Reply(document=app_space_document(edited))


COMPANY_API = (
    admin_operation(
        "newCompany",
        "POST",
        f"{COMPANIES}/new",
        create_company,
        {201: "Company"},
        takes="NewCompany",
    ),
    admin_operation("getCompanies", "GET", COMPANIES, list_companies, {200: "Companies"}),
    admin_operation("getCompany", "GET", COMPANY, get_company, {200: "Company"}),
    admin_operation(
        "editCompany", "PATCH", COMPANY, edit_company, {200: "Company"}, takes="NewCompany"
    ),
    admin_operation(
        "verifyCompany",
        "POST",
        f"{COMPANY}/verifiedName",
        verify_company,
        {200: "Company"},
        takes="VerifiedName",
    ),
    admin_operation(
        "newAppSpace",
        "POST",
        f"{SPACES}/new",
        create_app_space,
        {201: "AppSpace"},
        takes="NewAppSpace",
    ),
    admin_operation("getAppSpaces", "GET", SPACES, list_app_spaces, {200: "AppSpaces"}),
    admin_operation("getAppSpace", "GET", SPACE, get_app_space, {200: "AppSpace"}),
    admin_operation(
        "editAppSpace",
        "PATCH",
        SPACE,
        edit_app_space,
        {200: "AppSpace"},
        takes="AppSpaceEdit",
        refuses=(*REFUSED, "wrong_kind"),
    ),
)
