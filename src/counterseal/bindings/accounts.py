"""Accounts: what an origin may see of its users, and what locks one."""

from __future__ import annotations

import attrs

from counterseal.decisions import Act, Decision, read, settle
from counterseal.errors import AccountUnknown
from counterseal.models import Account, AuditEvent, Binding, Change, Guid, RelyingParty
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.rules.sizes import text_fits


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

    def devices(self, party: RelyingParty, account_id: str) -> tuple[Binding, ...]:
        """
        Return every binding that the account ever had, oldest first.

        Raises:
            AccountUnknown: The App Space has no such account.
            InvalidField: The id does not fit.
            Unavailable: A port failed.
        """
        act = Act(event="account.devices", actor=party.origin.guid)

        def decide() -> Decision[tuple[Binding, ...]]:
            account = self._known(party, account_id)
            return Decision(result=self.ports.store.bindings(account.guid))

        return settle(self.ports, self.policy, act, decide)

    def lock(self, account: Guid) -> Account:
        """
        Lock an account: it is neither asked nor answers, and no device binds.

        Raises:
            NotFound: There is no such account.
            Unavailable: A port failed.
        """
        return self._locked(account, locked=True)

    def unlock(self, account: Guid) -> Account:
        """
        Unlock an account, and forget its wrong codes.

        Raises:
            NotFound: There is no such account.
            Unavailable: A port failed.
        """
        return self._locked(account, locked=False)

    def _known(self, party: RelyingParty, account_id: str) -> Account:
        text_fits(account_id, self.policy.account_id_bytes, "accountId")
        account = self.ports.store.account(party.app_space.guid, account_id)
        if account is None:
            raise AccountUnknown
        return account

    def _locked(self, guid: Guid, *, locked: bool) -> Account:
        act = Act(event="account.lock" if locked else "account.unlock", actor="staff", subject=guid)

        def decide() -> Decision[Account]:
            now = self.ports.clock.now()
            old = read(self.ports.store, guid, Account)
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
