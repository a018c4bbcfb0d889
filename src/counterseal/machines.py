"""
The machines: eleven charts, declared as data, and `step`, the only way to change a state.

A chart's class body is its table: each event on its target, with references to the rules that
guard it.
There are no callbacks, no listeners and nothing asynchronous.

- Rules that refuse are `validators`: each raises one typed error before anything moves.
- A `cond` only chooses between two targets of one event; the unconditional row stands last.
- The rows of one state and event carry the same validators, which `step` runs once.

`python-statemachine` gives the declaration, its structural validation, and an engine to compare
`step` with.
That engine takes as long as several signature checks, per decision, and an instance shared by two
threads answers wrongly; so `step` walks the rows, compiled once at import, and the tests prove
over every state, event and outcome of the rules that both agree.
The docs show the same rows.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any, Generic, TypeVar

import attrs
from statemachine import StateMachine
from statemachine.states import States

from counterseal.errors import WrongState
from counterseal.models import (
    AccountEventState,
    ActionState,
    AuthenticationState,
    BindingState,
    CallbackState,
    ChallengeState,
    LoginState,
    NotificationState,
    RegistrationState,
    SessionState,
    UseState,
)
from counterseal.rules.actions import approver_stands, arguments_match, own_action, own_use
from counterseal.rules.answering import (
    addressed_here,
    button_matches,
    caller_proved,
    chosen_device,
    code_matches,
    code_mistyped,
    codes_exhausted,
    display_matches,
    key_strong_enough,
    own_account,
    signature_holds,
    strikes_exhausted,
    strikes_left,
    strong_key_missed,
)
from counterseal.rules.ceremonies import (
    assertion_holds,
    enrolment_completed,
    own_ceremony,
    owner_unlocked,
    passkey_active,
    scope_stands,
)
from counterseal.rules.confirmations import (
    comparison_matches,
    comparison_missed,
    comparisons_exhausted,
    confirmation_matches,
    confirmation_needed,
    confirmed_strongly,
    confirmer_stands,
    endorser_active,
    invitation_allowed,
    place_for_device,
    replacement_stands,
)
from counterseal.rules.evidence import (
    keys_complete,
    keys_endorsed,
    keys_possessed,
    login_matches,
    token_matches,
)
from counterseal.rules.retries import (
    attempt_due,
    delivered,
    device_notified,
    devices_remain,
    gives_up,
    lease_current,
    nobody_to_notify,
    undelivered,
)
from counterseal.rules.sessions import (
    administrator_stands,
    proof_active,
    proof_enrols,
    proof_lost,
    proof_own,
    session_in_time,
    session_secret_matches,
)
from counterseal.rules.standing import (
    account_unlocked,
    binding_active,
    deadline_came,
    in_time,
    own_challenge,
    same_authority,
)

S = TypeVar("S", bound=enum.Enum)
E = TypeVar("E", bound=enum.Enum)


@attrs.frozen
class Row:
    """
    One row of a chart's table.

    Attributes:
        validators: Names of the rules that may refuse the event, in the order they run.
        conditions: Names of the rules that choose this row's target; none in a cell's last row.
    """

    source: str
    event: str
    target: str
    validators: tuple[str, ...]
    conditions: tuple[str, ...]


@attrs.frozen
class Cell:
    """
    The rows of one state and event, compiled.

    Attributes:
        validators: What may refuse the event, in order.
        targets: Conditions and target of each row, in order; the last has no conditions.
    """

    validators: tuple[Callable[[Any], None], ...]
    targets: tuple[tuple[tuple[Callable[[Any], bool], ...], Any], ...]


@attrs.frozen
class Chart(Generic[S, E]):
    """
    A compiled chart.

    Attributes:
        declaration: The class that declares it; the tests run it with the engine.
        initial: The state that new records have.
        cells: What `step` reads.
    """

    name: str
    declaration: type[StateMachine]
    states: type[S]
    events: type[E]
    initial: S
    cells: dict[tuple[S, E], Cell] = attrs.field(repr=False)

    @property
    def finished(self) -> frozenset[S]:
        """The states that no event leaves."""
        sources = {state for state, _ in self.cells}
        return frozenset(state for state in self.states if state not in sources)


def step(chart: Chart[S, E], state: S, event: E, facts: Any) -> S:
    """
    Decide one event: run its rules on *facts*, then return the state that follows.

    Raises:
        WrongState: The state does not allow the event.
        Refused: Whatever the event's rules refuse.
    """
    cell = chart.cells.get((state, event))
    if cell is None:
        raise WrongState(f"{event.value} of a {chart.name} that is {state.value}")
    for rule in cell.validators:
        rule(facts)
    for conditions, target in cell.targets:
        for condition in conditions:
            if not condition(facts):
                break
        else:
            return target  # type: ignore[no-any-return]
    raise WrongState(f"{event.value}: no row applies")


def table(chart: Chart[Any, Any]) -> tuple[Row, ...]:
    """Return the chart's rows in the order of declaration."""
    return tuple(
        Row(
            source=source.value,
            event=event.value,
            target=target.value,
            validators=tuple(rule.__name__ for rule in validators),
            conditions=tuple(rule.__name__ for rule in conditions),
        )
        for source, event, target, validators, conditions in _rows(chart.declaration, chart.events)
    )


