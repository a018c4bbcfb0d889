"""Records to store, of every kind, with nothing in them but what they need."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from inspect import signature
from typing import Any, TypeVar

from counterseal.accounts.records import subject_alias
from counterseal.approvals.records import action_use_guid, approved_action_guid
from counterseal.kinds import RecordKind
from counterseal.models import (
    Account,
    AccountEvent,
    AccountEventKind,
    AccountEventState,
    ActionState,
    ActionTerms,
    ActionUse,
    AddressKind,
    Admin,
    Alias,
    ApprovedAction,
    AppSpace,
    AuditEvent,
    AuthenticationState,
    Binding,
    BindingState,
    Callback,
    CallbackState,
    Challenge,
    ChallengeState,
    Company,
    EventLog,
    EventStream,
    Guid,
    LoggedEvent,
    Login,
    LogInMethod,
    LoginState,
    Logo,
    Notification,
    NotificationState,
    Occasion,
    Origin,
    PasskeyAuthentication,
    PasskeyRegistration,
    PasskeyScope,
    Record,
    RegistrationState,
    Session,
    SessionState,
    UseState,
    revise,
)
from counterseal.models.events import (
    account_event_guid,
    event_log_guid,
    event_stream_guid,
    logged_event_guid,
)
from counterseal.models.guid import ENTROPY_BYTES, account_partition, mint, partition_of
from counterseal.tenancy.records import logo_guid
from counterseal_testing.clock import START
from counterseal_testing.entropy import ScriptedEntropy

R = TypeVar("R", bound=Record)

SECOND = timedelta(seconds=1)
LATER = START + timedelta(days=400)


def next_version(record: R, **changes: Any) -> R:
    """Return the record's next version."""
    return revise(record, **changes)


def with_other_creation_time(record: R, at: datetime) -> R:
    """Return the next version of any record, with another time of its making."""
    name = "issued_at" if isinstance(record, Challenge) else "created_at"
    return next_version(record, **{name: at})


def event(reason: str = "", **changes: Any) -> AuditEvent:
    """Make an audit event, known by its reason."""
    fields: dict[str, Any] = {
        "at": START,
        "event": "challenge.answer",
        "actor": "worker",
        "reason": reason,
    }
    return AuditEvent(**fields | changes)


