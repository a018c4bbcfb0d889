"""Tenancy: companies, App Spaces, origins and administrators are created and looked up."""

from __future__ import annotations

from typing import TypeVar

import attrs

from counterseal.decisions import Act, Decision, found, read, settle
from counterseal.errors import InvalidField
from counterseal.models import (
    Admin,
    AppSpace,
    AuditEvent,
    Change,
    Codes,
    Company,
    Guid,
    IdpSettings,
    Origin,
    RelyingParty,
)
from counterseal.models.guid import LUCK_BYTES, mint, partition_of
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.rules.addresses import entry_fits
from counterseal.rules.sizes import text_fits

R = TypeVar("R", Company, AppSpace, Origin, Admin)


@attrs.frozen
class Directory:
    """
    The tenants of a service.

    A company, its App Spaces, their origins and its administrators lie in one partition.
    """

    ports: Ports
    policy: Policy

    def create_company(self, name: str, *, actor: str = "staff") -> Company:
        """
        Create a tenant.

        Raises:
            InvalidField: The name does not fit.
            Unavailable: A port failed.
        """
        text_fits(name, self.policy.name_bytes, "name", trimmed=True)
        partition = self.ports.entropy.token(1)[0]
        company = Company(guid=self._guid(partition), name=name, created_at=self.ports.clock.now())
        return self._created(company, "company.create", actor)

    def create_app_space(
        self,
        company: Guid,
        name: str,
        *,
        idp: IdpSettings | None = None,
        brand_logo: str | None = None,
        brand_color: str | None = None,
        universal_app: bool = False,
        actor: str = "staff",
    ) -> AppSpace:
        """
        Create an App Space; *idp* None makes it `simple`.

        Raises:
            NotFound: There is no such company.
            InvalidField: A text does not fit.
            Unavailable: A port failed.
        """
        text_fits(name, self.policy.name_bytes, "name", trimmed=True)
        text_fits(brand_logo, self.policy.callback_bytes, "brandInfo.url")
        text_fits(brand_color, self.policy.name_bytes, "brandInfo.color")
        owner = read(self.ports.store, company, Company)
        app_space = AppSpace(
            guid=self._guid(partition_of(owner.guid)),
            company=owner.guid,
            name=name,
            idp=idp,
            brand_logo=brand_logo,
            brand_color=brand_color,
            universal_app=universal_app,
            created_at=self.ports.clock.now(),
        )
        return self._created(app_space, "app_space.create", actor)

    def create_origin(
        self, app_space: Guid, name: str, *, codes: Codes = Codes.TYPED, actor: str = "staff"
    ) -> Origin:
        """
        Create an origin; it has no credential yet.

        Args:
            codes: Whether `showCode` makes the person type a code, or is only echoed.

        Raises:
            NotFound: There is no such App Space.
            InvalidField: The name does not fit.
            Unavailable: A port failed.
        """
        text_fits(name, self.policy.name_bytes, "name", trimmed=True)
        owner = read(self.ports.store, app_space, AppSpace)
        origin = Origin(
            guid=self._guid(partition_of(owner.guid)),
            app_space=owner.guid,
            name=name,
            codes=codes,
            created_at=self.ports.clock.now(),
        )
        return self._created(origin, "origin.create", actor)

    def allow_callback(self, origin: Guid, entry: str, *, actor: str = "staff") -> Origin:
        """
        Put an address on an origin's callback allow-list; one that is there already stays.

        Raises:
            NotFound: There is no such origin.
            InvalidField: The entry is no plain address, or there is no room for it.
            Unavailable: A port failed.
        """
        text_fits(entry, self.policy.callback_bytes, "callbackUrl")
        entry_fits(entry, field="callbackUrl")
        act = Act(event="origin.allow_callback", actor=actor, subject=origin)

        def decide() -> Decision[Origin]:
            held = read(self.ports.store, origin, Origin)
            if entry in held.callbacks:
                return Decision(result=held)
            if len(held.callbacks) >= self.policy.callbacks_limit:
                raise InvalidField("callbackUrl", f"more than {self.policy.callbacks_limit}")
            allowed = attrs.evolve(
                held, version=held.version + 1, callbacks=(*held.callbacks, entry)
            )
            return self._changed(held, allowed, act)

        return settle(self.ports, self.policy, act, decide)

    def forbid_callback(self, origin: Guid, entry: str, *, actor: str = "staff") -> Origin:
        """
        Take an address off an origin's callback allow-list.

        Raises:
            NotFound: There is no such origin.
            InvalidField: The entry is not on the list.
            Unavailable: A port failed.
        """
        act = Act(event="origin.forbid_callback", actor=actor, subject=origin)

        def decide() -> Decision[Origin]:
            held = read(self.ports.store, origin, Origin)
            if entry not in held.callbacks:
                raise InvalidField("callbackUrl", "not on the allow-list")
            left = tuple(kept for kept in held.callbacks if kept != entry)
            return self._changed(
                held, attrs.evolve(held, version=held.version + 1, callbacks=left), act
            )

        return settle(self.ports, self.policy, act, decide)

    def relying_party(self, origin: Guid) -> RelyingParty:
        """
        Return an origin in its App Space, for a program that needs no credential of its own.

        Raises:
            NotFound: There is no such origin.
            Unavailable: The store did not answer.
        """
        held = read(self.ports.store, origin, Origin)
        return RelyingParty(origin=held, app_space=read(self.ports.store, held.app_space, AppSpace))

    def list(self, parent: Guid | None, kind: type[R]) -> tuple[R, ...]:
        """
        Return the tenancy records of *kind* under *parent*, oldest first.

        Raises:
            Unavailable: The store did not answer.
        """
        return tuple(record for record in self.ports.store.list(parent) if isinstance(record, kind))

    def _guid(self, partition: int) -> Guid:
        return mint(partition, self.ports.entropy.token(LUCK_BYTES))

    def _created(self, record: R, event: str, actor: str) -> R:
        act = Act(event=event, actor=actor, subject=record.guid)

        def decide() -> Decision[R]:
            (held,) = self.ports.store.get(record.guid)
            if held is not None:
                return Decision(result=found(held, type(record)))
            made = AuditEvent(at=record.created_at, event=event, actor=actor, subject=record.guid)
            return Decision(changes=(Change(None, record),), audit=(made,), result=record)

        return settle(self.ports, self.policy, act, decide)

    def _changed(self, old: Origin, new: Origin, act: Act) -> Decision[Origin]:
        event = AuditEvent(
            at=self.ports.clock.now(), event=act.event, actor=act.actor, subject=new.guid
        )
        return Decision(changes=(Change(old, new),), audit=(event,), result=new)
