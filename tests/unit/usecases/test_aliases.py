"""Which accounts a provider means; the oracle is a list of log-ins that knows no store."""

import attrs
from hypothesis import given
from hypothesis import strategies as st

from counterseal import STANDARD
from counterseal._audit_context import AuditContext
from counterseal._transaction import Transactions
from counterseal.identity.decisions.revalidation import find_accounts
from counterseal.identity.usecases.revalidation import add_aliases, remove_alias
from counterseal.memory import memory_ports
from counterseal.models import Account, Alias, Change, Identity, Logout
from counterseal.models.guid import account_partition, mint
from counterseal_testing import FrozenClock

SPACES = [mint(0, bytes([number]) * 15) for number in range(2)]
ISSUERS = ["https://idp.example", "https://idp.example/"]
# Subjects, sessions and account ids are the same few words, so that they could be taken for others.
WORDS = ["zoe", "adam", '"', "\ud800"]
words = st.sampled_from(WORDS)


@attrs.frozen
class PastLogin:
    """A log-in of the past."""

    space: str
    issuer: str
    subject: str
    session: str
    account_id: str


log_ins = st.builds(
    PastLogin, st.sampled_from(SPACES), st.sampled_from(ISSUERS), words, st.just("") | words, words
)


class Ledger:
    """The accounts, as log-ins make them, and the list of who logged in."""

    def __init__(self):
        self.ports = memory_ports(clock=FrozenClock())
        self.transactions = Transactions(self.ports, STANDARD)
        self.list = []

    def log_in(self, login):
        stored_account = self.ports.store.account(login.space, login.account_id)
        if stored_account is not None and (stored_account.issuer, stored_account.subject) != (
            login.issuer,
            login.subject,
        ):
            return  # as `same_identity` has it
        account = stored_account or self._new(login)
        identity = Identity(
            issuer=login.issuer,
            subject=login.subject,
            account_id=login.account_id,
            session=login.session,
        )
        add_aliases(self.transactions, account, identity)
        self.list.append((login, account.guid))

    def _new(self, login):
        partition = account_partition(
            login.space, login.account_id.encode("utf-8", "replace").decode()
        )
        account = Account(
            guid=mint(partition, self.ports.entropy.token(15)),
            app_space=login.space,
            account_id=login.account_id,
            issuer=login.issuer,
            subject=login.subject,
            created_at=self.ports.clock.now(),
        )
        self.ports.store.commit((Change(None, account),), (), account.guid)
        return account

    def erase(self, guid):
        (account,) = self.ports.store.get(guid)
        now = self.ports.clock.now()
        blank = attrs.evolve(
            account, version=account.version + 1, subject="", account_id=guid, erased_at=now
        )
        self.ports.store.commit((Change(account, blank),), (), f"erase {guid}")
        remove_alias(self.transactions, account)
        self.list = [(login, each) for login, each in self.list if each != guid]

    def accounts(self, space, issuer, subject, session):
        until = self.ports.clock.now()
        logout = Logout(issuer=issuer, subject=subject, session=session, jti="one", until=until)
        context = AuditContext(event="identity.logout", actor="idp")
        accounts = self.transactions.act(context, find_accounts, space, logout)
        return {account.guid for account in accounts}

    def expected(self, space, issuer, subject, session):
        return {
            guid
            for login, guid in self.list
            if (login.space, login.issuer) == (space, issuer)
            and (login.subject == subject if subject else login.session == session)
        }


@given(st.lists(log_ins, max_size=10), st.integers(0, 9))
def test_a_logout_finds_whoever_logged_in_by_that_name_and_nobody_else(logins, erased):
    ledger = Ledger()
    for each in logins:
        ledger.log_in(each)
    if erased < len(ledger.list):
        ledger.erase(ledger.list[erased][1])
    for space in SPACES:
        for issuer in ISSUERS:
            for word in WORDS:
                for subject, session in ((word, ""), ("", word), (word, "zoe")):
                    logout = (space, issuer, subject, session)
                    assert ledger.accounts(*logout) == ledger.expected(*logout), logout


def test_an_alias_is_of_the_accounts_app_space_and_its_making_is_recorded():
    ledger = Ledger()
    ledger.log_in(PastLogin(SPACES[0], ISSUERS[0], "zoe", "", "adam"))
    (alias,) = [each for each in ledger.ports.store._records.values() if isinstance(each, Alias)]
    assert alias.app_space == SPACES[0]
    (account,) = alias.accounts
    assert [event.subject for event in ledger.ports.audit.events] == [account]


def test_the_removal_of_an_alias_is_recorded():
    ledger = Ledger()
    ledger.log_in(PastLogin(SPACES[0], ISSUERS[0], "zoe", "", "adam"))
    ((_, account),) = ledger.list
    ledger.erase(account)
    event = ledger.ports.audit.events[-1]
    assert (event.event, event.subject, event.reason) == ("identity.forget", account, "")