def markdown(chart: Chart[Any, Any]) -> str:
    """Return the chart's table as Markdown."""
    lines = ["| state | event | next | refused by | chosen by |", "|---|---|---|---|---|"]
    for row in table(chart):
        rules = " ".join(f"`{name}`" for name in row.validators)
        conditions = " ".join(f"`{name}`" for name in row.conditions)
        lines.append(f"| {row.source} | {row.event} | {row.target} | {rules} | {conditions} |")
    return "\n".join(lines)


def mermaid(chart: Chart[Any, Any]) -> str:
    """Return the chart as a Mermaid state diagram; the rules are in the table only."""
    arrows: dict[tuple[str, str], dict[str, None]] = {}
    for row in table(chart):
        arrows.setdefault((row.source, row.target), {})[row.event] = None
    lines = ["stateDiagram-v2", f"    [*] --> {chart.initial.value}"]
    lines += [
        f"    {source} --> {target}: {', '.join(events)}"
        for (source, target), events in arrows.items()
    ]
    lines += [f"    {state.value} --> [*]" for state in chart.states if state in chart.finished]
    return "\n".join(lines)


def compiled(
    name: str, declaration: type[StateMachine], states: type[S], events: type[E]
) -> Chart[S, E]:
    """
    Compile a declared chart.

    Raises:
        TypeError: Two rows of a cell carry different validators, a row can never be reached,
            a cell has no unconditional row, a rule is not a function or stands under `unless`,
            or the states or events differ from those of *states* and *events*.
    """
    if [state.value for state in declaration.states] != list(states):
        raise TypeError(f"{name}: the chart's states are not those of {states.__name__}")
    rows: dict[tuple[S, E], list[tuple[Any, ...]]] = {}
    for source, event, target, validators, conditions in _rows(declaration, events):
        subject = f"{name}: {event.value} in {source.value}"
        if not all(map(callable, (*validators, *conditions))):
            raise TypeError(f"{subject} has a rule that is no function")
        rows.setdefault((source, event), []).append((target, validators, conditions))
    if {event for _, event in rows} != set(events):
        raise TypeError(f"{name}: the chart's events are not those of {events.__name__}")
    for (source, event), cell in rows.items():
        subject = f"{name}: {event.value} in {source.value}"
        if len({validators for _, validators, _ in cell}) != 1:
            raise TypeError(f"{subject} has rows with other validators")
        condition_sets = [frozenset(conditions) for _, _, conditions in cell]
        shadowed = any(earlier <= later for earlier, later in combinations(condition_sets, 2))
        if shadowed or condition_sets[-1]:
            raise TypeError(f"{subject} has a lost row, or no plain one")
    initial = next(state.value for state in declaration.states if state.initial)
    cells = {
        key: Cell(cell[0][1], tuple((conditions, target) for target, _, conditions in cell))
        for key, cell in rows.items()
    }
    return Chart(name, declaration, states, events, initial, cells)


