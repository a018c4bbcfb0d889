"""Actions: an origin asks for one, a person approves it, and it is used once."""

from datetime import timedelta
from functools import partial
from types import SimpleNamespace

import pytest

from counterseal import (
    STANDARD_ACTIONS,
    ConsumedAction,
    ijson,
    keys,
    verify_receipt,
    verify_use_receipt,
)
from counterseal.approvals.documents import UseReceipt
from counterseal.approvals.records import approved_action_guid
from counterseal.challenges.documents.receipt import RECEIPT_LIMIT
from counterseal.errors import (
    AccountLocked,
    ActionTypeUnknown,
    ActionUsed,
    ApproverInactive,
    ArgumentsDiffer,
    ArgumentsMissing,
    DeadlinePassed,
    Foreign,
    Indeterminate,
    InvalidField,
    IssuerUntrusted,
    KeyReused,
    NotApproved,
    NotFound,
    ReceiptChanged,
    WrongState,
)
from counterseal.models import (
    OPERATOR,
    Action,
    ActionState,
    Algorithm,
    ApprovedAction,
    Button,
    ChallengeState,
    Factor,
    TextContent,
    UseState,
)
from counterseal.models.guid import mint
from counterseal.policy import Policy
from counterseal_testing.authenticator import ORIGIN, FakePasskey
from counterseal_testing.faults import Faults, faulty

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
ARGUMENTS = {"to": "zoe@example.com", "subject": "Invoice 7", "copies": 2}


def action(**changes):
    fields = {"type": "tool-call", "resource": "send_email", "arguments": ARGUMENTS}
    return Action(**fields | changes)


@pytest.fixture
def phone(service):
    return service.bind("alice")


def ask(service, **changes):
    members = {name: changes.pop(name) for name in ("duration", "buttons") if name in changes}
    return service.ask("alice", action(**changes), **members).challenge


@pytest.fixture
def approved(service, phone):
    """A challenge for an action, which the person has approved."""
    challenge = ask(service)
    phone.answer(challenge)
    return challenge.guid


def consume(service, challenge, arguments=ARGUMENTS, *, party=None):
    return service.actions.consume(party or service.origin, challenge, arguments)


def withdraw(service, challenge):
    return service.actions.withdraw(service.origin, challenge)


# What the person sees and signs


def test_the_display_has_the_rendering_and_the_digest_of_the_action(service, phone):
    challenge = ask(service, agent="assistant", purpose="Monthly invoice")
    display = ijson.parse(challenge.display)

    document = {
        "version": 1,
        "type": "tool-call",
        "resource": "send_email",
        "arguments": ARGUMENTS,
        "client": service.origin.origin.guid,
        "agent": "assistant",
        "purpose": "Monthly invoice",
        "validUntil": display["action"]["validUntil"],
    }
    assert display["action"]["digest"] == keys.digest(ijson.canonical(document))
    assert display["action"]["type"] == "tool-call"
    assert display["action"]["language"] == "en"
    values = {pair["value"] for pair in display["content"]["keys"]}
    assert {'"zoe@example.com"', "assistant", "Monthly invoice"} <= values


def test_the_display_has_the_documents_that_are_to_be_signed(service, phone):
    lease = {
        "name": "Lease.pdf",
        "size": 1_048_213,
        "type": "application/pdf",
        "sha256": keys.digest(b"lease"),
        "url": "https://files.example.com/lease.pdf",
    }
    challenge = ask(service, type="document", resource="Lease", arguments={"documents": [lease]})

    assert ijson.parse(challenge.display)["action"]["attachments"] == [lease]


def test_an_action_whose_rendering_is_longer_than_the_policy_allows_is_refused(service, phone):
    service = service.but(policy=Policy(content_bytes=100))
    with pytest.raises(InvalidField) as refused:
        ask(service, arguments={"text": "x" * 101})
    assert refused.value.field == "content.keys[1].value"


def test_the_receipt_has_the_digest(service, phone):
    challenge = ask(service)
    receipt = verify_receipt(phone.answer(challenge).outcome.receipt)

    assert receipt.approved
    assert receipt.display["action"]["digest"] == challenge.action.digest


def claims_of(challenge):
    return keys.read(challenge.outcome.receipt, limit=RECEIPT_LIMIT).claimed


TWO_FACTORS = ["possession", "knowledge-or-inherence"]


