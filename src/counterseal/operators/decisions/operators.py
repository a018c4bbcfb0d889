"""Operators: the App Space whose accounts are the administrators, and the portal as its origin."""

from __future__ import annotations

from counterseal._plan import AuditEntry, Decision, Records, Tools
from counterseal.models import (
    OPERATORS,
    OPERATORS_COMPANY,
    PORTAL_ORIGIN,
    AppSpace,
    Company,
    Origin,
    Record,
    RelyingParty,
    replace,
    revise,
)
from counterseal.models.passkeys import read_domain
from counterseal.tenancy.decisions.tenancy import new_origin
from counterseal.tenancy.rules.addresses import domain_fits

COMPANY_NAME = "Counterseal"
APP_SPACE_NAME = "Operators"
ORIGIN_NAME = "Portal"


def ensure_operators(stored: Records, tools: Tools, domain: str) -> Decision[RelyingParty]:
    """Decide to create what is missing of company, App Space and origin, and to list *domain*."""
    company, app_space, origin = stored
    domain = read_domain(domain, field="domain")
    writes: list[Record] = []
    audit: list[AuditEntry] = []

    def create(record: Record, event: str) -> None:
        writes.append(record)
        audit.append(AuditEntry(record.guid, event))

    if not isinstance(company, Company):
        company = Company(guid=OPERATORS_COMPANY, name=COMPANY_NAME, created_at=tools.now)
        create(company, "company.create")
    if not isinstance(app_space, AppSpace):
        app_space = AppSpace(
            guid=OPERATORS,
            company=OPERATORS_COMPANY,
            name=APP_SPACE_NAME,
            # Nobody but the portal adds a device to an administrator.
            device_invitations=False,
            created_at=tools.now,
        )
        create(app_space, "app_space.create")
    if not isinstance(origin, Origin):
        origin = new_origin(tools, app_space, PORTAL_ORIGIN, {"name": ORIGIN_NAME})
        origin = replace(origin, domains=(domain,))
        create(origin, "origin.create")
    elif domain not in origin.domains:
        domain_fits(domain, origin, field="domain")
        origin = revise(origin, domains=(*origin.domains, domain))
        create(origin, "origin.allow_callback")
    party = RelyingParty(origin=origin, app_space=app_space)
    return Decision(result=party, writes=tuple(writes), audit=tuple(audit))