def _rows(
    declaration: type[StateMachine], events: type[E]
) -> Iterator[tuple[Any, E, Any, tuple[Callable[[Any], None], ...], tuple[Any, ...]]]:
    events_by_name = {event.value: event for event in events}
    for state in declaration.states:
        for transition in state.transitions:
            if any(spec.expected_value is False for spec in transition.cond):
                raise TypeError(f"{transition}: `unless` is not walked; write a cond")
            for event in map(str, transition.events):
                if event not in events_by_name:
                    raise TypeError(f"{event}: not an event of {events.__name__}")
                yield (
                    state.value,
                    events_by_name[event],
                    transition.target.value,
                    tuple(spec.func for spec in transition.validators),
                    tuple(spec.func for spec in transition.cond),
                )


class BindingEvent(enum.Enum):
    """What can happen to a binding."""

    COMPLETE = "complete"
    CONFIRM = "confirm"
    REFUSE = "refuse"
    COMPARE = "compare"
    MISCOMPARE = "miscompare"
    REGISTER = "register"
    ROTATE = "rotate"
    SUSPEND = "suspend"
    RESUME = "resume"
    STRIKE = "strike"
    REVOKE = "revoke"
    EXPIRE = "expire"


class LoginEvent(enum.Enum):
    """What can happen to a log-in."""

    AUTHENTICATE = "authenticate"
    EXPIRE = "expire"


class RegistrationEvent(enum.Enum):
    """What can happen to a registration of a passkey."""

    REGISTER = "register"
    EXPIRE = "expire"


class AuthenticationEvent(enum.Enum):
    """What can happen to an authentication by a passkey."""

    FINISH = "finish"
    EXPIRE = "expire"


class ChallengeEvent(enum.Enum):
    """What can happen to a challenge."""

    FETCH = "fetch"
    ANSWER = "answer"
    MISTYPE = "mistype"
    DISOWN = "disown"
    CANCEL = "cancel"
    EXPIRE = "expire"


class ActionEvent(enum.Enum):
    """What can happen to an approved action."""

    CONSUME = "consume"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"


class UseEvent(enum.Enum):
    """What can happen to the use of an approved action."""

    SUCCEED = "succeed"
    FAIL = "fail"


class CallbackEvent(enum.Enum):
    """What can happen to a callback."""

    CLAIM = "claim"
    SUCCEED = "succeed"
    FAIL = "fail"
    REQUEUE = "requeue"
    DROP = "drop"


class NotificationEvent(enum.Enum):
    """What can happen to a notification."""

    CLAIM = "claim"
    PUSH = "push"
    DROP = "drop"


class SessionEvent(enum.Enum):
    """What can happen to a session of an administrator."""

    START = "start"
    REDEEM = "redeem"
    REGISTER = "register"
    ENROL = "enrol"
    USE = "use"
    STEP_UP = "step_up"
    REVOKE = "revoke"
    EXPIRE = "expire"


_OF_A_BIND = (
    token_matches,
    in_time,
    account_unlocked,
    endorser_active,
    invitation_allowed,
    keys_complete,
    keys_possessed,
    replacement_stands,
    place_for_device,
)
"""The rules of what an invited device brings."""

_OF_A_DECISION = (
    in_time,
    account_unlocked,
    confirmer_stands,
    confirmation_matches,
    confirmed_strongly,
)
"""The rules of what another device of the account decides on a new one."""

_OF_A_NEW_DEVICE = (endorser_active, invitation_allowed)
"""The rules of a new device that is to count, about the device that invited it, if one did."""

_OF_A_COMPARISON = (in_time, account_unlocked, *_OF_A_NEW_DEVICE)
"""The rules of a comparison code that an origin sends, right or wrong."""


class AccountEventEvent(enum.Enum):
    """What can happen to an account event."""

    PUBLISH = "publish"