@pytest.mark.parametrize("passkey", [None, FakePasskey()], ids=["PIN", "passkey"])
def test_the_receipt_of_an_approval_states_the_factors(new_service, passkey):
    service = new_service(policy=Policy(passkey_origin=ORIGIN))
    phone = service.bind("alice", passkey=passkey)
    approved = service.answer(phone, ask(service))

    assert claims_of(approved)["factors"] == TWO_FACTORS
    receipt = verify_receipt(approved.outcome.receipt)
    assert [factor.value for factor in receipt.factors] == TWO_FACTORS


def test_no_other_receipt_states_factors(service, phone):
    declined = phone.answer(ask(service), button=1)
    disowned = service.disown(phone, ask(service))
    question = phone.answer(service.ask("alice", "Did you log in?").challenge)

    for ended in (declined, disowned, question):
        assert "factors" not in claims_of(ended)
    assert verify_receipt(declined.outcome.receipt).factors == (Factor.POSSESSION,)
    factors = verify_receipt(question.outcome.receipt).factors
    assert [factor.value for factor in factors] == TWO_FACTORS


def test_an_approval_may_be_used_for_a_while_after_the_deadline(service, phone):
    challenge = ask(service, duration=MINUTE)

    assert challenge.deadline == service.clock.now() + MINUTE
    assert challenge.action.valid_until == challenge.deadline + service.policy.action_validity
    assert challenge.keep_until >= challenge.action.valid_until + service.policy.retention


def test_nobody_is_asked_beyond_the_time_of_the_approval(service, phone):
    until = service.clock.now() + MINUTE

    assert ask(service, valid_until=until).deadline == until


@pytest.mark.parametrize("minutes", [-1, 0, 24 * 60 + 11])
def test_an_approval_ends_in_the_future_and_not_too_late(service, phone, minutes):
    with pytest.raises(InvalidField) as refused:
        ask(service, valid_until=service.clock.now() + minutes * MINUTE)
    assert refused.value.field == "action.validUntil"


@pytest.mark.parametrize("minutes", [1, 24 * 60 + 10])
def test_an_approval_ends_when_its_origin_says(service, phone, minutes):
    until = service.clock.now() + minutes * MINUTE

    assert ask(service, valid_until=until).action.valid_until == until


def test_an_action_lives_as_long_as_the_policy_of_actions_allows(service, phone):
    day = service.but(policy=Policy(action_life_limit=timedelta(days=1)))

    challenge = ask(day, duration=timedelta(hours=24))
    assert challenge.deadline - challenge.issued_at == timedelta(hours=24)
    with pytest.raises(InvalidField, match="duration"):
        ask(service, duration=timedelta(minutes=11))
    with pytest.raises(InvalidField, match="duration"):
        day.ask("alice", TextContent(text="Log in?"), duration=timedelta(minutes=11))


def test_a_log_in_is_answered_within_ten_minutes_whatever_the_policy_allows(service, phone):
    """NIST SP 800-63B-4, 3.1.3: a log-in as an action is no other log-in."""
    day = service.but(policy=Policy(action_life=2 * HOUR, action_life_limit=24 * HOUR))
    login = {"type": "login", "resource": "Shop", "arguments": {}}

    for duration in (None, timedelta(minutes=10)):
        challenge = ask(day, duration=duration, **login)
        assert challenge.deadline - challenge.issued_at == timedelta(minutes=10)
    with pytest.raises(InvalidField, match="duration"):
        ask(day, duration=timedelta(minutes=11), **login)


def test_an_action_without_a_renderer_is_refused(service, phone):
    with pytest.raises(ActionTypeUnknown):
        ask(service, type="launch")


def test_an_approving_button_is_strong(service, phone):
    weak = (Button(title="Yes", strong=False, approving=True), Button(title="No", strong=False))
    with pytest.raises(InvalidField) as refused:
        ask(service, buttons=weak)
    assert refused.value.field == "buttons[0].strongAuth"


def test_standard_buttons_are_those_of_the_type_in_the_language(service, phone):
    titles = [button.title for button in ask(service, language="de").buttons]
    own = (Button(title="Ja", strong=True, approving=True), Button(title="Nein", strong=False))

    assert titles == [button.title for button in STANDARD_ACTIONS.buttons(action(language="de"))]
    assert titles != [button.title for button in ask(service).buttons]
    assert ask(service, buttons=own).buttons == own


