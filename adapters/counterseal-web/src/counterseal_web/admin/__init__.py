"""Admin: the calls of administrators: those of the CX service, and for the rest of the tenancy."""

from __future__ import annotations

from counterseal_web.admin.accounts import ACCOUNT_API
from counterseal_web.admin.admins import ADMINISTRATOR_API
from counterseal_web.admin.audit import AUDIT_API
from counterseal_web.admin.companies import COMPANY_API
from counterseal_web.admin.gauges import GAUGE_API
from counterseal_web.admin.origins import ADMINISTERED_ORIGIN_API
from counterseal_web.admin.policies import POLICY_API

ADMIN_API = (
    *COMPANY_API,
    *ADMINISTERED_ORIGIN_API,
    *POLICY_API,
    *ACCOUNT_API,
    *ADMINISTRATOR_API,
    *AUDIT_API,
    *GAUGE_API,
)
