"""Accounts: what an origin may see of its users and take from them, and what locks one."""

from __future__ import annotations

import attrs

from counterseal.authority import authorize, name_of
from counterseal.bindings.roster import enlisted
from counterseal.bindings.strikes import ended
from counterseal.decisions import Act, Decision, read, settle
from counterseal.errors import AccountUnknown, NotFound
from counterseal.machines import BINDING, BindingEvent, step
from counterseal.models import (
    LIVING,
    Account,
    Administrator,
    AppSpace,
    AuditEvent,
    Binding,
    Change,
    Guid,
    RelyingParty,
)
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.rules.authorization import Deed
from counterseal.rules.sizes import text_fits
from counterseal.rules.standing import (
    identified_simply,
    own_app_space,
    without_dead_invitations,
)


@attrs.frozen
class Accounts:
    """The users of an App Space."""

    ports: Ports
    policy: Policy

    def get(self, party: RelyingParty, account_id: str) -> Account:
        """
        Return the account that the origin knows by *account_id*.

        Raises:
            AccountUnknown: The App Space has none.
            InvalidField: The id does not fit.
            Unavailable: A port failed.
        """
        act = Act(event="account.get", actor=party.origin.guid)
        return settle(
            self.ports,
            self.policy,
            act,
            lambda: Decision(result=self._known(party, account_id)),
        )

    def named(self, party: RelyingParty, account: Guid) -> Account:
        """
        Return the account with this GUID.

        Raises:
            NotFound: There is no such account.
            Foreign: It belongs to another App Space than the origin's.
            Unavailable: A port failed.
        """
        act = Act(event="account.get", actor=party.origin.guid, subject=account)

        def decide() -> Decision[Account]:
            held = read(self.ports.store, account, Account)
            own_app_space(party.origin, held)
            if held.erased_at is not None:
                raise NotFound
            return Decision(result=held)

        return settle(self.ports, self.policy, act, decide)

    def devices(self, party: RelyingParty, account_id: str) -> tuple[Binding, ...]:
        """
        Return every device that the account ever had, and its open invitations, oldest first.

        An invitation that expired or was revoked is not among them.

        Raises:
            AccountUnknown: The App Space has no such account.
            InvalidField: The id does not fit.
            Unavailable: A port failed.
        """
        act = Act(event="account.devices", actor=party.origin.guid)

        def decide() -> Decision[tuple[Binding, ...]]:
            account = self._known(party, account_id)
            bindings = self.ports.store.bindings(account.guid)
            return Decision(result=without_dead_invitations(bindings, self.ports.clock.now()))

        return settle(self.ports, self.policy, act, decide)

    def revoke(self, party: RelyingParty, account_id: str) -> Account:
        """
        Revoke all devices of an account and its open invitations, in one commit.

        What the account is asked stays until its deadline, and nobody can answer it.
        The origin may invite the user again.

        Raises:
            AccountUnknown: The App Space has no such account.
            WrongKind: An Identity Provider identifies the users of this App Space.
            InvalidField: The id does not fit.
            Unavailable: A port failed.
        """
        act = Act(event="account.revoke", actor=party.origin.guid)

        def decide() -> Decision[Account]:
            identified_simply(party.app_space)
            return self._revoked(act, self._known(party, account_id))

        return settle(self.ports, self.policy, act, decide)

    def find(self, app_space: Guid, account_id: str, *, by: Administrator) -> Account:
        """
        Return the account that an App Space knows by *account_id*, for support staff.

        Raises:
            NotFound: There is no such App Space.
            AccountUnknown: It has no such account.
            Foreign: It is out of the administrator's reach.
            InvalidField: The id does not fit.
            Unavailable: A port failed.
        """
        act = Act(event="account.find", actor=name_of(by), subject=app_space)

        def decide() -> Decision[Account]:
            authorize(self.ports, by, Deed.USERS, read(self.ports.store, app_space, AppSpace))
            text_fits(account_id, self.policy.account_id_bytes, "accountId")
            account = self.ports.store.account(app_space, account_id)
            if account is None:
                raise AccountUnknown
            return Decision(result=account)

        return settle(self.ports, self.policy, act, decide)

    def look(self, account: Guid, *, by: Administrator) -> tuple[Account, tuple[Binding, ...]]:
        """
        Return an account and every binding that it ever had, oldest first, for support staff.

        Raises:
            NotFound: There is no such account.
            Foreign: It is out of the administrator's reach.
            Unavailable: A port failed.
        """
        act = Act(event="account.look", actor=name_of(by), subject=account)

        def decide() -> Decision[tuple[Account, tuple[Binding, ...]]]:
            held = self._administered(account, by, Deed.USERS)
            return Decision(result=(held, self.ports.store.bindings(account)))

        return settle(self.ports, self.policy, act, decide)

    def lock(self, account: Guid, *, by: Administrator) -> Account:
        """
        Lock an account: it is neither asked nor answers, and no device binds.

        Raises:
            NotFound: There is no such account.
            Foreign: It is out of the administrator's reach.
            Unavailable: A port failed.
        """
        return self._locked(account, by, locked=True)

    def unlock(self, account: Guid, *, by: Administrator) -> Account:
        """
        Unlock an account, and forget its wrong codes.

        Raises:
            NotFound: There is no such account.
            Foreign: It is out of the administrator's reach.
            Unavailable: A port failed.
        """
        return self._locked(account, by, locked=False)

    def revoke_all(self, account: Guid, *, by: Administrator) -> Account:
        """
        Revoke all devices of an account and its open invitations, for support staff.

        Raises:
            NotFound: There is no such account.
            Foreign: It is out of the administrator's reach.
            RoleLacking: It is User Support, and an Identity Provider identifies the users.
            Unavailable: A port failed.
        """
        act = Act(event="account.revoke", actor=name_of(by), subject=account)

        def decide() -> Decision[Account]:
            return self._revoked(act, self._administered(account, by, Deed.REMOVE_USERS))

        return settle(self.ports, self.policy, act, decide)

    def _administered(self, guid: Guid, by: Administrator, deed: Deed) -> Account:
        account = read(self.ports.store, guid, Account)
        authorize(self.ports, by, deed, account)
        if account.erased_at is not None:
            raise NotFound
        return account

    def _known(self, party: RelyingParty, account_id: str) -> Account:
        text_fits(account_id, self.policy.account_id_bytes, "accountId")
        account = self.ports.store.account(party.app_space.guid, account_id)
        if account is None:
            raise AccountUnknown
        return account

    def _revoked(self, act: Act, account: Account) -> Decision[Account]:
        now = self.ports.clock.now()
        event = AuditEvent(at=now, event=act.event, actor=act.actor, subject=account.guid)
        left = attrs.evolve(account, version=account.version + 1)
        changes: list[Change] = []
        audit = [event]
        for binding in self.ports.store.bindings(account.guid):
            if binding.state not in LIVING:
                continue
            state = step(BINDING, binding.state, BindingEvent.REVOKE, None)
            revoked = ended(binding, state, now)
            changes.append(Change(binding, revoked))
            audit.append(attrs.evolve(event, event="binding.revoke", subject=binding.guid))
            left = attrs.evolve(enlisted(left, revoked, now), version=left.version)
        return Decision(changes=(*changes, Change(account, left)), audit=tuple(audit), result=left)

    def _locked(self, guid: Guid, by: Administrator, *, locked: bool) -> Account:
        event_name = "account.lock" if locked else "account.unlock"
        act = Act(event=event_name, actor=name_of(by), subject=guid)

        def decide() -> Decision[Account]:
            now = self.ports.clock.now()
            old = self._administered(guid, by, Deed.USERS)
            history = old.history if locked else attrs.evolve(old.history, wrong_codes=0)
            new = attrs.evolve(
                old,
                version=old.version + 1,
                locked_at=now if locked else None,
                history=history,
            )
            event = AuditEvent(at=now, event=act.event, actor=act.actor, subject=guid)
            return Decision(changes=(Change(old, new),), audit=(event,), result=new)

        return settle(self.ports, self.policy, act, decide)