class BindingChart(StateMachine):
    """The life of one device's keys on one account."""

    _ = States.from_enum(
        BindingState,
        initial=BindingState.INVITED,
        final=[BindingState.REVOKED, BindingState.EXPIRED],
    )
    complete = _.UNCONFIRMED.from_(
        _.INVITED,
        cond=confirmation_needed,
        validators=[*_OF_A_BIND],
    ) | _.ACTIVE.from_(
        _.INVITED,
        validators=[*_OF_A_BIND],
    )
    confirm = _.ACTIVE.from_(
        _.UNCONFIRMED, validators=[*_OF_A_DECISION, *_OF_A_NEW_DEVICE, place_for_device]
    )
    refuse = _.REVOKED.from_(_.UNCONFIRMED, validators=[*_OF_A_DECISION])
    compare = _.ACTIVE.from_(
        _.UNCONFIRMED,
        validators=[*_OF_A_COMPARISON, place_for_device, comparison_matches],
    )
    miscompare = _.REVOKED.from_(
        _.UNCONFIRMED,
        cond=comparisons_exhausted,
        validators=[*_OF_A_COMPARISON, comparison_missed],
    ) | _.UNCONFIRMED.from_(_.UNCONFIRMED, validators=[*_OF_A_COMPARISON, comparison_missed])
    register = _.ACTIVE.from_(_.INVITED, validators=[own_ceremony, in_time, owner_unlocked])
    rotate = _.ACTIVE.from_(
        _.ACTIVE,
        validators=[account_unlocked, keys_complete, caller_proved, keys_possessed, keys_endorsed],
    )
    suspend = _.SUSPENDED.from_(_.ACTIVE)
    resume = _.ACTIVE.from_(_.SUSPENDED, validators=[same_authority])
    strike = _.REVOKED.from_(
        _.ACTIVE, cond=strikes_exhausted, validators=[caller_proved, strong_key_missed]
    ) | _.ACTIVE.from_(_.ACTIVE, validators=[caller_proved, strong_key_missed])
    revoke = _.REVOKED.from_(_.INVITED, _.UNCONFIRMED, _.ACTIVE, _.SUSPENDED)
    expire = _.EXPIRED.from_(_.INVITED, _.UNCONFIRMED, validators=[deadline_came])


class LoginChart(StateMachine):
    """One attempt to learn from an Identity Provider who the user is."""

    _ = States.from_enum(
        LoginState, initial=LoginState.STARTED, final=[LoginState.USED, LoginState.EXPIRED]
    )
    authenticate = _.USED.from_(_.STARTED, validators=[login_matches, in_time])
    expire = _.EXPIRED.from_(_.STARTED, validators=[deadline_came])


class RegistrationChart(StateMachine):
    """One registration of a passkey by a browser, for an origin."""

    _ = States.from_enum(
        RegistrationState,
        initial=RegistrationState.STARTED,
        final=[RegistrationState.REGISTERED, RegistrationState.EXPIRED],
    )
    register = _.REGISTERED.from_(
        _.STARTED, validators=[own_ceremony, in_time, owner_unlocked, scope_stands]
    )
    expire = _.EXPIRED.from_(_.STARTED, validators=[deadline_came])


class AuthenticationChart(StateMachine):
    """One authentication by a passkey in a browser, for an origin; it approves nothing."""

    _ = States.from_enum(
        AuthenticationState,
        initial=AuthenticationState.STARTED,
        final=[AuthenticationState.AUTHENTICATED, AuthenticationState.EXPIRED],
    )
    finish = _.AUTHENTICATED.from_(
        _.STARTED,
        validators=[
            *(own_ceremony, in_time, owner_unlocked, passkey_active, enrolment_completed),
            assertion_holds,
        ],
    )
    expire = _.EXPIRED.from_(_.STARTED, validators=[deadline_came])


_OF_A_DEVICE = (
    in_time,
    account_unlocked,
    binding_active,
    own_account,
    chosen_device,
    caller_proved,
)
"""The rules of every event of a challenge that a device sends."""

