"""The directory: administrators read companies, App Spaces, origins and administrators."""

from __future__ import annotations

from typing import TypeVar

import attrs

from counterseal._decisions import tenancy
from counterseal._decisions.plan import Plan
from counterseal._decisions.readings import records, tenancy_records_of
from counterseal._transaction import AuditContext, UseCase
from counterseal.models.guid import Guid
from counterseal.models.tenancy import (
    Admin,
    Administrator,
    AppSpace,
    Company,
    Origin,
    RelyingParty,
)
from counterseal.narrowing import EffectiveSetting

R = TypeVar("R", Company, AppSpace, Origin, Admin)
T = TypeVar("T")


@attrs.frozen
class Directory(UseCase):
    """
    The tenants of a service as one administrator reads them.

    For an `Admin`, which has authenticated, every verb can raise, besides what it names: `Foreign`
    for what is out of its reach, which looks as if it were not there; `RoleLacking` for what its
    role does not include; and `CredentialRefused` if it was revoked meanwhile.

    Args:
        by: Who administers: an `Admin`, or the operator.
    """

    by: Administrator = attrs.field(kw_only=True)

    def get(self, guid: Guid, kind: type[R]) -> R:
        """
        Return one record of tenancy.

        Raises:
            NotFound: There is none of this kind.
        """
        plan = records(guid).then(lambda stored, _: tenancy.read(stored, self.by, kind))
        return self._run("directory.get", guid, plan)

    def list(self, parent: Guid | None, kind: type[R]) -> tuple[R, ...]:
        """
        Return the tenancy records of *kind* under *parent*, oldest first.

        What an administrator may not see is left out.

        Raises:
            CredentialRefused: The administrator was revoked, or its time is over.
        """
        plan = tenancy_records_of(parent).then(
            lambda stored, _: tenancy.list_visible(stored, self.by, kind, parent)
        )
        return self._run("directory.list", parent, plan)

    def relying_party(self, origin: Guid) -> RelyingParty:
        """
        Return an origin in its App Space, for a program that needs no credential of its own.

        Raises:
            NotFound: There is no such origin.
        """
        plan = records(origin).then(lambda stored, _: tenancy.relying_party(stored, self.by))
        return self._run("directory.get", origin, plan)

    def effective_policy(
        self, app_space: Guid, origin: Guid | None
    ) -> tuple[EffectiveSetting, ...]:
        """
        Return each setting of the policy with what counts in an App Space, and why.

        Args:
            origin: An origin of it, for what counts when this one acts; None for no origin.

        Raises:
            NotFound: There is no such App Space, or no such origin in it.
        """
        guids = (app_space,) if origin is None else (app_space, origin)
        plan = records(*guids).then(lambda stored, _: tenancy.effective_policy(stored, self.by))
        return self._run("directory.get", guids[-1], plan)

    def _run(self, event: str, subject: Guid | None, plan: Plan[T]) -> T:
        context = AuditContext(event=event, actor=self.by.actor, subject=subject)
        return self._transactions.run(context, plan)
