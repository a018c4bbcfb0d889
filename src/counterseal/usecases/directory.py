"""The directory: administrators read companies, App Spaces, origins and administrators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import attrs

from counterseal._decisions import tenancy
from counterseal._decisions.plan import Decision, DecisionCoroutine, Reading, Tools
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
V = TypeVar("V")
P = ParamSpec("P")


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
        return self._transact("directory.get", guid, records(guid), tenancy.read, self.by, kind)

    def list(self, parent: Guid | None, kind: type[R]) -> tuple[R, ...]:
        """
        Return the tenancy records of *kind* under *parent*, oldest first.

        What an administrator may not see is left out.

        Raises:
            CredentialRefused: The administrator was revoked, or its time is over.
        """
        first = tenancy_records_of(parent)
        return self._transact(
            "directory.list", parent, first, tenancy.list_visible, self.by, kind, parent
        )

    def relying_party(self, origin: Guid) -> RelyingParty:
        """
        Return an origin in its App Space, for a program that needs no credential of its own.

        Raises:
            NotFound: There is no such origin.
        """
        return self._transact(
            "directory.get", origin, records(origin), tenancy.relying_party, self.by
        )

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
        return self._transact(
            "directory.get", guids[-1], records(*guids), tenancy.effective_policy, self.by
        )

    def _transact(
        self,
        event: str,
        subject: Guid | None,
        first: Reading[V],
        decide: Callable[Concatenate[V, Tools, P], Decision[T] | DecisionCoroutine[T]],
        *arguments: P.args,
        **keywords: P.kwargs,
    ) -> T:
        context = AuditContext(event=event, actor=self.by.actor, subject=subject)
        return self._transactions.transact(context, first, decide, *arguments, **keywords)
