"""Administrators: who looks after tenants and users, and how far each reaches."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import ClassVar, TypeAlias

import attrs

from counterseal.models import fields
from counterseal.models.credential import Credential
from counterseal.models.guid import Guid


class AdminRole(enum.Enum):
    """What an administrator is there for."""

    COMPANY = "company_admin"
    """A company and everything in it, or all companies."""
    APP_SPACE = "app_space_admin"
    """One App Space's origins, users and support staff."""
    SUPPORT = "user_support"
    """One App Space's users and their devices."""


@attrs.frozen(kw_only=True)
class Admin:
    """
    A credential that administers all companies, one, or one App Space.

    Attributes:
        company: The only company it reaches; None reaches all and may create more.
        app_space: The only App Space it reaches, for the roles below a company's; else None.
        ends_at: From then on it is refused; None means no end.
    """

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    company: Guid | None
    role: AdminRole = AdminRole.COMPANY
    app_space: Guid | None = None
    name: str = attrs.field(validator=fields.text)
    credentials: tuple[Credential, ...] = ()
    created_at: datetime = attrs.field(validator=fields.utc)
    ends_at: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)

    due_at: ClassVar[datetime | None] = None
    keep_until: ClassVar[datetime | None] = None

    @property
    def parent(self) -> Guid | None:
        """The App Space or the company, where there is one."""
        return self.company if self.app_space is None else self.app_space


@attrs.frozen(kw_only=True)
class Operator:
    """
    Whoever runs the service, at its own machine: nothing is out of its reach.

    Attributes:
        name: What the audit log calls it.
    """

    name: str = attrs.field(default="staff", validator=fields.text)


STAFF = Operator()
"""The operator, unless a program that embeds the service tells its people apart."""

Administrator: TypeAlias = Admin | Operator
"""Who may administer."""
