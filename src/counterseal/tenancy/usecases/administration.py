"""Administration: companies, App Spaces and origins are created, looked up and edited."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Unpack

import attrs

from counterseal import tenancy as tenancy_package
from counterseal._audit_context import AuditContext, refusals
from counterseal._plan import records
from counterseal.identity.records import IdpSettings
from counterseal.models.editable import (
    AppSpaceChanges,
    NewAppSpace,
    NewOrigin,
    OriginChanges,
    flat_changes,
)
from counterseal.models.guid import ENTROPY_BYTES, Guid, mint, partition_of
from counterseal.tenancy.decisions import app_spaces, tenancy
from counterseal.tenancy.records import (
    AppSpace,
    CallbackType,
    Company,
    Origin,
    RelyingParty,
    logo_guid,
)
from counterseal.tenancy.usecases.directory import Directory


@attrs.frozen
class Administration(Directory):
    """
    The tenants of a service, for one administrator, who reads them as in a `Directory`.

    A company, its App Spaces, their origins and its administrators lie in one partition.

    For an `Admin`, every verb can raise what those of the `Directory` can.
    """

    def create_company(self, name: str) -> Company:
        """
        Create a tenant.

        Raises:
            RoleLacking: The administrator is not one of all companies.
            InvalidField: The name does not fit.
        """
        guid = self._new_guid(self.ports.entropy.token(1)[0])
        return self._decide_for(
            self.by, "company.create", guid, records(guid), tenancy.create_company, guid, name
        )

    def create_app_space(
        self,
        company: Guid,
        name: str,
        *,
        idp: IdpSettings | None = None,
        idp_secret: str | None = None,
        **settings: Unpack[NewAppSpace],
    ) -> AppSpace:
        """
        Create an App Space; without *idp* it is `simple`.

        `edit_app_space` says what the arguments are; *settings* are those of `NewAppSpace`.

        Raises:
            NotFound: There is no such company.
            InvalidField: A text, the colour or the logo does not fit.
        """
        guid = self._new_guid(partition_of(company))
        return self._decide_for(
            self.by,
            "app_space.create",
            guid,
            records(guid, company),
            app_spaces.create_app_space,
            guid,
            app_spaces.AppSpaceEdit(
                idp=idp,
                idp_secret=idp_secret,
                changes={"name": name} | flat_changes(settings, NewAppSpace),
            ),
        )

    def create_origin(self, app_space: Guid, name: str, **settings: Unpack[NewOrigin]) -> Origin:
        """
        Create an origin; it has no credential yet.

        *settings* are those of `NewOrigin`.

        Raises:
            NotFound: There is no such App Space.
            InvalidField: The name does not fit.
        """
        guid = self._new_guid(partition_of(app_space))
        return self._decide_for(
            self.by,
            "origin.create",
            guid,
            records(guid, app_space),
            tenancy.create_origin,
            guid,
            {"name": name} | flat_changes(settings, NewOrigin),
        )

    def ensure_tenancy(
        self,
        key: str,
        *,
        company: str,
        app_space: str,
        origin: str,
        callbacks: Iterable[str] | None = None,
        **settings: Unpack[NewOrigin],
    ) -> RelyingParty:
        """
        Return the origin of *key* in its App Space; create both, and their company, if missing.

        Every process of a program may call it at each start, at once too: the GUIDs are derived
        from *key*, so that one process creates the records, and all others read them.
        It overwrites nothing: a stored setting that differs from an argument is refused.
        An argument that is None is not compared, and is `create_origin`'s default if the origin is
        created. The App Space is `simple`.

        Args:
            key: The program's own name for this tenancy, at most as long as a name; another key
                is another tenancy.
            company, app_space, origin: Their names; users read the App Space's.
            callbacks: The addresses of its allow-list, in any order.

        Raises:
            SettingDiffers: A record is stored with another setting; `field` names the argument.
            InvalidField: The key, a name or an address does not fit.
        """
        event = "tenancy.ensure"
        with refusals(self.ports, AuditContext(event=event, actor=self.by.actor)):
            guids = tenancy_package.derive_guids(key, self.policy)
        draft = tenancy_package.TenancyDraft(
            company=company,
            app_space=app_space,
            origin=origin,
            settings=flat_changes(settings, NewOrigin),
            callbacks=None if callbacks is None else tuple(callbacks),
        )
        return self._decide_for(
            self.by, event, guids[0], records(*guids), tenancy_package.ensure_tenancy, guids, draft
        )

    def edit_company(self, company: Guid, name: str) -> Company:
        """
        Give a company another name.

        Raises:
            NotFound: There is no such company.
            InvalidField: The name does not fit.
        """
        return self._decide_for(
            self.by, "company.edit", company, records(company), tenancy.edit_company, name
        )

    def verify_company(self, company: Guid, verified_name: str | None) -> Company:
        """
        Give a company its verified name, which devices show beside the name that it has chosen.

        No administrator of a tenant can choose it. Two companies that are verified at the same
        moment may get names that look alike.

        Args:
            verified_name: Who the company is, as the operator has found out; None takes it away.

        Raises:
            NotFound: There is no such company.
            RoleLacking: The administrator is not one of all companies.
            InvalidField: The name is longer than 64 bytes, not one line of visible characters,
                or looks like the verified name of another company.
        """
        return self._decide_for(
            self.by,
            "company.verify",
            company,
            records(company),
            tenancy.verify_company,
            verified_name,
        )

    def edit_app_space(
        self,
        app_space: Guid,
        *,
        idp: IdpSettings | None = None,
        idp_secret: str | None = None,
        policy: Mapping[str, Any] | None = None,
        **changes: Unpack[AppSpaceChanges],
    ) -> AppSpace:
        """
        Edit an App Space; what is None stays, and what is empty removes a part of the brand.

        The next call uses what is changed, also at the Identity Provider. `AppSpaceChanges` says
        what else can be edited.

        Args:
            idp: Its Identity Provider, if it has one.
            idp_secret: The client's secret there, or its private key as a JWK; it is sealed, and
                never shown again. With None the client keeps its secret, unless it becomes another
                client.
            policy: The settings of the policy that it narrows from now on, by their names in
                `Policy` and with values as it has them; None as a value takes one back, and what
                is not named stays. `effective_policy` returns what applies.

        Raises:
            NotFound: There is no such App Space.
            InvalidField: A text, the colour or the logo does not fit; an entry of the passkey origins
                is not a web origin within the relying party id; the provider would have another
                issuer, whose account ids are others; or the rule for new devices or a setting of
                *policy* is looser than the service's, does not fit, contradicts another, or is the
                service's alone.
            WrongKind: It is `simple`, and would get an Identity Provider.
        """
        return self._decide_for(
            self.by,
            "app_space.edit",
            app_space,
            records(app_space, logo_guid(app_space)),
            app_spaces.edit_app_space,
            app_spaces.AppSpaceEdit(
                idp=idp,
                idp_secret=idp_secret,
                changes=flat_changes(changes, AppSpaceChanges),
                settings=policy or {},
            ),
        )

    def edit_origin(
        self,
        origin: Guid,
        *,
        policy: Mapping[str, Any] | None = None,
        **changes: Unpack[OriginChanges],
    ) -> Origin:
        """
        Edit an origin; what is None stays.

        `OriginChanges` says what else can be edited. A `RelyingParty` that was read before has the
        old role.

        Args:
            policy: The settings of the policy that it narrows, as of `edit_app_space`.

        Raises:
            NotFound: There is no such origin.
            InvalidField: The name, a limit or an address does not fit; a callback state is not a
                final state; an origin that only asks would get events; or a setting of *policy* is
                looser than its App Space's, does not fit, contradicts another, or is one that
                origins cannot narrow.
            CallbackForbidden: The address for events is not on its allow-list.
            CallbackUncallable: Nothing would ever be sent to the address for events.
        """
        events_url = changes.get("events_url")
        if events_url:
            context = AuditContext(event="origin.edit", actor=self.by.actor, subject=origin)
            with refusals(self.ports, context):
                self.ports.sender.require_callable(events_url)
        return self._decide_for(
            self.by,
            "origin.edit",
            origin,
            records(origin),
            tenancy.edit_origin,
            flat_changes(changes, OriginChanges),
            policy or {},
        )

    def allow_callback(
        self, origin: Guid, entry: str, *, kind: CallbackType = CallbackType.ADDRESS
    ) -> Origin:
        """
        Put an address or a domain on an origin's allow-list; one that is there already stays.

        A domain, such as `shop.example.com` or `https://shop.example.com`, is where passkeys of the
        origin's users are used; no callback goes there. The entry has its normal form.

        Raises:
            NotFound: There is no such origin.
            InvalidField: The entry is no plain address, or no domain; has a wildcard and the origin
                is not set to any; or there are as many entries as allowed.
        """
        return self._decide_for(
            self.by,
            "origin.allow_callback",
            origin,
            records(origin),
            tenancy.allow_callback,
            kind,
            entry,
        )

    def forbid_callback(self, origin: Guid, entry: str) -> Origin:
        """
        Take an address off an origin's callback allow-list.

        Raises:
            NotFound: There is no such origin.
            InvalidField: The address is not on the list; a domain is removed by `forbid_entry`.
        """
        return self._decide_for(
            self.by,
            "origin.forbid_callback",
            origin,
            records(origin),
            tenancy.forbid_callback,
            entry,
        )

    def forbid_entry(self, origin: Guid, entry: Guid) -> Origin:
        """
        Take an entry off an origin's allow-list, by its GUID: an address or a domain.

        Raises:
            NotFound: There is no such origin, or no such entry of it.
        """
        return self._decide_for(
            self.by, "origin.forbid_callback", origin, records(origin), tenancy.forbid_entry, entry
        )

    def _new_guid(self, partition: int) -> Guid:
        return mint(partition, self.ports.entropy.token(ENTROPY_BYTES))
