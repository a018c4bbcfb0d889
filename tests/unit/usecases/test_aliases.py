"""Which accounts a provider means; the oracle is a list of log-ins that knows no store."""

import attrs
from hypothesis import given
from hypothesis import strategies as st

from counterseal import STANDARD
from counterseal._decisions.revalidation import accounts_of
from counterseal._transaction import AuditContext, Transactions
from counterseal.memory import memory_ports
from counterseal.models import Account, Change, Identity, Logout
from counterseal.models.guid import account_partition, mint
from counterseal.testing import FrozenClock
from counterseal.usecases.revalidation import add_aliases, remove_alias

SPACES = [mint(0, bytes([number]) * 15) for number in range(2)]
ISSUERS = ["https://idp.example", "https://idp.example/"]
# Subjects, sessions and account ids are the same few words, so that they could be taken for others.
WORDS = ["zoe", "adam", '"', "\ud800"]
words = st.sampled_from(WORDS)


@attrs.frozen
class Said:
    """That a user logged in."""

    space: str
    issuer: str
    subject: str
    session: str
    account_id: str


log_ins = st.builds(
    Said, st.sampled_from(SPACES), st.sampled_from(ISSUERS), words, st.just("") | words, words
)


class Book:
    """The accounts, as log-ins make them, and the list of who logged in."""

    def __init__(self):
        self.ports = memory_ports(clock=FrozenClock())
        self.transactions = Transactions(self.ports, STANDARD)
        self.list = []

    def log_in(self, said):
        held = self.ports.store.account(said.space, said.account_id)
        if held is not None and (held.issuer, held.subject) != (said.issuer, said.subject):
            return  # as `same_identity` has it
        account = held or self._new(said)
        identity = Identity(
            issuer=said.issuer,
            subject=said.subject,
            account_id=said.account_id,
            session=said.session,
        )
        add_aliases(self.transactions, account, identity)
        self.list.append((said, account.guid))

    def _new(self, said):
        place = account_partition(said.space, said.account_id.encode("utf-8", "replace").decode())
        account = Account(
            guid=mint(place, self.ports.entropy.token(15)),
            app_space=said.space,
            account_id=said.account_id,
            issuer=said.issuer,
            subject=said.subject,
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
        self.list = [(said, each) for said, each in self.list if each != guid]

    def found(self, space, issuer, subject, session):
        until = self.ports.clock.now()
        logout = Logout(issuer=issuer, subject=subject, session=session, jti="one", until=until)
        context = AuditContext(event="identity.logout", actor="idp")
        accounts = self.transactions.run(context, accounts_of(space, logout))
        return {account.guid for account in accounts}

    def expected(self, space, issuer, subject, session):
        return {
            guid
            for said, guid in self.list
            if (said.space, said.issuer) == (space, issuer)
            and (said.subject == subject if subject else said.session == session)
        }


@given(st.lists(log_ins, max_size=10), st.integers(0, 9))
def test_a_logout_finds_whoever_logged_in_by_that_name_and_nobody_else(said, erased):
    book = Book()
    for each in said:
        book.log_in(each)
    if erased < len(book.list):
        book.erase(book.list[erased][1])
    for space in SPACES:
        for issuer in ISSUERS:
            for word in WORDS:
                for subject, session in ((word, ""), ("", word), (word, "zoe")):
                    asked = (space, issuer, subject, session)
                    assert book.found(*asked) == book.expected(*asked), asked
