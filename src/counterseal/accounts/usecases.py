"""Accounts: look up, lock, revoke and erase the users of an App Space."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar, TypeVar

import attrs

from counterseal._audit_context import AuditContext, refusals
from counterseal._input_limits import text_fits
from counterseal._plan import (
    Decision,
    DecisionCoroutine,
    Queries,
    Reading,
    Records,
    Tools,
    account_of,
    records,
)
from counterseal._transaction import UseCase
from counterseal.accounts.decisions import account_search, accounts
from counterseal.accounts.decisions.account_search import (
    PART_LENGTH,
    AccountPage,
    AccountSearch,
)
from counterseal.accounts.rules import identified_by_origin
from counterseal.errors import Unavailable
from counterseal.identity.usecases.revalidation import remove_alias, revoke_grant
from counterseal.models import Account, Administrator, Binding, Guid, RelyingParty
from counterseal.models.guid import SHAPE
from counterseal.tenancy.rules.authorization import OriginPermission, Permission

R = TypeVar("R")

_GUID = re.compile(SHAPE)


@attrs.frozen
class Accounts(UseCase):
    """
    The users of an App Space.

    Each verb that takes *by*, who acts, can raise:

    - CredentialRefused: the administrator's time is over, or it was revoked;
    - Foreign: the account is out of the administrator's reach.

    Each that takes the id of an account raises InvalidField if it does not fit.

    Attributes:
        part_length: The fewest characters that `search_part` searches for.
    """

    part_length: ClassVar[int] = PART_LENGTH

    def get(self, party: RelyingParty, account_id: str) -> Account:
        """
        Return the account that the origin knows by *account_id*.

        Raises:
            AccountUnknown: The App Space has none.
        """
        context = self._permit(party, OriginPermission.USERS, "account.get")
        self._demand_fit(context, account_id)
        first = account_of(party.app_space.guid, account_id)
        return self._transactions.transact(context, first, accounts.get)

    def get_by_guid(self, party: RelyingParty, account: Guid) -> Account:
        """
        Return the account with this GUID.

        Raises:
            NotFound: There is no such account.
            Foreign: It belongs to another App Space than the origin's.
        """
        context = self._permit(party, OriginPermission.USERS, "account.get", account)
        return self._transactions.transact(
            context, records(account), accounts.get_by_guid, party.origin
        )

    def list_devices(self, party: RelyingParty, account_id: str) -> tuple[Binding, ...]:
        """
        Return every device that the account ever had, and its open invitations, oldest first.

        An invitation that expired or was revoked is not among them.
        There are none for a user who has never been invited.

        Raises:
            InvalidField: *account_id* does not fit.
        """
        context = self._permit(party, OriginPermission.USERS, "account.devices")
        self._demand_fit(context, account_id)
        first = account_of(party.app_space.guid, account_id)
        return self._transactions.transact(context, first, accounts.list_devices)

    def has_device(self, party: RelyingParty, account_id: str) -> bool:
        """
        Tell whether the user has a device that can be asked, so need not be invited first.

        It is False for a user who has never been invited. A locked account may have a device.

        Raises:
            InvalidField: *account_id* does not fit.
        """
        context = self._permit(party, OriginPermission.USERS, "account.devices")
        self._demand_fit(context, account_id)
        first = account_of(party.app_space.guid, account_id)
        return self._transactions.transact(context, first, accounts.has_device)

    def revoke(self, party: RelyingParty, account_id: str) -> Account:
        """
        Revoke all devices of an account and its open invitations, in one commit.

        What the account is asked stays until its deadline, and nobody can answer it.
        The origin may invite the user again.

        Raises:
            AccountUnknown: The App Space has no such account.
            WrongKind: An Identity Provider identifies the users of this App Space.
        """
        context = self._permit(party, OriginPermission.USERS, "account.revoke")
        with refusals(self.ports, context):
            identified_by_origin(party.app_space)
        self._demand_fit(context, account_id)
        first = account_of(party.app_space.guid, account_id)
        return self._transactions.transact(context, first, accounts.revoke)

    def find(self, app_space: Guid, account_id: str, *, by: Administrator) -> Account:
        """
        Return the account that an App Space knows by *account_id*, for support staff.

        Raises:
            NotFound: There is no such App Space.
            AccountUnknown: It has no such account.
        """
        context = AuditContext(
            event="account.find", actor=by.actor, subject=app_space, app_space=app_space
        )
        return self._transactions.transact(
            context, records(app_space), accounts.find, by, account_id
        )

    def search(
        self,
        app_space: Guid,
        prefix: str,
        *,
        after: str | None = None,
        limit: int = 100,
        by: Administrator,
    ) -> AccountPage:
        """
        Return accounts of an App Space whose account id begins with *prefix*, for support staff.

        They are in the order of the UTF-8 bytes of their ids; erased ones are left out.
        A page takes as long in a large App Space as in a small one.

        Args:
            app_space: Whose accounts.
            prefix: The beginning of an account id, compared exactly; "" for all. If it is the
                whole GUID of an account of the App Space, that account comes first.
            after: `after` of the page before; None for the first page.
            limit: The most accounts of the page.
            by: Who searches.

        Raises:
            InvalidField: *prefix*, *after* or *limit* does not fit.
            NotFound: There is no such App Space.
        """
        query = AccountSearch(text=prefix, after=after, limit=limit)
        first = _app_space_and_account(app_space, prefix)
        return self._decide_for(
            by, "account.search", app_space, first, account_search.search, query
        )

    @property
    def finds_parts(self) -> bool:
        """Whether `search_part` finds any part of an id: the store has `PartSearch`."""
        return getattr(self.ports.store, Queries.search_part.__name__, None) is not None

    def search_part(
        self,
        app_space: Guid,
        part: str,
        *,
        after: str | None = None,
        limit: int = 100,
        by: Administrator,
    ) -> AccountPage:
        """
        Return accounts of an App Space whose account id contains *part*, for support staff.

        Upper and lower case are alike. The account whose id, or whole GUID, is *part* comes first,
        and the others follow, the oldest first; erased ones are left out.
        Where the store cannot find parts, these are the accounts that `search` returns.

        Args:
            app_space: Whose accounts.
            part: At least three characters of an account id.
            after: `after` of the page before; None for the first page.
            limit: The most accounts of the page.
            by: Who searches.

        Raises:
            InvalidField: *part*, *after* or *limit* does not fit.
            NotFound: There is no such App Space.
        """
        query = AccountSearch(text=part, after=after, limit=limit)
        first = _app_space_and_account(app_space, part)
        finds_parts = self.finds_parts
        return self._decide_for(
            by,
            "account.search",
            app_space,
            first,
            account_search.search_part,
            query,
            finds_parts=finds_parts,
        )

    def get_with_devices(
        self, account: Guid, *, by: Administrator
    ) -> tuple[Account, tuple[Binding, ...]]:
        """
        Return an account and every binding that it ever had, oldest first, for support staff.

        Raises:
            NotFound: There is no such account.
        """
        return self._administer(
            "account.read", Permission.USERS, account, by, accounts.get_with_devices
        )

    def lock(self, account: Guid, *, by: Administrator) -> Account:
        """
        Lock an account: it is neither asked nor answers, and no device binds.

        Raises:
            NotFound: There is no such account.
        """
        return self._administer("account.lock", Permission.USERS, account, by, accounts.lock)

    def unlock(self, account: Guid, *, by: Administrator) -> Account:
        """
        Unlock an account, and forget its wrong codes.

        Raises:
            NotFound: There is no such account.
        """
        return self._administer("account.unlock", Permission.USERS, account, by, accounts.unlock)

    def revoke_all(self, account: Guid, *, by: Administrator) -> Account:
        """
        Revoke all devices of an account and its open invitations, for support staff.

        Raises:
            NotFound: There is no such account.
            RoleLacking: It is User Support, and an Identity Provider identifies the users.
        """
        return self._administer(
            "account.revoke", Permission.REMOVE_USERS, account, by, accounts.revoke
        )

    def erase(self, account: Guid, *, by: Administrator) -> Account:
        """
        Erase an account: its user is unknown from then on, and a new invitation creates another.

        Its devices are revoked and what it is asked is cancelled, without a callback.
        Keys, names, addresses and texts are taken out of these records at once.
        Challenges and callbacks that had ended before can no longer be read or delivered, and leave
        the store when their retention is over.
        The grant is revoked at the Identity Provider; if the provider cannot be reached,
        the grant is deleted here all the same.

        Returns:
            What is left of the account.

        Raises:
            NotFound: There is no such account, or it has been erased.
            RoleLacking: It is User Support, and an Identity Provider identifies the users.
        """
        erased_account, stored_account = self._administer(
            "account.erase", Permission.REMOVE_USERS, account, by, accounts.erase
        )
        revoke_grant(self.ports, stored_account)
        with suppress(Unavailable):
            # An alias that stays names nobody: a hash, and the GUID of an account that was.
            remove_alias(self._transactions, stored_account)
        return erased_account

    def _demand_fit(self, context: AuditContext, account_id: str) -> None:
        with refusals(self.ports, context):
            text_fits(account_id, self.policy.account_id_bytes, "accountId")

    def _administer(
        self,
        event: str,
        permission: Permission,
        account: Guid,
        by: Administrator,
        decide: Callable[[Account, Tools], Decision[R] | DecisionCoroutine[R]],
    ) -> R:
        """Run *decide* on an account if *by* has *permission* for it."""
        return self._decide_for(
            by, event, account, records(account), accounts.administer, permission, decide
        )


def _app_space_and_account(app_space: Guid, text: str) -> Reading[Records]:
    """Read an App Space, and the record whose whole GUID *text* is, if it is one."""
    is_guid = isinstance(text, str) and _GUID.fullmatch(text)
    return records(app_space, Guid(text)) if is_guid else records(app_space)
