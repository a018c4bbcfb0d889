"""
The eleven charts, pinned against listings of their own: of rows, of rules, of finished states.

The listings below are written from the design, not read from the charts.
"""

import ast
import inspect

import pytest

from counterseal.accounts.chart import ACCOUNT_EVENT, LOGIN, LoginEvent
from counterseal.approvals.chart import ACTION, USE
from counterseal.bindings.chart import BINDING, BindingEvent
from counterseal.ceremonies.chart import AUTHENTICATION, REGISTRATION
from counterseal.challenges.chart import CHALLENGE, ChallengeEvent
from counterseal.machines import CHARTS, step, table
from counterseal.models import (
    LIVING,
    LIVING_SESSIONS,
    UNFINISHED,
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
from counterseal.operators.chart import SESSION
from counterseal.outbox.chart import CALLBACK, NOTIFICATION

MOVES = {
    "binding": {
        "INVITED --complete--> ACTIVE",
        "INVITED --complete--> UNCONFIRMED",
        "UNCONFIRMED --confirm--> ACTIVE",
        "UNCONFIRMED --refuse--> REVOKED",
        "UNCONFIRMED --compare--> ACTIVE",
        "UNCONFIRMED --miscompare--> UNCONFIRMED",
        "UNCONFIRMED --miscompare--> REVOKED",
        "UNCONFIRMED --revoke--> REVOKED",
        "UNCONFIRMED --expire--> EXPIRED",
        "INVITED --register--> ACTIVE",
        "ACTIVE --rotate--> ACTIVE",
        "ACTIVE --suspend--> SUSPENDED",
        "SUSPENDED --resume--> ACTIVE",
        "ACTIVE --strike--> ACTIVE",
        "ACTIVE --strike--> REVOKED",
        "INVITED --revoke--> REVOKED",
        "ACTIVE --revoke--> REVOKED",
        "SUSPENDED --revoke--> REVOKED",
        "INVITED --expire--> EXPIRED",
    },
    "login": {
        "STARTED --authenticate--> USED",
        "STARTED --expire--> EXPIRED",
    },
    "registration": {
        "STARTED --register--> REGISTERED",
        "STARTED --expire--> EXPIRED",
    },
    "authentication": {
        "STARTED --finish--> AUTHENTICATED",
        "STARTED --expire--> EXPIRED",
    },
    "challenge": {
        "PENDING --fetch--> SEEN",
        "SEEN --fetch--> SEEN",
        "PENDING --answer--> ANSWERED",
        "SEEN --answer--> ANSWERED",
        "PENDING --mistype--> PENDING",
        "PENDING --mistype--> FAILED",
        "SEEN --mistype--> SEEN",
        "SEEN --mistype--> FAILED",
        "PENDING --disown--> DISOWNED",
        "SEEN --disown--> DISOWNED",
        "PENDING --cancel--> CANCELLED",
        "SEEN --cancel--> CANCELLED",
        "PENDING --expire--> EXPIRED",
        "SEEN --expire--> EXPIRED",
    },
    "action": {
        "APPROVED --consume--> USED",
        "APPROVED --withdraw--> WITHDRAWN",
        "APPROVED --expire--> EXPIRED",
    },
    "use": {
        "UNKNOWN --succeed--> EXECUTED",
        "UNKNOWN --fail--> FAILED",
    },
    "callback": {
        "QUEUED --claim--> QUEUED",
        "QUEUED --succeed--> DELIVERED",
        "QUEUED --fail--> QUEUED",
        "QUEUED --fail--> DEAD",
        "DEAD --requeue--> QUEUED",
        "QUEUED --drop--> DROPPED",
        "DEAD --drop--> DROPPED",
    },
    "notification": {
        "QUEUED --claim--> QUEUED",
        "QUEUED --push--> QUEUED",
        "QUEUED --push--> DELIVERED",
        "QUEUED --push--> OVER",
        "QUEUED --drop--> DELIVERED",
        "QUEUED --drop--> OVER",
    },
    "session": {
        "INVITED --start--> ACTIVE",
        "INVITED --redeem--> ENROLLING",
        "ENROLLING --register--> ENROLLING",
        "ENROLLING --enrol--> ACTIVE",
        "ACTIVE --use--> ACTIVE",
        "ACTIVE --use--> REVOKED",
        "ACTIVE --step_up--> ACTIVE",
        "ACTIVE --step_up--> REVOKED",
        "INVITED --revoke--> REVOKED",
        "ENROLLING --revoke--> REVOKED",
        "ACTIVE --revoke--> REVOKED",
        "INVITED --expire--> EXPIRED",
        "ENROLLING --expire--> EXPIRED",
        "ACTIVE --expire--> EXPIRED",
    },
    "account_event": {"UNPUBLISHED --publish--> PUBLISHED"},
}

REFUSED_BY = {
    # token in time; every new key proved its possession
    ("binding", "complete"): "token_matches in_time account_unlocked endorser_active"
    " invitation_allowed keys_complete keys_possessed replacement_allowed device_limit_unreached",
    # another active device of the account signed the new keys by its strong key
    ("binding", "confirm"): "in_time account_unlocked confirmer_active confirmation_matches"
    " confirmed_strongly endorser_active invitation_allowed device_limit_unreached",
    ("binding", "refuse"): "in_time account_unlocked confirmer_active confirmation_matches"
    " confirmed_strongly",
    # its origin knows the comparison code of the new keys
    ("binding", "compare"): "in_time account_unlocked endorser_active invitation_allowed"
    " device_limit_unreached comparison_matches",
    ("binding", "miscompare"): "in_time account_unlocked endorser_active invitation_allowed"
    " comparison_missed",
    # with the registration of a passkey, in one commit
    ("binding", "register"): "own_ceremony in_time account_unlocked",
    # each new key proves possession and is signed by the old key of its role
    ("binding", "rotate"): "account_unlocked keys_complete caller_proved keys_possessed"
    " keys_endorsed",
    ("binding", "suspend"): "",
    ("binding", "resume"): "same_authority",
    # a wrong strong-key signature inside a call whose device proof holds for this binding
    ("binding", "strike"): "caller_proved strong_key_missed",
    ("binding", "revoke"): "",
    ("binding", "expire"): "deadline_came",
    ("login", "authenticate"): "login_matches in_time",
    ("login", "expire"): "deadline_came",
    # by the origin that asked, for the scope that the browser was given
    ("registration", "register"): "own_ceremony in_time account_unlocked scope_current",
    ("registration", "expire"): "deadline_came",
    # by the origin that asked, with an active passkey of the account
    # ... whose registration, if it was by a one-time link, has led to a log-in
    ("authentication", "finish"): "own_ceremony in_time account_unlocked passkey_active"
    " enrolment_completed assertion_holds",
    ("authentication", "expire"): "deadline_came",
    ("challenge", "fetch"): "in_time account_unlocked binding_active own_account chosen_device"
    " caller_proved",
    # right account, key of the button's strength, hash and code match
    ("challenge", "answer"): "in_time account_unlocked binding_active own_account"
    " chosen_device caller_proved strikes_left addressed_here display_matches button_matches"
    " key_strong_enough signature_holds"
    " code_matches",
    # a wrong matching code under a valid signature
    ("challenge", "mistype"): "in_time account_unlocked binding_active own_account"
    " chosen_device caller_proved strikes_left addressed_here display_matches button_matches"
    " key_strong_enough signature_holds"
    " code_mistyped",
    # "this was not me", signed
    ("challenge", "disown"): "in_time account_unlocked binding_active own_account"
    " chosen_device caller_proved addressed_here display_matches signature_holds",
    # by its own origin
    ("challenge", "cancel"): "own_challenge in_time",
    ("challenge", "expire"): "deadline_came",
    # once, by its own origin, for the arguments that were approved
    ("action", "consume"): "own_action in_time account_unlocked approver_active arguments_match",
    ("action", "withdraw"): "own_action in_time",
    ("action", "expire"): "deadline_came",
    # by the origin that used the action
    ("use", "succeed"): "own_use",
    ("use", "fail"): "own_use",
    ("callback", "claim"): "attempt_due",
    ("callback", "succeed"): "lease_current delivered",
    ("callback", "fail"): "lease_current undelivered",
    ("callback", "requeue"): "",
    ("callback", "drop"): "",
    ("notification", "claim"): "attempt_due",
    ("notification", "push"): "lease_current",
    # nobody is rung once there is a reason not to
    ("notification", "drop"): "lease_current nobody_to_notify",
    # a new session, whose log-in was proven before
    ("session", "start"): "administrator_active proof_active proof_own",
    **{
        ("session", event): "session_secret_matches session_in_time administrator_active"
        for event in ("redeem", "register", "use")
    },
    # by the passkey that the link has registered
    ("session", "enrol"): "session_secret_matches session_in_time administrator_active"
    " proof_active proof_own proof_enrols",
    ("session", "step_up"): "session_secret_matches session_in_time administrator_active"
    " proof_active proof_own",
    ("session", "revoke"): "",
    ("session", "expire"): "deadline_came",
    ("account_event", "publish"): "",
}

CHOSEN_BY = {
    "INVITED --complete--> UNCONFIRMED": "confirmation_needed",
    "UNCONFIRMED --miscompare--> REVOKED": "comparisons_exhausted",
    "ACTIVE --strike--> REVOKED": "strikes_exhausted",
    "PENDING --mistype--> FAILED": "codes_exhausted",
    "SEEN --mistype--> FAILED": "codes_exhausted",
    "QUEUED --fail--> DEAD": "gives_up",
    "QUEUED --push--> QUEUED": "devices_remain",
    "QUEUED --push--> DELIVERED": "device_notified",
    "QUEUED --drop--> DELIVERED": "device_notified",
    "ACTIVE --use--> REVOKED": "proof_lost",
    "ACTIVE --step_up--> REVOKED": "proof_lost",
}

FINISHED = {
    "binding": {BindingState.REVOKED, BindingState.EXPIRED},
    "login": {LoginState.USED, LoginState.EXPIRED},
    "registration": {RegistrationState.REGISTERED, RegistrationState.EXPIRED},
    "authentication": {AuthenticationState.AUTHENTICATED, AuthenticationState.EXPIRED},
    "challenge": {
        ChallengeState.ANSWERED,
        ChallengeState.DISOWNED,
        ChallengeState.CANCELLED,
        ChallengeState.FAILED,
        ChallengeState.EXPIRED,
    },
    "action": {ActionState.USED, ActionState.WITHDRAWN, ActionState.EXPIRED},
    "use": {UseState.EXECUTED, UseState.FAILED},
    # A dead callback may be queued again by an operator.
    "callback": {CallbackState.DELIVERED, CallbackState.DROPPED},
    "notification": {NotificationState.DELIVERED, NotificationState.OVER},
    "session": {SessionState.REVOKED, SessionState.EXPIRED},
    "account_event": {AccountEventState.PUBLISHED},
}

NAMES = sorted(CHARTS)


def arrow(row):
    return f"{row.source} --{row.event}--> {row.target}"


def test_there_are_eleven_charts():
    assert list(CHARTS.values()) == [
        *(BINDING, LOGIN, CHALLENGE, CALLBACK, NOTIFICATION),
        *(REGISTRATION, AUTHENTICATION, SESSION, ACCOUNT_EVENT),
        *(ACTION, USE),
    ]
    assert len(CHARTS) == 11
    assert NAMES == sorted(MOVES) == sorted(FINISHED)


@pytest.mark.parametrize("name", ["company", "BINDING", ""])
def test_no_other_name_is_a_charts(name):
    assert name not in CHARTS
    with pytest.raises(KeyError, match=f"^'{name}'$"):
        CHARTS[name]


@pytest.mark.parametrize("name", NAMES)
def test_the_rows_are_those_of_the_design_and_no_others(name):
    rows = [arrow(row) for row in table(CHARTS[name])]
    assert len(rows) == len(set(rows))
    assert set(rows) == MOVES[name]


@pytest.mark.parametrize("name", NAMES)
def test_each_row_is_refused_by_the_rules_of_its_event_in_their_order(name):
    for row in table(CHARTS[name]):
        assert " ".join(row.validators) == REFUSED_BY[name, row.event], arrow(row)


@pytest.mark.parametrize("name", NAMES)
def test_each_row_is_chosen_by_what_the_design_says(name):
    for row in table(CHARTS[name]):
        assert " ".join(row.conditions) == CHOSEN_BY.get(arrow(row), ""), arrow(row)


def test_every_event_has_its_rules_listed():
    events = {(name, event.value) for name, chart in CHARTS.items() for event in chart.events}
    assert events == set(REFUSED_BY)


@pytest.mark.parametrize("name", NAMES)
def test_the_finished_states_are_those_listed(name):
    assert CHARTS[name].finished == FINISHED[name]


def test_the_models_agree_on_what_is_finished():
    assert set(ChallengeState) - set(UNFINISHED) == FINISHED["challenge"]
    assert set(BindingState) - LIVING == FINISHED["binding"]
    assert set(SessionState) - LIVING_SESSIONS == FINISHED["session"]


@pytest.mark.parametrize(
    ("chart", "initial"),
    [
        (BINDING, BindingState.INVITED),
        (LOGIN, LoginState.STARTED),
        (CHALLENGE, ChallengeState.PENDING),
        (CALLBACK, CallbackState.QUEUED),
        (NOTIFICATION, NotificationState.QUEUED),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_new_records_begin_in_the_initial_state(chart, initial):
    assert chart.initial is initial


@pytest.mark.parametrize("name", NAMES)
def test_every_state_can_be_reached(name):
    chart = CHARTS[name]
    reached = {chart.initial.value}
    for _ in chart.states:
        reached |= {row.target for row in table(chart) if row.source in reached}
    assert reached == {state.value for state in chart.states}


@pytest.mark.parametrize("name", NAMES)
def test_the_class_bodies_hold_rows_and_nothing_that_acts(name):
    """No before, on, after, enter or exit: `step` would not run them."""
    (body,) = ast.parse(inspect.getsource(CHARTS[name].declaration)).body
    docstring, states, *rows = body.body
    assert isinstance(docstring, ast.Expr)
    assert states.targets[0].id == "_"
    assert {row.targets[0].id for row in rows} == {event.value for event in CHARTS[name].events}
    for state in CHARTS[name].declaration.states:
        for hook in (state.enter, state.exit, state.invoke):
            assert [spec for spec in hook if not spec.is_convention] == []
        for transition in state.transitions:
            for hook in (transition.before, transition.on, transition.after):
                assert [spec for spec in hook if not spec.is_convention] == []
            assert not transition.internal
            assert len(transition.targets) == 1


@pytest.mark.parametrize(
    ("chart", "state", "event"),
    [
        (CHALLENGE, ChallengeState.PENDING, BindingEvent.COMPLETE),
        (CHALLENGE, ChallengeState.PENDING, LoginEvent.EXPIRE),
        (LOGIN, LoginState.STARTED, ChallengeEvent.EXPIRE),
        (BINDING, ChallengeState.PENDING, BindingEvent.REVOKE),
    ],
)
def test_an_event_or_state_of_another_chart_is_refused(chart, state, event, refusing):
    with refusing("wrong_state"):
        step(chart, state, event, None)
