"""
Requirements: what an origin may require of an approval, beside what is always demanded.

Each is an object whose `verify` raises a refusal of its own; `AllOf` and `AnyOf` combine them.
An origin may write its own: see `counterseal_client.approval.Requirement`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

import attrs

from counterseal_client.approval import Approval, Requirement, demand_requirements
from counterseal_client.errors import (
    AnotherAccount,
    AnotherDevice,
    CodeNotTyped,
    NoAlternativeMet,
    NotStrong,
    RequirementUnmet,
    TooSlow,
    Unfit,
    demand,
)

T = TypeVar("T")


@attrs.frozen
class StrongKey:
    """A strong key signed, even if the button does not need one."""

    def verify(self, approval: Approval) -> None:
        """Raise NotStrong if the device key alone signed."""
        if not approval.strong:
            raise NotStrong


@attrs.frozen
class MatchingCode:
    """The person typed the code that the origin showed."""

    def verify(self, approval: Approval) -> None:
        """Raise CodeNotTyped if the request had no matching code."""
        if not approval.code_typed:
            raise CodeNotTyped


@attrs.frozen
class Within:
    """
    The service accepted the answer within *time* after it issued the request.

    Raises:
        Unfit: *time* is not a `timedelta` of more than 0.
    """

    time: timedelta

    def __attrs_post_init__(self) -> None:
        demand("time", self.time, timedelta)
        if self.time <= timedelta(0):
            raise Unfit("time: not more than 0")

    def verify(self, approval: Approval) -> None:
        """Raise TooSlow if the answer came later."""
        if approval.at - approval.issued_at > self.time:
            raise TooSlow


@attrs.frozen(init=False)
class ByAccount:
    """
    One of these users approved, such as a manager, by the origin's own ids.

    Raises:
        Unfit: There is no id, or one is not a text.
    """

    account_ids: frozenset[str]

    def __init__(self, *account_ids: str) -> None:
        self.__attrs_init__(_texts("account_ids", account_ids))

    def verify(self, approval: Approval) -> None:
        """Raise AnotherAccount if another user approved."""
        if approval.account_id not in self.account_ids:
            raise AnotherAccount


@attrs.frozen(init=False)
class ByDevice:
    """
    One of these devices signed, by their GUIDs, as `Client.devices` returns them.

    Raises:
        Unfit: There is no GUID, or one is not a text.
    """

    devices: frozenset[str]

    def __init__(self, *devices: str) -> None:
        self.__attrs_init__(_texts("devices", devices))

    def verify(self, approval: Approval) -> None:
        """Raise AnotherDevice if another device signed."""
        if approval.device not in self.devices:
            raise AnotherDevice


@attrs.frozen(init=False)
class AllOf:
    """
    All of these requirements, in this order.

    Raises:
        Unfit: There is none, or one has no `verify`.
    """

    requirements: tuple[Requirement, ...]

    def __init__(self, *requirements: Requirement) -> None:
        self.__attrs_init__(_one_or_more("requirements", demand_requirements(requirements)))

    def verify(self, approval: Approval) -> None:
        """Raise the refusal of the first requirement that is not met."""
        for requirement in self.requirements:
            requirement.verify(approval)


@attrs.frozen(init=False)
class AnyOf:
    """
    At least one of these requirements.

    Raises:
        Unfit: There is none, or one has no `verify`.
    """

    requirements: tuple[Requirement, ...]

    def __init__(self, *requirements: Requirement) -> None:
        self.__attrs_init__(_one_or_more("requirements", demand_requirements(requirements)))

    def verify(self, approval: Approval) -> None:
        """Raise NoAlternativeMet, which has the refusal of each, if none is met."""
        refusals: list[RequirementUnmet] = []
        for requirement in self.requirements:
            try:
                requirement.verify(approval)
            except RequirementUnmet as refusal:
                refusals.append(refusal)
            else:
                return
        raise NoAlternativeMet(tuple(refusals))


def _texts(name: str, texts: tuple[str, ...]) -> frozenset[str]:
    for text in texts:
        demand(name, text, str)
    return frozenset(_one_or_more(name, texts))


def _one_or_more(name: str, values: tuple[T, ...]) -> tuple[T, ...]:
    # An empty list would be met by every approval or by none; nobody can want either.
    if not values:
        raise Unfit(f"{name}: none is given")
    return values