class RecordFactory:
    """
    Makes records that lie in the partitions in which the core would put them.

    Args:
        seed: Of their GUIDs.

    Attributes:
        space: The App Space of the accounts, which need not be stored.
    """

    def __init__(self, seed: int = 0) -> None:
        self._entropy = ScriptedEntropy(seed)
        self._count = 0
        self.space = self.guid()

    def guid(self, partition: int = 0) -> Guid:
        """Make a GUID that was not made before."""
        return mint(partition, self._entropy.token(ENTROPY_BYTES))

    def beside(self, record: Record) -> Guid:
        """Make a GUID in the partition of *record*."""
        return self.guid(partition_of(record.guid))

    def moment(self) -> datetime:
        """Return a time after every time that this returned before."""
        self._count += 1
        return START + timedelta(microseconds=self._count)

    def company(self, **changes: Any) -> Company:
        """Make a company."""
        fields: dict[str, Any] = {
            "guid": self.guid(),
            "name": "Example",
            "created_at": self.moment(),
        }
        return Company(**fields | changes)

    def app_space(self, company: Guid, **changes: Any) -> AppSpace:
        """Make an App Space."""
        fields: dict[str, Any] = {
            "guid": self.guid(),
            "name": "Example",
            "created_at": self.moment(),
        }
        return AppSpace(company=company, **fields | changes)

    def logo(self, app_space: Guid, **changes: Any) -> Logo:
        """Make the logo of an App Space, in its partition."""
        fields: dict[str, Any] = {
            "guid": logo_guid(app_space),
            "png": b"",
            "created_at": self.moment(),
        }
        return Logo(app_space=app_space, **fields | changes)

    def origin(self, app_space: Guid, **changes: Any) -> Origin:
        """Make an origin."""
        fields: dict[str, Any] = {
            "guid": self.guid(),
            "name": "Example",
            "created_at": self.moment(),
        }
        return Origin(app_space=app_space, **fields | changes)

    def admin(self, company: Guid | None, **changes: Any) -> Admin:
        """Make an administrator."""
        fields: dict[str, Any] = {
            "guid": self.guid(),
            "name": "Example",
            "created_at": self.moment(),
        }
        return Admin(company=company, **fields | changes)

    def session(self, admin: Guid, **changes: Any) -> Session:
        """Make a session of an administrator, in its partition."""
        fields: dict[str, Any] = {
            "guid": self.guid(partition_of(admin)),
            "state": SessionState.ACTIVE,
            "secret_hash": b"",
            "method": LogInMethod.PASSKEY,
            "created_at": self.moment(),
            "deadline": START,
            "keep_until": LATER,
        }
        return Session(admin=admin, **fields | changes)

    def account(
        self, account_id: str = "zoe", *, app_space: Guid | None = None, **changes: Any
    ) -> Account:
        """Make an account."""
        space = self.space if app_space is None else app_space
        guid = self.guid(account_partition(space, account_id))
        fields: dict[str, Any] = {"guid": guid, "created_at": self.moment()}
        return Account(app_space=space, account_id=account_id, **fields | changes)

    def neighbours(self, count: int) -> list[str]:
        """Find ids of accounts that lie in one partition."""
        home = account_partition(self.space, "0")
        names = ["0"]
        number = 0
        while len(names) < count:
            number += 1
            if account_partition(self.space, str(number)) == home:
                names.append(str(number))
        return names

    def binding(self, account: Account, **changes: Any) -> Binding:
        """Make a binding of *account*, in its partition."""
        fields: dict[str, Any] = {
            "guid": self.beside(account),
            "state": BindingState.INVITED,
            "account": account.guid,
            "app_space": account.app_space,
            "origin": None,
            "token_hash": b"",
            "deadline": START,
            "created_at": self.moment(),
        }
        return Binding(**fields | changes)

    def challenge(self, account: Account, **changes: Any) -> Challenge:
        """Make a challenge to *account*, in its partition."""
        fields: dict[str, Any] = {
            "guid": self.beside(account),
            "state": ChallengeState.PENDING,
            "app_space": account.app_space,
            "origin": account.app_space,
            "account": account.guid,
            "display": "{}",
            "display_hash": "",
            "buttons": (),
            "issued_at": self.moment(),
            "deadline": START,
            "keep_until": LATER,
        }
        return Challenge(**fields | changes)

    def callback(self, account: Account, **changes: Any) -> Callback:
        """Make a callback about *account*, in its partition."""
        fields: dict[str, Any] = {
            "guid": self.beside(account),
            "state": CallbackState.QUEUED,
            "challenge": account.guid,
            "account": account.guid,
            "origin": account.app_space,
            "url": "https://shop.example/done",
            "next_at": START,
            "created_at": self.moment(),
            "keep_until": LATER,
        }
        return Callback(**fields | changes)

    def action(self, account: Account, **changes: Any) -> ApprovedAction:
        """Make an action that *account* has approved, in its partition."""
        challenge = changes.pop("challenge", account.guid)
        valid_until = changes.pop("valid_until", START)
        fields: dict[str, Any] = {
            "guid": approved_action_guid(challenge),
            "state": ActionState.APPROVED,
            "challenge": challenge,
            "account": account.guid,
            "origin": account.app_space,
            "app_space": account.app_space,
            "device": account.guid,
            "terms": ActionTerms(
                type="tool-call", document="{}", digest="", valid_until=valid_until
            ),
            "created_at": START,
            "keep_until": LATER,
        }
        return ApprovedAction(**fields | changes)

    def use(self, account: Account, **changes: Any) -> ActionUse:
        """Make the use of an action that *account* has approved, in its partition."""
        challenge = changes.pop("challenge", account.guid)
        fields: dict[str, Any] = {
            "guid": action_use_guid(challenge),
            "state": UseState.UNKNOWN,
            "challenge": challenge,
            "account": account.guid,
            "origin": account.app_space,
            "app_space": account.app_space,
            "presented": True,
            "receipt": "",
            "created_at": START,
            "keep_until": LATER,
        }
        return ActionUse(**fields | changes)

    def notification(self, account: Account, **changes: Any) -> Notification:
        """Make a notification about *account*, in its partition."""
        fields: dict[str, Any] = {
            "guid": self.beside(account),
            "state": NotificationState.QUEUED,
            "occasion": Occasion.CHALLENGE,
            "subject": account.guid,
            "account": account.guid,
            "app_space": account.app_space,
            "kind": AddressKind.RELAY,
            "devices": (),
            "next_at": START,
            "ends_at": LATER,
            "created_at": self.moment(),
            "keep_until": LATER,
        }
        return Notification(**fields | changes)

    def registration(self, account: Account, **changes: Any) -> PasskeyRegistration:
        """Make a registration of a passkey of *account*, in its partition."""
        fields = self._ceremony(account) | {
            "state": RegistrationState.STARTED,
            "scope": PasskeyScope(rp_id="example.com", origins=("https://example.com",)),
        }
        return PasskeyRegistration(**fields | changes)

    def authentication(self, account: Account, **changes: Any) -> PasskeyAuthentication:
        """Make an authentication of *account* by a passkey, in its partition."""
        fields = self._ceremony(account) | {
            "state": AuthenticationState.STARTED,
            "rp_id": "example.com",
        }
        return PasskeyAuthentication(**fields | changes)

    def _ceremony(self, account: Account) -> dict[str, Any]:
        return {
            "guid": self.beside(account),
            "account": account.guid,
            "app_space": account.app_space,
            "origin": account.app_space,
            "nonce": b"",
            "created_at": self.moment(),
            "deadline": START,
            "keep_until": LATER,
        }

    def login(self, **changes: Any) -> Login:
        """Make a log-in."""
        fields: dict[str, Any] = {
            "guid": self.guid(),
            "state": LoginState.STARTED,
            "app_space": self.space,
            "redirect_uri": "https://service.example/idp",
            "app_return": "com.example.app:/login",
            "secret_hash": b"",
            "holder_hash": b"",
            "sealed_verifier": b"",
            "sealed_nonce": b"",
            "created_at": self.moment(),
            "deadline": START,
            "keep_until": LATER,
        }
        return Login(**fields | changes)

    def alias(self, account: Account, **changes: Any) -> Alias:
        """Make a provider's name for *account*, in a partition of its own."""
        fields: dict[str, Any] = {
            "guid": subject_alias(account.app_space, "https://idp.example", account.account_id),
            "app_space": account.app_space,
            "accounts": (account.guid,),
            "created_at": START,
        }
        return Alias(**fields | changes)

    def account_event(self, account: Account, **changes: Any) -> AccountEvent:
        """Make an event of *account*, whose GUID follows from its number."""
        fields: dict[str, Any] = {
            "guid": account_event_guid(account.guid, changes.get("number", 1)),
            "state": AccountEventState.UNPUBLISHED,
            "kind": AccountEventKind.LOCKED,
            "account": account.guid,
            "app_space": account.app_space,
            "number": 1,
            "created_at": START,
            "keep_until": LATER,
        }
        return AccountEvent(**fields | changes)

    def event_log(self, app_space: Guid, **changes: Any) -> EventLog:
        """Make the head of an App Space's log of events, in its partition."""
        fields: dict[str, Any] = {
            "guid": event_log_guid(app_space),
            "newest_end": LATER,
            "created_at": START,
        }
        return EventLog(app_space=app_space, **fields | changes)

    def event_stream(self, account: Account, **changes: Any) -> EventStream:
        """Make what the log of an App Space knows of *account*, in the App Space's partition."""
        fields: dict[str, Any] = {
            "guid": event_stream_guid(account.app_space, account.guid),
            "app_space": account.app_space,
            "account": account.guid,
            "last": 1,
            "created_at": START,
        }
        return EventStream(**fields | changes)

    def logged_event(self, account: Account, **changes: Any) -> LoggedEvent:
        """Make an entry of the log of an App Space, in its partition."""
        fields: dict[str, Any] = {
            "guid": logged_event_guid(account.app_space, changes.get("number", 1)),
            "app_space": account.app_space,
            "number": 1,
            "event": account_event_guid(account.guid, 1),
            "kind": AccountEventKind.LOCKED,
            "account": account.guid,
            "sequence": 1,
            "happened_at": START,
            "created_at": START,
            "keep_until": LATER,
        }
        return LoggedEvent(**fields | changes)

    def one_of_each(self) -> tuple[Record, ...]:
        """Make one record of each kind, with as little in it as there can be."""
        account, admin = self.account(), self.admin(None)
        records: dict[RecordKind, Record] = {RecordKind.ACCOUNT: account, RecordKind.ADMIN: admin}
        owners = {
            "account": account,
            "admin": admin.guid,
            "app_space": self.space,
            "company": self.space,
        }
        return tuple(records.get(kind) or self._make(kind, owners) for kind in RecordKind)

    def _make(self, kind: RecordKind, owners: Mapping[str, Any]) -> Record:
        # The method of a kind has its name, and its arguments are what owns the record.
        make = getattr(self, kind.name.lower())
        required = [
            parameter.name
            for parameter in signature(make).parameters.values()
            if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
            and parameter.default is parameter.empty
        ]
        record: Record = make(*(owners[name] for name in required))
        return record
