"""The directory: administrators read companies, App Spaces, origins and administrators."""

from __future__ import annotations

from typing import TypeVar

import attrs

from counterseal._plan import records, tenancy_records_of
from counterseal._transaction import UseCase
from counterseal.models.guid import Guid
from counterseal.narrowing import EffectiveSetting
from counterseal.tenancy.decisions import tenancy
from counterseal.tenancy.records import (
    Admin,
    Administrator,
    AppSpace,
    Company,
    Origin,
    RelyingParty,
)

R = TypeVar("R", Company, AppSpace, Origin, Admin)


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
            NotFound: *guid* is not the GUID of a record of *kind*.
        """
        return self._decide_for(self.by, "directory.get", guid, records(guid), tenancy.read, kind)

    def list(self, parent: Guid | None, kind: type[R]) -> tuple[R, ...]:
        """
        Return the tenancy records of *kind* under *parent*, oldest first.

        What an administrator may not see is left out.

        Raises:
            CredentialRefused: The administrator was revoked, or its time is over.
        """
        first = tenancy_records_of(parent)
        return self._decide_for(
            self.by, "directory.list", parent, first, tenancy.list_visible, kind, parent
        )

    def relying_party(self, origin: Guid) -> RelyingParty:
        """
        Return an origin in its App Space, for a program that needs no credential of its own.

        Raises:
            NotFound: There is no such origin.
        """
        return self._decide_for(
            self.by, "directory.get", origin, records(origin), tenancy.relying_party
        )

    def effective_policy(
        self, app_space: Guid, origin: Guid | None
    ) -> tuple[EffectiveSetting, ...]:
        """
        Return each setting of the policy with the value that applies in an App Space, and why.

        Args:
            origin: An origin of it, for the values that apply when it acts; None for no origin.

        Raises:
            NotFound: There is no such App Space, or no such origin in it.
        """
        guids = (app_space,) if origin is None else (app_space, origin)
        return self._decide_for(
            self.by, "directory.get", guids[-1], records(*guids), tenancy.effective_policy
        )
