"""AAP: the calls of agents that ask by the Agent Approval Protocol, if the settings say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterseal.errors import InvalidField
from counterseal_server.extras import require_extra
from counterseal_server.settings import Settings
from counterseal_web import Service

if TYPE_CHECKING:  # an extra
    from counterseal_aap import ApprovalProvider


def require_aap(settings: Settings) -> None:
    """
    Refuse the setting `aap` where it cannot be served.

    Raises:
        InvalidField: It is set, and the extra is not installed, or the policy demands arguments,
            which the protocol never presents.
    """
    if not settings.aap:
        return
    require_extra("aap", "counterseal_aap")
    if settings.policy.arguments_required:
        raise InvalidField("aap", "needs arguments_required = false in the policy")


def build_aap(settings: Settings, service: Service) -> ApprovalProvider | None:
    """
    Return the face, or None if it is not served.

    Raises:
        InvalidField: As `require_aap`.
    """
    if not settings.aap:
        return None
    require_aap(settings)
    from counterseal_aap import ApprovalProvider  # noqa: PLC0415 (an extra)

    return ApprovalProvider(service)
