"""Refusals: servers and administrators that do not show who they are, or may not."""

from __future__ import annotations

from counterseal.errors.families import Refused


class CredentialRefused(Refused):
    """The credential is unknown, wrong, revoked or out of date."""

    code = "credential_refused"
    outward = "unauthorized"


class RequestStale(Refused):
    """The signed request's time is outside the window."""

    code = "request_stale"
    outward = "unauthorized"


class RoleLacking(Refused):
    """The administrator's role does not include this."""

    code = "role_lacking"
    outward = "forbidden"