def test_nothing_is_shown_beside_an_action(service, phone):
    with pytest.raises(InvalidField) as refused:
        service.ask("alice", action(), additional_info="It is only 1 EUR")
    assert refused.value.field == "additionalInfo"


def test_a_repeated_question_is_the_same_and_another_action_is_not(service, phone):
    one = service.ask("alice", action(), idempotency_key="k").challenge

    assert service.ask("alice", action(), idempotency_key="k").challenge == one
    with pytest.raises(KeyReused):
        service.ask("alice", action(arguments=ARGUMENTS | {"copies": 3}), idempotency_key="k")


# The use


def test_an_approval_stores_the_action(service, phone):
    challenge = ask(service)
    service.clock.advance(MINUTE)
    phone.answer(challenge)

    assert service.actions.status(service.origin, challenge.guid).action == ApprovedAction(
        guid=approved_action_guid(challenge.guid),
        state=ActionState.APPROVED,
        challenge=challenge.guid,
        account=challenge.account,
        origin=service.origin.origin.guid,
        app_space=service.app_space.guid,
        device=phone.guid,
        terms=challenge.action,
        created_at=service.clock.now(),
        keep_until=challenge.keep_until,
    )


def test_an_approved_action_is_used_once(service, approved):
    used = consume(service, approved)

    assert used.action.state is ActionState.USED
    assert used.use.state is UseState.UNKNOWN
    assert used.use.presented
    for name in ("challenge", "account", "origin", "app_space"):
        assert getattr(used.use, name) == getattr(used.action, name)
    with pytest.raises(ActionUsed):
        consume(service, approved)


def test_a_use_has_a_receipt_that_names_the_approval(service, approved):
    used, challenge = consume(service, approved), service.stored(approved)
    (issuer,) = service.ports.signer.jwks()
    receipt = verify_use_receipt(used.use.receipt, trusted=(issuer,))

    assert receipt == UseReceipt(
        issuer=issuer,
        proven=True,
        challenge=approved,
        account=challenge.account,
        origin=challenge.origin,
        device=challenge.outcome.device,
        type="tool-call",
        action=challenge.action.digest,
        presented=True,
        approval=verify_receipt(challenge.outcome.receipt).hash,
        valid_until=challenge.action.valid_until,
        at=used.use.created_at,
    )
    assert verify_use_receipt(used.use.receipt, thumbprint=issuer.thumbprint) == receipt
    assert not verify_use_receipt(used.use.receipt).proven


@pytest.mark.parametrize("member", ["action", "arguments", "approval", "origin", "at"])
def test_a_changed_use_receipt_is_refused(service, approved, member):
    receipt = consume(service, approved).use.receipt
    head, payload, signature = receipt.split(".")
    claims = ijson.parse(keys.unb64url(payload).decode())
    first = claims[member][0]
    claims[member] = ("y" if first == "x" else "x") + claims[member][1:]
    changed = keys.b64url(ijson.compact(claims))

    with pytest.raises(ReceiptChanged):
        verify_use_receipt(f"{head}.{changed}.{signature}")


def test_a_use_receipt_of_another_service_is_untrusted(service, approved):
    stranger = keys.generate(Algorithm.ES256, kid="stranger").public
    receipt = consume(service, approved).use.receipt
    for source in ({"trusted": (stranger,)}, {"thumbprint": stranger.thumbprint}):
        with pytest.raises(IssuerUntrusted):
            verify_use_receipt(receipt, **source)


@pytest.mark.parametrize(
    "arguments",
    [
        ARGUMENTS | {"to": "zoe@example.org"},
        ARGUMENTS | {"copies": 3},
        ARGUMENTS | {"copies": "2"},
        ARGUMENTS | {"bcc": None},
        {name: value for name, value in ARGUMENTS.items() if name != "copies"},
        {},
    ],
)
def test_other_arguments_than_the_approved_ones_are_refused(service, approved, arguments):
    with pytest.raises(ArgumentsDiffer):
        consume(service, approved, arguments)
    assert service.actions.status(service.origin, approved).action.state is ActionState.APPROVED
    consume(service, approved)