_OF_AN_ANSWER = (
    strikes_left,
    addressed_here,
    display_matches,
    button_matches,
    key_strong_enough,
    signature_holds,
)
"""The rules of an answer, whether its matching code is right or wrong."""


class ChallengeChart(StateMachine):
    """One question to one account, answered at most once."""

    _ = States.from_enum(
        ChallengeState,
        initial=ChallengeState.PENDING,
        final=[
            ChallengeState.ANSWERED,
            ChallengeState.DISOWNED,
            ChallengeState.CANCELLED,
            ChallengeState.FAILED,
            ChallengeState.EXPIRED,
        ],
    )
    fetch = _.SEEN.from_(_.PENDING, _.SEEN, validators=[*_OF_A_DEVICE])
    answer = _.ANSWERED.from_(
        _.PENDING, _.SEEN, validators=[*_OF_A_DEVICE, *_OF_AN_ANSWER, code_matches]
    )
    mistype = (
        _.FAILED.from_(
            _.PENDING,
            _.SEEN,
            cond=codes_exhausted,
            validators=[*_OF_A_DEVICE, *_OF_AN_ANSWER, code_mistyped],
        )
        | _.PENDING.from_(_.PENDING, validators=[*_OF_A_DEVICE, *_OF_AN_ANSWER, code_mistyped])
        | _.SEEN.from_(_.SEEN, validators=[*_OF_A_DEVICE, *_OF_AN_ANSWER, code_mistyped])
    )
    disown = _.DISOWNED.from_(
        _.PENDING,
        _.SEEN,
        validators=[*_OF_A_DEVICE, addressed_here, display_matches, signature_holds],
    )
    cancel = _.CANCELLED.from_(_.PENDING, _.SEEN, validators=[own_challenge, in_time])
    expire = _.EXPIRED.from_(_.PENDING, _.SEEN, validators=[deadline_came])


class ActionChart(StateMachine):
    """What a person has approved, until it is used once, withdrawn, or too old."""

    _ = States.from_enum(
        ActionState,
        initial=ActionState.APPROVED,
        final=[ActionState.USED, ActionState.WITHDRAWN, ActionState.EXPIRED],
    )
    consume = _.USED.from_(
        _.APPROVED,
        validators=[own_action, in_time, account_unlocked, approver_stands, arguments_match],
    )
    withdraw = _.WITHDRAWN.from_(_.APPROVED, validators=[own_action, in_time])
    expire = _.EXPIRED.from_(_.APPROVED, validators=[deadline_came])


class UseChart(StateMachine):
    """The use of an approved action, until its origin reports what came of it."""

    _ = States.from_enum(
        UseState, initial=UseState.UNKNOWN, final=[UseState.EXECUTED, UseState.FAILED]
    )
    succeed = _.EXECUTED.from_(_.UNKNOWN, validators=[own_use])
    fail = _.FAILED.from_(_.UNKNOWN, validators=[own_use])


class CallbackChart(StateMachine):
    """The delivery of a finished challenge to the origin's URL."""

    _ = States.from_enum(
        CallbackState,
        initial=CallbackState.QUEUED,
        final=[CallbackState.DELIVERED, CallbackState.DROPPED],
    )
    claim = _.QUEUED.from_(_.QUEUED, validators=[attempt_due])
    succeed = _.DELIVERED.from_(_.QUEUED, validators=[lease_current, delivered])
    fail = _.DEAD.from_(
        _.QUEUED, cond=gives_up, validators=[lease_current, undelivered]
    ) | _.QUEUED.from_(_.QUEUED, validators=[lease_current, undelivered])
    requeue = _.QUEUED.from_(_.DEAD)
    drop = _.DROPPED.from_(_.QUEUED, _.DEAD)


