"""Look-alikes among App Spaces: what a person has to compare before a device is bound."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import attrs

from counterseal.bindings.documents.device import AccountStatus, Bond, Peeked
from counterseal.models import Guid
from counterseal.wire.lookalikes import are_alike


@attrs.frozen(kw_only=True)
class AppSpaceIdentity:
    """
    By what a person tells an App Space from others.

    Attributes:
        url: The service's address, as the device calls it.
        app_space_name: None if the service did not say.
        company_name: As the company calls itself; None if the service did not say.
        verified_name: As an operator of the service calls the company; None if it is not verified.
    """

    url: str
    app_space: Guid
    app_space_name: str | None
    company_name: str | None = None
    verified_name: str | None = None

    @classmethod
    def of(cls, url: str, reply: Peeked | Bond | AccountStatus) -> AppSpaceIdentity:
        """Return what the service at *url* says of the App Space of an invitation or a device."""
        return cls(
            url=url,
            app_space=reply.app_space,
            app_space_name=reply.app_space_name,
            company_name=reply.company_name,
            verified_name=reply.verified_name,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Its name, and those of its company."""
        names = (self.app_space_name, self.company_name, self.verified_name)
        return tuple(name for name in names if name is not None)


@attrs.frozen(kw_only=True)
class Lookalike:
    """
    An App Space that looks like an existing one.

    Attributes:
        existing: The one that a device is bound to.
        name: The name that looks like one of *existing*.
        existing_name: That name of *existing*.
    """

    existing: AppSpaceIdentity
    name: str
    existing_name: str


def find_lookalikes(
    identity: AppSpaceIdentity, existing: Iterable[AppSpaceIdentity]
) -> tuple[Lookalike, ...]:
    """
    Return which of *existing* look like *identity*, each with the first names that are alike.

    Names of App Spaces and companies are compared, each with each. What is exempt: the same App
    Space; another one of a company that the same service has verified; and the names of two
    companies, of which neither is verified, with each other, since they may be one.
    """
    return tuple(
        lookalike
        for known_identity in existing
        if not _is_same(identity, known_identity)
        for lookalike in _alike_names(identity, known_identity)[:1]
    )


def _alike_names(identity: AppSpaceIdentity, known_identity: AppSpaceIdentity) -> list[Lookalike]:
    is_verified = identity.verified_name is not None or known_identity.verified_name is not None
    return [
        Lookalike(existing=known_identity, name=name, existing_name=existing_name)
        for name, existing_name in product(identity.names, known_identity.names)
        if are_alike(name, existing_name)
        if is_verified
        or identity.app_space_name == name
        or known_identity.app_space_name == existing_name
    ]


def _is_same(identity: AppSpaceIdentity, known_identity: AppSpaceIdentity) -> bool:
    if identity.url.rstrip("/") != known_identity.url.rstrip("/"):
        return False
    is_same_company = identity.verified_name is not None and (
        identity.verified_name == known_identity.verified_name
    )
    return identity.app_space == known_identity.app_space or is_same_company