def test_equal_arguments_in_another_order_are_the_approved_ones(service, approved):
    assert consume(service, approved, dict(reversed(ARGUMENTS.items()))).use.presented


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        *((value, "arguments") for value in ("text", None, [])),
        *(({"a": value}, "arguments.a") for value in (float("nan"), object(), "\ufffe", 2**53)),
        ({"a": [1, {"b": "\ud800"}]}, "arguments.a[1].b"),
    ],
)
def test_arguments_that_are_no_json_object_are_refused_by_name(service, approved, arguments, field):
    with pytest.raises(InvalidField) as refused:
        consume(service, approved, arguments)
    assert refused.value.field == field


def test_another_origin_cannot_use_it(service, approved):
    other = service.new_origin(service.app_space, "Another shop")
    with pytest.raises(Foreign):
        consume(service, approved, party=other)
    consume(service, approved)


def test_it_cannot_be_used_from_its_end_on(service, phone):
    challenge = ask(service)
    phone.answer(challenge)
    service.clock.advance(challenge.action.valid_until - service.clock.now())
    with pytest.raises(DeadlinePassed):
        consume(service, challenge.guid)
    assert service.actions.expire() == 1
    with pytest.raises(DeadlinePassed):
        consume(service, challenge.guid)
    assert service.stored(challenge.guid).state is ChallengeState.ANSWERED


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (lambda service, phone, challenge: None, "pending"),
        (lambda service, phone, challenge: phone.fetch(challenge.guid), "seen"),
        (lambda service, phone, challenge: phone.answer(challenge, 1), "declined"),
        (lambda service, phone, challenge: phone.disown(challenge), "disowned"),
        (
            lambda service, phone, challenge: service.challenges.cancel(
                service.origin, challenge.guid
            ),
            "cancelled",
        ),
        (lambda service, phone, challenge: service.clock.advance(11 * MINUTE), "expired"),
    ],
)
def test_what_was_not_approved_can_be_neither_used_nor_withdrawn(service, phone, end, state):
    challenge = ask(service)
    end(service, phone, challenge)
    for use in (consume, withdraw):
        with pytest.raises(NotApproved) as refused:
            use(service, challenge.guid)
        assert refused.value.status == state


def test_a_question_without_an_action_cannot_be_used(service, phone):
    challenge = service.ask("alice", "Log in?").challenge
    phone.answer(challenge)
    with pytest.raises(NotApproved) as refused:
        consume(service, challenge.guid, {})
    assert refused.value.status == "no_action"


def test_a_locked_account_allows_no_use(service, approved):
    service.accounts.lock(service.account().guid, by=OPERATOR)
    with pytest.raises(AccountLocked):
        consume(service, approved)


def test_what_a_revoked_device_approved_cannot_be_used(service, phone, approved):
    service.bind("alice")
    phone.unbind()
    with pytest.raises(ApproverInactive):
        consume(service, approved)


@pytest.mark.alone
def test_an_erased_account_has_no_actions(service, approved):
    service.accounts.erase(service.account().guid, by=OPERATOR)
    with pytest.raises(NotFound):
        consume(service, approved)
    with pytest.raises(NotFound):
        service.actions.status(service.origin, approved)


def test_an_unknown_challenge_is_not_found(service):
    with pytest.raises(NotFound):
        consume(service, mint(0, bytes(15)))


# Races and crashes


def test_of_200_racing_consumers_exactly_one_wins(service, approved, meeting, at_once):
    """Each has read an approved action before any of them commits."""
    racing = service.but(store=meeting(service.store, 200))
    results = at_once(*[lambda: consume(racing, approved)] * 200)

    wins = [result for result in results if isinstance(result, ConsumedAction)]
    losses = [result for result in results if not isinstance(result, ConsumedAction)]
    assert len(wins) == 1
    assert {type(loss) for loss in losses} == {ActionUsed}
    assert service.actions.status(service.origin, approved).use == wins[0].use


def test_a_lock_that_comes_between_reading_and_commit_counts(service, approved):
    account = service.account().guid
    racing = service.meanwhile(lambda: service.accounts.lock(account, by=OPERATOR))
    with pytest.raises(AccountLocked):
        consume(racing, approved)
    assert service.actions.status(service.origin, approved).use is None


def test_a_crash_after_the_use_leaves_it_unknown_and_never_uses_it_again(service, approved):
    consume(service, approved)
    # The caller's process ends here. Its successor asks what is known.
    status = service.actions.status(service.origin, approved)

    assert status.use.state is UseState.UNKNOWN
    with pytest.raises(ActionUsed):
        consume(service, approved)


