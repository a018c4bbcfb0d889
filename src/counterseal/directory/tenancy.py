"""
Tenancy: companies, App Spaces and origins are created, looked up and edited.

One face for the whole tree, and mostly its verbs' contracts: how a record is created stands in
`creating`, how one is changed in `amending`, and what fits into it beside those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import attrs

from counterseal.authority import administrator, authorize, name_of, permit, place_of
from counterseal.decisions import Act, Decision, read, settle
from counterseal.directory.amending import amend, deed_on
from counterseal.directory.app_spaces import brand_fits, other_idp, other_texts
from counterseal.directory.creating import create
from counterseal.directory.entries import with_entry, without_address, without_entry
from counterseal.directory.origins import OriginEdit, edited_origin
from counterseal.directory.providers import provided
from counterseal.errors import Foreign, RoleLacking
from counterseal.models import (
    PROFILES,
    Admin,
    Administrator,
    AppSpace,
    CallbackType,
    ChallengeState,
    Clients,
    Codes,
    Company,
    Guid,
    IdpSettings,
    Origin,
    RelyingParty,
    TokenForm,
)
from counterseal.models.guid import ENTROPY_BYTES, mint, partition_of
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.rules.authorization import Deed, Place
from counterseal.rules.sizes import text_fits

R = TypeVar("R", Company, AppSpace, Origin, Admin)
M = TypeVar("M", Company, AppSpace, Origin)


@attrs.frozen
class Administration:
    """
    The tenants of a service.

    A company, its App Spaces, their origins and its administrators lie in one partition.

    Every verb takes *by*, who wants it: an `Admin` that has authenticated, or the operator.
    For an administrator each can raise, besides what it names: `Foreign` for what is out of its
    reach, which looks as if it were not there; `RoleLacking` for what its role does not include;
    and `CredentialRefused` if it was revoked meanwhile.
    """

    ports: Ports
    policy: Policy
    by: Administrator = attrs.field(kw_only=True)

    def create_company(self, name: str) -> Company:
        """
        Create a tenant.

        Raises:
            RoleLacking: The administrator is not one of all companies.
            InvalidField: The name does not fit.
            Unavailable: A port failed.
        """
        guid = self._guid(self.ports.entropy.token(1)[0])

        def made() -> Company:
            self._name_fits(name)
            return Company(guid=guid, name=name, created_at=self.ports.clock.now())

        return create(
            self.ports,
            self.policy,
            made,
            guid,
            event="company.create",
            by=self.by,
            deed=Deed.COMPANIES,
            owner=None,
        )

    def create_app_space(
        self,
        company: Guid,
        name: str,
        *,
        idp: IdpSettings | None = None,
        idp_secret: str | None = None,
        brand_logo: str | None = None,
        brand_color: str | None = None,
        universal_app: bool = False,
    ) -> AppSpace:
        """
        Create an App Space; *idp* None makes it `simple`.

        Args:
            company: Whose.
            name: What it is called.
            idp: Its Identity Provider.
            idp_secret: The client's secret there, or its private key as a JWK; it is sealed,
                and never shown again.
            brand_logo: Where apps find it.
            brand_color: As apps take it.
            universal_app: Whether its users have the app that all may use.

        Raises:
            NotFound: There is no such company.
            InvalidField: A text does not fit.
            Unavailable: A port failed.
        """
        guid = self._guid(partition_of(company))

        def made() -> AppSpace:
            self._name_fits(name)
            brand_fits(self.policy, brand_logo, brand_color)
            kept = None if idp is None else provided(self.ports, idp, idp_secret)
            return AppSpace(
                guid=guid,
                company=company,
                name=name,
                idp=kept,
                brand_logo=brand_logo,
                brand_color=brand_color,
                universal_app=universal_app,
                created_at=self.ports.clock.now(),
            )

        return create(
            self.ports,
            self.policy,
            made,
            guid,
            event="app_space.create",
            by=self.by,
            deed=Deed.COMPANY,
            owner=(company, Company),
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
    ) -> Origin:
        """
        Create an origin; it has no credential yet.

        Args:
            app_space: Where.
            name: What it is called.
            clients: For which programs it is set up.
            codes: Whether `showCode` makes the person type a code, or is only echoed; None leaves
                it to the profile of *clients*.
            wildcards: Whether entries of its allow-list may hold `{*}`; None leaves it to the
                profile too.
            token_form: How its invitations give the session token.

        Raises:
            NotFound: There is no such App Space.
            InvalidField: The name does not fit.
            Unavailable: A port failed.
        """
        guid = self._guid(partition_of(app_space))

        def made() -> Origin:
            self._name_fits(name)
            profile = PROFILES[clients]
            return Origin(
                guid=guid,
                app_space=app_space,
                name=name,
                codes=profile.codes if codes is None else codes,
                wildcards=profile.wildcards if wildcards is None else wildcards,
                callback_states=profile.callback_states,
                clients=clients,
                token_form=token_form,
                created_at=self.ports.clock.now(),
            )

        return create(
            self.ports,
            self.policy,
            made,
            guid,
            event="origin.create",
            by=self.by,
            deed=Deed.ORIGINS,
            owner=(app_space, AppSpace),
        )

    def edit_company(self, company: Guid, name: str) -> Company:
        """
        Give a company another name.

        Raises:
            NotFound: There is no such company.
            InvalidField: The name does not fit.
            Unavailable: A port failed.
        """

        def change(held: Company) -> Company:
            self._name_fits(name)
            return attrs.evolve(held, name=name)

        return self._edited((company, Company), "company.edit", change)

    def edit_app_space(
        self,
        app_space: Guid,
        *,
        name: str | None = None,
        idp: IdpSettings | None = None,
        idp_secret: str | None = None,
        brand_logo: str | None = None,
        brand_color: str | None = None,
        universal_app: bool | None = None,
        texts: Mapping[str, str] | None = None,
    ) -> AppSpace:
        """
        Edit an App Space; what is None stays, and an empty text takes a brand's part away.

        What is changed counts from the next call on, for the Identity Provider too.

        Args:
            app_space: Which.
            name: What it is called.
            idp: Its Identity Provider, if it has one.
            idp_secret: The client's new secret there; None keeps the one that it has, unless
                it becomes another client.
            brand_logo: Where apps find it.
            brand_color: As apps take it.
            universal_app: Whether its users have the app that all may use.
            texts: Those of `Texts` that are to change, by name; an empty one takes it away.

        Raises:
            NotFound: There is no such App Space.
            InvalidField: A text does not fit, or the provider is to be another issuer: users are
                one issuer's.
            WrongKind: It is `simple`, and would get an Identity Provider.
            Unavailable: A port failed.
        """

        def change(held: AppSpace) -> AppSpace:
            self._name_fits(name)
            brand_fits(self.policy, brand_logo or None, brand_color or None)
            return attrs.evolve(
                held,
                name=held.name if name is None else name,
                idp=held.idp if idp is None else other_idp(self.ports, held, idp, idp_secret),
                brand_logo=held.brand_logo if brand_logo is None else brand_logo or None,
                brand_color=held.brand_color if brand_color is None else brand_color or None,
                universal_app=held.universal_app if universal_app is None else universal_app,
                texts=other_texts(self.policy, held, texts or {}),
            )

        return self._edited((app_space, AppSpace), "app_space.edit", change)

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
    ) -> Origin:
        """
        Edit an origin; what is None stays.

        Args:
            origin: Which.
            name: What it is called.
            clients: For which programs it is set up. Another kind than before brings the codes,
                the wildcards and the callback states of its profile, unless they are given.
            codes: Whether `showCode` makes the person type a code, or is only echoed.
            wildcards: Whether entries of its allow-list with `{*}` cover anything; also callbacks
                that wait to be delivered are judged by it.
            callback_states: The endings that send a callback, of challenges issued from now on.
            token_form: How its invitations give the session token.
            pending_limit: Open questions that a person may have when it asks, from 1 to 100; it
                never loosens the policy's limit.
            ask_limit: Questions in the policy's window that one person may get when it asks, from
                1 to 1000; it never loosens the policy's limit either.
            cooldown: Whether refusals begin a cool-down for it, whatever the policy says.

        Raises:
            NotFound: There is no such origin.
            InvalidField: The name or a limit does not fit, or a state is no ending.
            Unavailable: A port failed.
        """
        edit = OriginEdit(
            name=name,
            clients=clients,
            codes=codes,
            wildcards=wildcards,
            callback_states=None if callback_states is None else frozenset(callback_states),
            token_form=token_form,
            pending=pending_limit,
            questions=ask_limit,
            cooldown=cooldown,
        )

        def change(held: Origin) -> Origin:
            self._name_fits(name)
            return edited_origin(held, edit)

        return self._edited((origin, Origin), "origin.edit", change)

    def allow_callback(
        self,
        origin: Guid,
        entry: str,
        *,
        kind: CallbackType = CallbackType.ADDRESS,
    ) -> Origin:
        """
        Put an entry on an origin's allow-list; one that is there already stays.

        Args:
            origin: Whose.
            entry: An address.
            kind: What the entry is; only an address is taken.

        Raises:
            NotFound: There is no such origin.
            InvalidField: The entry is a domain or no plain address, has a wildcard and the origin
                is not set to any, or there is no room for it.
            Unavailable: A port failed.
        """
        return self._edited(
            (origin, Origin),
            "origin.allow_callback",
            lambda held: with_entry(held, kind, entry, self.policy),
        )

    def forbid_callback(self, origin: Guid, entry: str) -> Origin:
        """
        Take an address off an origin's callback allow-list.

        Raises:
            NotFound: There is no such origin.
            InvalidField: The entry is not on the list.
            Unavailable: A port failed.
        """
        return self._edited(
            (origin, Origin),
            "origin.forbid_callback",
            lambda held: without_address(held, entry),
        )

    def forbid_entry(self, origin: Guid, entry: Guid) -> Origin:
        """
        Take an entry off an origin's allow-list, by its GUID: an address or a domain.

        Raises:
            NotFound: There is no such origin, or no such entry of it.
            Unavailable: A port failed.
        """
        return self._edited(
            (origin, Origin),
            "origin.forbid_callback",
            lambda held: without_entry(held, entry),
        )

    def relying_party(self, origin: Guid) -> RelyingParty:
        """
        Return an origin in its App Space, for a program that needs no credential of its own.

        Raises:
            NotFound: There is no such origin.
            Unavailable: The store did not answer.
        """
        held = read(self.ports.store, origin, Origin)
        return RelyingParty(origin=held, app_space=read(self.ports.store, held.app_space, AppSpace))

    def get(self, guid: Guid, kind: type[R]) -> R:
        """
        Return one record of tenancy.

        Raises:
            NotFound: There is none of this kind.
            Unavailable: A port failed.
        """
        act = Act(event="directory.get", actor=name_of(self.by), subject=guid)

        def decide() -> Decision[R]:
            held = read(self.ports.store, guid, kind)
            authorize(self.ports, self.by, deed_on(held, self.by, looking=True), held)
            return Decision(result=held)

        return settle(self.ports, self.policy, act, decide)

    def list(self, parent: Guid | None, kind: type[R]) -> tuple[R, ...]:
        """
        Return the tenancy records of *kind* under *parent*, oldest first.

        What an administrator may not see is left out.

        Raises:
            CredentialRefused: The administrator was revoked, or its time is over.
            Unavailable: The store did not answer.
        """
        held = self.ports.store.list(parent)
        records = tuple(record for record in held if isinstance(record, kind))
        admin = administrator(self.ports, self.by)
        if admin is None or not records:
            return records
        # Origins under one parent lie in one place; all others tell themselves where they lie.
        shared = place_of(self.ports.store, records[0]) if kind is Origin else None
        return tuple(
            record
            for record in records
            if self._sees(admin, record, shared or place_of(self.ports.store, record))
        )

    def _sees(self, admin: Admin, record: R, place: Place) -> bool:
        try:
            permit(self.ports, admin, deed_on(record, admin, looking=True), place)
        except (Foreign, RoleLacking):
            return False
        return True

    def _guid(self, partition: int) -> Guid:
        return mint(partition, self.ports.entropy.token(ENTROPY_BYTES))

    def _name_fits(self, name: str | None) -> None:
        text_fits(name, self.policy.name_bytes, "name", trimmed=True)

    def _edited(
        self,
        target: tuple[Guid, type[M]],
        event: str,
        change: Callable[[M], M],
    ) -> M:
        edited, _ = amend(
            self.ports,
            self.policy,
            target,
            event=event,
            by=self.by,
            change=lambda held: (change(held), None),
        )
        return edited
