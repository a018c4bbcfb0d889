"""Administration: companies, App Spaces and origins are created, looked up and edited."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import attrs

from counterseal import tenancy as tenancy_package
from counterseal._audit_context import AuditContext, refusals
from counterseal._plan import records
from counterseal.challenges.records import ChallengeState
from counterseal.identity.records import IdpSettings
from counterseal.models.clients import Clients, Codes, OriginRole, TokenForm
from counterseal.models.events import AccountEventKind
from counterseal.models.guid import ENTROPY_BYTES, Guid, mint, partition_of
from counterseal.tenancy.decisions import app_spaces, tenancy
from counterseal.tenancy.records import (
    AppSpace,
    CallbackType,
    Company,
    HtmlUse,
    NewDeviceRule,
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
        brand_url: str | None = None,
        brand_color: str | None = None,
        logo: bytes | None = None,
        html: HtmlUse = HtmlUse.SHOW,
        universal_app: bool = False,
    ) -> AppSpace:
        """
        Create an App Space; without *idp* it is `simple`.

        `edit_app_space` says what the arguments are.

        Raises:
            NotFound: There is no such company.
            InvalidField: A text, the colour or the logo does not fit.
        """
        guid = self._new_guid(partition_of(company))
        edit = app_spaces.AppSpaceEdit(
            name=name,
            idp=idp,
            idp_secret=idp_secret,
            brand_url=brand_url,
            brand_color=brand_color,
            logo=logo,
            html=html,
            universal_app=universal_app,
        )
        return self._decide_for(
            self.by,
            "app_space.create",
            guid,
            records(guid, company),
            app_spaces.create_app_space,
            guid,
            edit,
        )

    def create_origin(
        self,
        app_space: Guid,
        name: str,
        *,
        clients: Clients = Clients.CURRENT,
        codes: Codes | None = None,
        wildcards: bool | None = None,
        token_form: TokenForm = TokenForm.TEXT,
        role: OriginRole = OriginRole.FULL,
    ) -> Origin:
        """
        Create an origin; it has no credential yet.

        `edit_origin` says what the arguments are; what is None follows the profile of *clients*.

        Raises:
            NotFound: There is no such App Space.
            InvalidField: The name does not fit.
        """
        guid = self._new_guid(partition_of(app_space))
        edit = tenancy.OriginEdit(
            name=name,
            clients=clients,
            codes=codes,
            wildcards=wildcards,
            token_form=token_form,
            role=role,
        )
        return self._decide_for(
            self.by,
            "origin.create",
            guid,
            records(guid, app_space),
            tenancy.create_origin,
            guid,
            edit,
        )

    def ensure_tenancy(
        self,
        key: str,
        *,
        company: str,
        app_space: str,
        origin: str,
        clients: Clients | None = None,
        codes: Codes | None = None,
        wildcards: bool | None = None,
        token_form: TokenForm | None = None,
        role: OriginRole | None = None,
        callbacks: Iterable[str] | None = None,
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
        edit = tenancy.OriginEdit(
            name=origin,
            clients=clients,
            codes=codes,
            wildcards=wildcards,
            token_form=token_form,
            role=role,
        )
        draft = tenancy_package.TenancyDraft(
            company=company,
            app_space=app_space,
            origin=edit,
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
        name: str | None = None,
        idp: IdpSettings | None = None,
        idp_secret: str | None = None,
        brand_url: str | None = None,
        brand_color: str | None = None,
        logo: bytes | None = None,
        html: HtmlUse | None = None,
        universal_app: bool | None = None,
        texts: Mapping[str, str] | None = None,
        rp_id: str | None = None,
        passkey_origins: Iterable[str] | None = None,
        new_devices: NewDeviceRule | Literal[""] | None = None,
        device_invitations: bool | None = None,
        policy: Mapping[str, Any] | None = None,
    ) -> AppSpace:
        """
        Edit an App Space; what is None stays, and what is empty removes a part of the brand.

        The next call uses what is changed, also at the Identity Provider.

        Args:
            idp: Its Identity Provider, if it has one.
            idp_secret: The client's secret there, or its private key as a JWK; it is sealed, and
                never shown again. With None the client keeps its secret, unless it becomes another
                client.
            brand_url: Where a client of the Privakey CX service says that the logo is; it is
                stored and returned, and no device gets it.
            brand_color: `#RRGGBB`; devices show it beside the name.
            logo: A PNG as `counterseal.tenancy.rules.logos` says, 32 KB at most; devices show it,
                and anybody who knows the App Space can read it. No bytes remove it.
            html: Whether its origins may ask in HTML, from the next question on.
            universal_app: What a client of the Privakey CX service says; only stored and returned.
            texts: Those of `Texts` that are to change, by name; an empty one removes it.
            rp_id: The relying party id of its passkeys; by default the host of the first origin.
            passkey_origins: The web origins where passkeys are used that are bound from now on;
                none means at the policy's `passkey_origin`.
            new_devices: When a new device counts, no earlier than the policy says; an empty text
                means as the policy says.
            device_invitations: Whether its users' devices may invite others.
            policy: The settings of the policy that it narrows from now on, by their names in
                `Policy` and with values as it has them; None as a value takes one back, and what
                is not named stays. `effective_policy` says what counts.

        Raises:
            NotFound: There is no such App Space.
            InvalidField: A text, the colour or the logo does not fit, an origin is none or not
                within *rp_id*, or the provider would be another issuer: the account ids are this
                issuer's; or *new_devices* or a setting of *policy* is looser than the service's,
                does not fit, contradicts another, or is the service's alone.
            WrongKind: It is `simple`, and would get an Identity Provider.
        """
        edit = app_spaces.AppSpaceEdit(
            name=name,
            idp=idp,
            idp_secret=idp_secret,
            brand_url=brand_url,
            brand_color=brand_color,
            logo=logo,
            html=html,
            universal_app=universal_app,
            texts=texts or {},
            rp_id=rp_id,
            passkey_origins=None if passkey_origins is None else tuple(passkey_origins),
            new_devices=new_devices,
            device_invitations=device_invitations,
            policy=policy or {},
        )
        return self._decide_for(
            self.by,
            "app_space.edit",
            app_space,
            records(app_space, logo_guid(app_space)),
            app_spaces.edit_app_space,
            edit,
        )

    def edit_origin(
        self,
        origin: Guid,
        *,
        name: str | None = None,
        clients: Clients | None = None,
        codes: Codes | None = None,
        wildcards: bool | None = None,
        callback_states: Iterable[ChallengeState] | None = None,
        token_form: TokenForm | None = None,
        pending_limit: int | None = None,
        ask_limit: int | None = None,
        cooldown: bool | None = None,
        events: Iterable[AccountEventKind] | Literal[""] | None = None,
        events_url: str | None = None,
        policy: Mapping[str, Any] | None = None,
        role: OriginRole | None = None,
    ) -> Origin:
        """
        Edit an origin; what is None stays.

        Args:
            clients: For which programs it is set up. A change resets codes, wildcards and
                callback states to the new profile, unless they are given.
            codes: Whether `showCode` makes the person type a code, or is only echoed.
            wildcards: Whether entries of its allow-list with `{*}` cover anything; it counts also
                for callbacks that are queued.
            callback_states: The endings that send a callback, of challenges issued from now on.
            token_form: How its invitations give the session token.
            pending_limit: Open questions that a person may have when it asks, from 1 to 100; it
                never loosens the policy's limit.
            ask_limit: Questions in the policy's window that one person may get when it asks, from
                1 to 1000; it never loosens the policy's limit either.
            cooldown: Whether refusals begin a cool-down for it, whatever the policy says.
            events: What it hears of accounts, from now on; none of it hears nothing, and an empty
                text means as the profile of *clients* says.
            events_url: Where events are sent from now on, by an address of its allow-list; an
                empty one ends that, and the origin can still read them.
            policy: The settings of the policy that it narrows, as of `edit_app_space`.
            role: What it may do, once it is read again: an older `RelyingParty` has the old role.

        Raises:
            NotFound: There is no such origin.
            InvalidField: The name, a limit or an address does not fit, a state is no ending, or an
                origin that only asks is to hear events; or a setting of *policy* is looser than its
                App Space's, does not fit, contradicts another, or is none that an origin narrows.
            CallbackForbidden: The address for events is not on its allow-list.
            CallbackUncallable: Nothing would ever be sent to the address for events.
        """
        if events_url:
            context = AuditContext(event="origin.edit", actor=self.by.actor, subject=origin)
            with refusals(self.ports, context):
                self.ports.sender.require_callable(events_url)
        edit = tenancy.OriginEdit(
            name=name,
            clients=clients,
            codes=codes,
            wildcards=wildcards,
            callback_states=None if callback_states is None else frozenset(callback_states),
            token_form=token_form,
            pending=pending_limit,
            questions=ask_limit,
            cooldown=cooldown,
            events=events if events is None or isinstance(events, str) else frozenset(events),
            events_url=events_url,
            policy=policy or {},
            role=role,
        )
        return self._decide_for(
            self.by, "origin.edit", origin, records(origin), tenancy.edit_origin, edit
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