def test_a_reply_that_was_lost_each_time_leaves_the_action_used(service, approved):
    faults = Faults()
    faults.lose_reply(times=service.policy.commit_attempts)
    with pytest.raises(Indeterminate):
        consume(service.but(store=faulty(service.store, "store", faults)), approved)
    assert service.actions.status(service.origin, approved).use.state is UseState.UNKNOWN
    with pytest.raises(ActionUsed):
        consume(service, approved)


# Without arguments


def test_arguments_are_required_unless_the_policy_says_otherwise(service, approved):
    with pytest.raises(ArgumentsMissing):
        service.actions.consume_unpresented(service.origin, approved)
    lax = service.but(policy=Policy(arguments_required=False))

    used = lax.actions.consume_unpresented(service.origin, approved)
    assert not used.use.presented
    assert not verify_use_receipt(used.use.receipt).presented


# The outcome


@pytest.mark.parametrize("outcome", [UseState.EXECUTED, UseState.FAILED])
def test_an_outcome_is_reported_once(service, approved, outcome):
    consume(service, approved)
    report = service.actions.report(service.origin, approved, outcome, detail="message 12")

    assert report.state is outcome
    assert report.detail == "message 12"
    assert report.reported_at == service.clock.now()
    again = service.actions.report(service.origin, approved, outcome, detail="message 12")
    assert again == report
    other = UseState.FAILED if outcome is UseState.EXECUTED else UseState.EXECUTED
    for changed in ((other, "message 12"), (outcome, "message 13")):
        with pytest.raises(WrongState):
            service.actions.report(service.origin, approved, changed[0], detail=changed[1])


def test_an_outcome_is_reported_by_the_origin_of_a_use_only(service, approved):
    with pytest.raises(WrongState):
        service.actions.report(service.origin, approved, UseState.EXECUTED)
    consume(service, approved)
    other = service.new_origin(service.app_space, "Another shop")
    with pytest.raises(Foreign):
        service.actions.report(other, approved, UseState.EXECUTED)


@pytest.mark.parametrize(
    ("outcome", "detail", "field"),
    [
        (UseState.UNKNOWN, None, "outcome"),
        (UseState.EXECUTED, "", "detail"),
        (UseState.EXECUTED, "x" * 1025, "detail"),
    ],
)
def test_an_unfit_report_is_refused_by_name(service, approved, outcome, detail, field):
    consume(service, approved)
    with pytest.raises(InvalidField) as refused:
        service.actions.report(service.origin, approved, outcome, detail=detail)
    assert refused.value.field == field


# Withdrawal and expiry


def test_a_withdrawn_approval_cannot_be_used(service, approved):
    assert withdraw(service, approved).state is ActionState.WITHDRAWN
    with pytest.raises(NotApproved) as refused:
        consume(service, approved)
    assert refused.value.status == "withdrawn"
    assert withdraw(service, approved).state is ActionState.WITHDRAWN


def test_what_was_used_or_is_over_is_not_withdrawn(service, phone, approved):
    consume(service, approved)
    with pytest.raises(ActionUsed):
        withdraw(service, approved)
    challenge = ask(service)
    phone.answer(challenge)
    service.clock.advance(timedelta(hours=1))
    with pytest.raises(DeadlinePassed):
        withdraw(service, challenge.guid)


def test_an_expired_approval_is_expired_by_a_worker_and_used_ones_are_not(service, phone, approved):
    consume(service, approved)
    challenge = ask(service)
    phone.answer(challenge)
    service.clock.advance(timedelta(hours=1))

    status = service.actions.status(service.origin, challenge.guid)
    assert status.action.state is ActionState.EXPIRED
    assert service.actions.expire() == 1
    assert service.actions.expire() == 0
    assert service.actions.status(service.origin, challenge.guid).action.state is (
        ActionState.EXPIRED
    )


def test_a_status_says_what_is_known(service, phone):
    challenge = ask(service)
    open_status = service.actions.status(service.origin, challenge.guid)
    assert (open_status.challenge.state, open_status.action, open_status.use) == (
        ChallengeState.PENDING,
        None,
        None,
    )
    phone.answer(challenge)
    approved = service.actions.status(service.origin, challenge.guid)
    assert approved.action.state is ActionState.APPROVED
    assert approved.use is None
    used = consume(service, challenge.guid)
    status = service.actions.status(service.origin, challenge.guid)
    assert (status.action, status.use) == (used.action, used.use)


# What is recorded, how long it is stored, and who is woken