class NotificationChart(StateMachine):
    """One occasion that one account's devices are notified of, on one transport."""

    _ = States.from_enum(
        NotificationState,
        initial=NotificationState.QUEUED,
        final=[NotificationState.DELIVERED, NotificationState.OVER],
    )
    claim = _.QUEUED.from_(_.QUEUED, validators=[attempt_due])
    push = (
        _.QUEUED.from_(_.QUEUED, cond=devices_remain, validators=[lease_current])
        | _.DELIVERED.from_(_.QUEUED, cond=device_notified, validators=[lease_current])
        | _.OVER.from_(_.QUEUED, validators=[lease_current])
    )
    drop = _.DELIVERED.from_(
        _.QUEUED, cond=device_notified, validators=[lease_current, nobody_to_notify]
    ) | _.OVER.from_(_.QUEUED, validators=[lease_current, nobody_to_notify])


_OF_A_SESSION = (session_secret_matches, session_in_time, administrator_stands)
"""The rules of what a browser does with a link or a cookie."""

_OF_A_PROOF = (proof_active, proof_own)
"""The rules of the passkey or device by which an administrator has proven to be there."""


class SessionChart(StateMachine):
    """An administrator's browser, from the log-in or a one-time link to its end."""

    _ = States.from_enum(
        SessionState,
        initial=SessionState.INVITED,
        final=[SessionState.REVOKED, SessionState.EXPIRED],
    )
    start = _.ACTIVE.from_(_.INVITED, validators=[administrator_stands, *_OF_A_PROOF])
    redeem = _.ENROLLING.from_(_.INVITED, validators=[*_OF_A_SESSION])
    register = _.ENROLLING.from_(_.ENROLLING, validators=[*_OF_A_SESSION])
    enrol = _.ACTIVE.from_(_.ENROLLING, validators=[*_OF_A_SESSION, *_OF_A_PROOF, proof_enrols])
    use = _.REVOKED.from_(_.ACTIVE, cond=proof_lost, validators=[*_OF_A_SESSION]) | _.ACTIVE.from_(
        _.ACTIVE, validators=[*_OF_A_SESSION]
    )
    step_up = _.REVOKED.from_(
        _.ACTIVE, cond=proof_lost, validators=[*_OF_A_SESSION, *_OF_A_PROOF]
    ) | _.ACTIVE.from_(_.ACTIVE, validators=[*_OF_A_SESSION, *_OF_A_PROOF])
    revoke = _.REVOKED.from_(_.INVITED, _.ENROLLING, _.ACTIVE)
    expire = _.EXPIRED.from_(_.INVITED, _.ENROLLING, _.ACTIVE, validators=[deadline_came])


class AccountEventChart(StateMachine):
    """One change of an account's standing, until it is in the log of its App Space."""

    _ = States.from_enum(
        AccountEventState,
        initial=AccountEventState.UNPUBLISHED,
        final=[AccountEventState.PUBLISHED],
    )
    publish = _.PUBLISHED.from_(_.UNPUBLISHED)


BINDING = compiled("binding", BindingChart, BindingState, BindingEvent)
LOGIN = compiled("login", LoginChart, LoginState, LoginEvent)
REGISTRATION = compiled("registration", RegistrationChart, RegistrationState, RegistrationEvent)
AUTHENTICATION = compiled(
    "authentication", AuthenticationChart, AuthenticationState, AuthenticationEvent
)
CHALLENGE = compiled("challenge", ChallengeChart, ChallengeState, ChallengeEvent)
ACTION = compiled("action", ActionChart, ActionState, ActionEvent)
USE = compiled("use", UseChart, UseState, UseEvent)
CALLBACK = compiled("callback", CallbackChart, CallbackState, CallbackEvent)
NOTIFICATION = compiled("notification", NotificationChart, NotificationState, NotificationEvent)
SESSION = compiled("session", SessionChart, SessionState, SessionEvent)
ACCOUNT_EVENT = compiled("account_event", AccountEventChart, AccountEventState, AccountEventEvent)

CHARTS: dict[str, Chart[Any, Any]] = {
    chart.name: chart
    for chart in (
        *(BINDING, LOGIN, REGISTRATION, AUTHENTICATION),
        *(CHALLENGE, ACTION, USE, CALLBACK, NOTIFICATION),
        *(SESSION, ACCOUNT_EVENT),
    )
}
"""Every chart by its name."""
