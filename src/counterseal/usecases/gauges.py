"""Gauges for administrators: how many users, origins, challenges and callbacks there are now."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from counterseal._audit_context import AuditContext
from counterseal._decisions.audit_log import decide_reach
from counterseal._transaction import UseCase
from counterseal.models import (
    USER_GAUGES,
    Administrator,
    AdminRole,
    Gauge,
    GaugeKey,
    Guid,
    Operator,
    sum_gauges,
)


@attrs.frozen
class Gauges(UseCase):
    """How many records there are of a kind and state, as commits have counted them."""

    def read(self, *, app_space: Guid | None = None, by: Administrator) -> Mapping[GaugeKey, int]:
        """
        Return the gauges in which something counts, by App Space and origin.

        They are those of the App Spaces whose audit log the administrator may read. One of all
        companies also reads what belongs to no App Space: callbacks of an older release. User
        Support reads users and challenges only.
        A challenge counts as pending until a worker has expired it.

        Args:
            app_space: Only its gauges; None for all that *by* reaches.
            by: Who reads them.

        Raises:
            CredentialRefused: The administrator's time is over, or it was revoked.
            NotFound: There is no such App Space.
            Foreign: It is out of the administrator's reach.
            Unavailable: The store did not answer.
        """
        context = AuditContext(event="gauges.read", actor=by.actor, app_space=app_space)
        reach = self._transactions.act(context, decide_reach, by, app_space)
        gauges = self.ports.store.gauges(reach.app_spaces)
        if reach.nouns is None:
            return {key: count for key, count in gauges.items() if count}
        return {key: count for key, count in gauges.items() if count and key.gauge in USER_GAUGES}

    def totals(self, *, app_space: Guid | None = None, by: Administrator) -> Mapping[Gauge, int]:
        """
        Return the sum of each gauge that the role of *by* reads, in order; errors as of `read`.

        Args:
            app_space: Only what is in it; None for all that *by* reaches.
            by: Who reads them.
        """
        sums = sum_gauges(self.read(app_space=app_space, by=by))
        if isinstance(by, Operator) or by.role is not AdminRole.SUPPORT:
            return sums
        return {gauge: count for gauge, count in sums.items() if gauge in USER_GAUGES}