def action_events(service, challenge):
    """Return the events of actions about *challenge*, with what they say besides."""
    return [
        (event.event, event.actor, event.reason, dict(event.attributes))
        for event in service.events
        if event.subject == challenge and event.event.startswith("action.")
    ]


def test_the_audit_log_says_what_was_used_and_what_came_of_it(service, approved):
    origin = service.origin.origin.guid
    consume(service, approved)
    service.actions.report(service.origin, approved, UseState.EXECUTED, detail="message 12")
    service.actions.report(service.origin, approved, UseState.EXECUTED, detail="message 12")

    assert action_events(service, approved) == [
        ("action.consume", origin, "", {"type": "tool-call", "arguments": "matched"}),
        ("action.report", origin, "", {"outcome": "executed"}),
    ]


def test_the_audit_log_says_that_no_arguments_were_presented(service, approved):
    lax = service.but(policy=Policy(arguments_required=False))
    lax.actions.consume_unpresented(service.origin, approved)
    service.actions.report(service.origin, approved, UseState.FAILED)

    assert [attributes for *_, attributes in action_events(service, approved)] == [
        {"type": "tool-call", "arguments": "not_presented"},
        {"outcome": "failed"},
    ]


def test_the_audit_log_says_that_an_approval_was_withdrawn_or_expired(service, phone, approved):
    origin, expiring = service.origin.origin.guid, ask(service)
    phone.answer(expiring)
    withdraw(service, approved)
    withdraw(service, approved)
    service.clock.advance(HOUR)
    service.actions.expire()

    assert action_events(service, approved) == [("action.withdraw", origin, "", {})]
    assert action_events(service, expiring.guid) == [("action.expire", "worker", "", {})]


def test_a_use_prolongs_how_long_its_approval_is_stored(service, phone):
    """The policy may get longer between the question and the use."""
    challenge = ask(service)
    phone.answer(challenge)
    longer = service.but(policy=Policy(retention=2 * service.policy.retention))
    used = consume(longer, challenge.guid)

    until = service.clock.now() + longer.policy.retention
    assert until > challenge.keep_until
    assert (used.action.keep_until, used.use.keep_until) == (until, until)
    status = service.actions.status(service.origin, challenge.guid)
    assert (status.action.keep_until, status.use.keep_until) == (until, until)


def test_a_use_shortens_nothing(service, phone):
    challenge = ask(service)
    phone.answer(challenge)
    shorter = service.but(policy=Policy(retention=service.policy.retention / 2))
    used = consume(shorter, challenge.guid)

    assert (used.action.keep_until, used.use.keep_until) == 2 * (challenge.keep_until,)


def test_a_use_is_not_dated_before_its_approval(service, phone):
    """The clock of another process, or of this one, may step back."""
    challenge = ask(service)
    service.clock.advance(MINUTE)
    phone.answer(challenge)
    approved_at = service.clock.now()
    service.clock.jump(approved_at - timedelta(seconds=30))

    used = consume(service, challenge.guid)

    assert used.use.created_at == used.action.created_at == approved_at
    assert verify_use_receipt(used.use.receipt).at == approved_at


def test_each_change_of_an_action_wakes_who_waits_for_it(service, phone, approved):
    woken = []
    waking = service.but(wake=SimpleNamespace(notify=woken.append))

    def wakes(change):
        woken.clear()
        change()
        return woken

    report = partial(
        waking.actions.report, service.origin, approved, UseState.EXECUTED, detail="message 12"
    )
    assert wakes(lambda: consume(waking, approved)) == [approved]
    assert wakes(report) == [approved]
    assert wakes(report) == []
    withdrawn, expiring = ask(service), ask(service)
    phone.answer(withdrawn)
    phone.answer(expiring)
    for woken_guids in ([withdrawn.guid], []):
        assert wakes(lambda: withdraw(waking, withdrawn.guid)) == woken_guids
    service.clock.advance(HOUR)
    assert wakes(waking.actions.expire) == [expiring.guid]


def test_a_question_whose_time_has_passed_reads_as_expired_at_once(service, phone):
    challenge = ask(service)
    service.clock.advance(challenge.deadline - service.clock.now())

    status = service.actions.status(service.origin, challenge.guid)

    assert service.stored(challenge.guid).state is ChallengeState.PENDING
    assert (status.challenge.state, status.action) == (ChallengeState.EXPIRED, None)
