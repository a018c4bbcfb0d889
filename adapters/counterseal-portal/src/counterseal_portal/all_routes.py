"""All routes of this package."""

from __future__ import annotations

from counterseal_portal.enrolment import ENROLMENT_ROUTES
from counterseal_portal.login import LOGIN_ROUTES
from counterseal_portal.own import OWN_ROUTES
from counterseal_portal.pages.accounts import ACCOUNT_ROUTES
from counterseal_portal.pages.admin_log_ins import ADMIN_LOG_IN_ROUTES
from counterseal_portal.pages.admins import ADMIN_ROUTES
from counterseal_portal.pages.app_spaces import APP_SPACE_ROUTES
from counterseal_portal.pages.audit import AUDIT_ROUTES
from counterseal_portal.pages.callbacks import CALLBACK_ROUTES
from counterseal_portal.pages.companies import COMPANY_ROUTES
from counterseal_portal.pages.login_tests import LOGIN_TEST_ROUTES
from counterseal_portal.pages.origin_clients import ORIGIN_CLIENT_ROUTES
from counterseal_portal.pages.origin_events import ORIGIN_EVENT_ROUTES
from counterseal_portal.pages.origin_secrets import ORIGIN_SECRET_ROUTES
from counterseal_portal.pages.origins import ORIGIN_ROUTES
from counterseal_portal.pages.overview import OVERVIEW_ROUTES
from counterseal_portal.pages.policies import POLICY_ROUTES
from counterseal_portal.routes import Route
from counterseal_portal.step_up import STEP_UP_ROUTES

LOG_IN_ROUTES: tuple[Route, ...] = (
    *LOGIN_ROUTES,
    *ENROLMENT_ROUTES,
    *STEP_UP_ROUTES,
    *OWN_ROUTES,
)
"""The log-in, and what concerns the person alone: the same for every role."""

ROLE_ROUTES: tuple[Route, ...] = (
    *OVERVIEW_ROUTES,
    *ACCOUNT_ROUTES,
    *COMPANY_ROUTES,
    *APP_SPACE_ROUTES,
    *LOGIN_TEST_ROUTES,
    *ORIGIN_ROUTES,
    *ORIGIN_SECRET_ROUTES,
    *ORIGIN_EVENT_ROUTES,
    *ORIGIN_CLIENT_ROUTES,
    *POLICY_ROUTES,
    *CALLBACK_ROUTES,
    *ADMIN_ROUTES,
    *ADMIN_LOG_IN_ROUTES,
    *AUDIT_ROUTES,
)
"""Pages and acts that depend on the person's role and reach."""

ROUTES = (*LOG_IN_ROUTES, *ROLE_ROUTES)
"""Each page and each act."""
