"""
The oracle: compares every applied commit with its own ledger.

It shares no code with the core. What it demands:

- a record follows the version that was stored before, and only by an operation that may move it so;
- a challenge ends at most once, and what has ended never changes;
- an answer or disown counts only with a valid signature, over the document that was stored when
  the challenge was issued, by a key of a device that is active on an unlocked account, before the
  deadline, with the right code where one is asked for;
- a challenge that ends gets exactly one callback, in the same commit, if its origin asked for one;
- each change of an account's standing has exactly one event, in the same commit, with the
  account's next number, and nothing else has any;
- a notification is enqueued for the account's own active devices, of what is so, and pushed in
  time only;
- devices are reminded once of an action with a long life, in its middle, and of nothing else;
- a refusal's reason is the one that was signed, and in its commit follows what the policy says,
  and nothing else;
- no App Space and no origin allows what the policy above it forbids;
- each event is published once, without a gap in its log or its account's order, and an origin gets
  an account's events in their order;
- an account that is erased has no device and no question left, and is shown to nobody;
- counters are never below the truth;
- an attacker changes nothing that is somebody else's;
- a ceremony ends once, in time, by its own origin and the passkey of its own account, and a
  registration in a binding that is never asked and never notified;
- a device that another one invited counts only once a strong key of an active device of its
  account has signed its keys, or an origin of its App Space typed their code, and in time;
- an action is used once at most, by its own origin, for the arguments that a person approved;
- receipts chain, account by account.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from counterseal_testing.histories import (
    action_oracle,
    ceremony_oracle,
    confirmation_oracle,
    ending_oracle,
    event_oracle,
    narrowing_oracle,
    notification_oracle,
    passkey_oracle,
    publishing_oracle,
    reaction_oracle,
    seen_oracle,
)
from counterseal_testing.histories.ledger import (
    AccountEntry,
    BindingEntry,
    CallbackEntry,
    ChallengeEntry,
    Commit,
    Ledger,
    Plain,
)
from counterseal_testing.histories.transitions import ENDED, TRANSITIONS

WAITING = 5
"""Devices that others invited, and that were not bound or not confirmed."""

ORDER = (
    *("Login", "PasskeyRegistration", "PasskeyAuthentication"),
    *("AppSpace", "Origin", "Binding", "Challenge", "ApprovedAction", "ActionUse"),
    *("AccountEvent", "LoggedEvent"),
    *("EventLog", "EventStream", "Callback", "Notification", "Account"),
)
"""The account last: its counters follow from what the others did."""


def check_commit(ledger: Ledger, commit: Commit) -> None:
    """
    Hold one commit against the ledger, and write it down.

    Raises:
        AssertionError: The core did what it must never do.
    """
    operation = commit.operation
    operation.commits += 1
    open_before = reaction_oracle.open_beside(ledger, commit)
    if seen_oracle.was_seen(ledger, commit):
        return
    for kind, old, new in commit.changes:
        _check_transition(ledger, commit, kind, old, new)
    for kind in ORDER:
        for changed, old, new in commit.changes:
            if changed == kind:
                _CHECKS[kind](ledger, commit, old, new)
    for kind, _, new in commit.changes:
        if kind in {"Binding", "Account"}:
            account = new["account" if kind == "Binding" else "guid"]
            _require_roster(ledger, account, commit.latest)
            _require_bound_limit(ledger, account)
    action_oracle.require_approved_actions(ledger, commit)
    notification_oracle.require_reminders(ledger, commit)
    ending_oracle.require_callbacks(ledger, commit)
    reaction_oracle.require_cancelled(commit, open_before)
    event_oracle.require_events(commit)
    _require_audit(commit)


def _check_transition(
    ledger: Ledger, commit: Commit, kind: str, old: Plain | None, new: Plain
) -> None:
    operation, guid = commit.operation, new["guid"]
    before = None if old is None else old.get("state", "")
    transition = (kind, before, new.get("state", ""))
    assert operation.verb in TRANSITIONS.get(transition, set()), (
        f"{operation.verb} moved {transition}"
    )
    if kind == "Binding" and operation.verb == "authenticate":
        assert old is not None
        assert seen_oracle.only_seen(old, new), "a passkey was changed by its use"
    assert new["version"] == ledger.versions.get(guid, 0) + 1, f"{kind}: not the next version"
    assert old is None or old["version"] == ledger.versions[guid], f"{kind}: a lost update"
    ledger.versions[guid] = new["version"]
    if operation.attacker:
        account = guid if kind == "Account" else new.get("account", "")
        mine = account in ledger.accounts and ledger.accounts[account].attacker
        assert mine, f"an attacker changed a {kind}"


def _login(ledger: Ledger, commit: Commit, _: Plain | None, new: Plain) -> None:
    if new["state"] == "USED":
        assert commit.operation.facts["login"] == new["guid"], "another log-in was spent"
        assert _is_before(new["deadline"], commit), "a log-in was spent too late"
    ledger.logins[new["guid"]] = new["state"]


def _ceremony(kind: str, ledger: Ledger, commit: Commit, old: Plain | None, new: Plain) -> None:
    ceremony_oracle.check_ceremony(ledger, commit, kind, old, new)


def _binding(ledger: Ledger, commit: Commit, old: Plain | None, new: Plain) -> None:
    facts, guid, state = commit.operation.facts, new["guid"], new["state"]
    if old is None:
        _new_binding(ledger, commit, new)
        return
    binding_entry = ledger.bindings[guid]
    before, binding_entry.state = binding_entry.state, state
    assert old["state"] == before, f"{before} by the ledger, {old['state']} by the store"
    if commit.operation.verb == "erase":
        assert facts["account"] == binding_entry.account, "a device of another account was erased"
        binding_entry.keys = {}
    elif commit.operation.verb in {"decide", "compare"}:
        confirmation_oracle.check_decision(ledger, commit, old, new)
    elif before == "INVITED" and state in {"ACTIVE", "UNCONFIRMED"}:
        assert facts["binding"] == guid, "another binding than the token's was completed"
        assert not ledger.accounts[binding_entry.account].locked, (
            "a device was bound to a locked account"
        )
        assert _is_before(binding_entry.deadline, commit), "a device was bound too late"
        confirmation_oracle.check_completed(ledger, commit, binding_entry, new)
        binding_entry.keys = dict(facts["keys"])
    elif commit.operation.verb == "rotate" and new["keys"] != old["keys"]:
        assert facts["device"] == guid, "another device than the caller was rotated"
        assert not ledger.accounts[binding_entry.account].locked, (
            "a device of a locked account was rotated"
        )
        assert facts["how"] == "right", "rotated with a wrong PIN"
        roles = {role for role, _ in facts["keys"].values()}
        other_keys = {kid: key for kid, key in binding_entry.keys.items() if key[0] not in roles}
        binding_entry.keys = other_keys | facts["keys"]
    elif state == "SUSPENDED" and before == "ACTIVE":
        by_staff = commit.operation.verb == "suspend" and facts["device"] == guid
        assert new["suspended_by"] == ("staff" if by_staff else "idp")
        assert by_staff or _is_withdrawn(ledger, binding_entry), (
            "suspended, and the provider vouches"
        )
        binding_entry.suspended_by = new["suspended_by"]
    elif state == "ACTIVE" and before == "SUSPENDED":
        by_staff = commit.operation.verb == "resume" and facts["device"] == guid
        authority = "staff" if by_staff else "idp"
        assert binding_entry.suspended_by == authority, "resumed by another authority"
        overtaken = facts.get("overtaken", False)
        is_known = overtaken or not _is_withdrawn(ledger, binding_entry)
        assert by_staff or is_known, "resumed, and nobody vouches"
        binding_entry.suspended_by = None
    elif state == "REVOKED" and commit.operation.verb in {"revoke", "unbind"}:
        assert facts["device"] == guid, "another device was revoked"
        by_itself = commit.operation.verb == "unbind"
        locked = ledger.accounts[binding_entry.account].locked
        assert not (by_itself and locked), "a device of a locked account unbound itself"
    elif state == "EXPIRED":
        late = any(moment >= binding_entry.deadline for moment in commit.moments)
        assert late, "an invitation expired too early"
    else:
        ending_oracle.check_strike(ledger, commit, old, new)
    assert new["strikes"] == binding_entry.strikes, "strikes do not add up"
    assert _keys_of(new) == binding_entry.keys, "keys that the device did not offer"


def _new_binding(ledger: Ledger, commit: Commit, new: Plain) -> None:
    guid, account = new["guid"], new["account"]
    if account in ledger.accounts:
        assert not ledger.accounts[account].locked, "a locked account was invited"
    if commit.operation.verb == "register":
        ledger.bindings[guid] = ceremony_oracle.check_registered(ledger, commit, new)
    else:
        endorser = new["endorser"]
        by_device = commit.operation.verb == "invite_another"
        assert endorser == (commit.operation.facts["device"] if by_device else None)
        assert not by_device or ledger.bindings[endorser].state == "ACTIVE", "not to invite"
        assert not by_device or ledger.bindings[endorser].account == account, "a stranger invited"
        ledger.bindings[guid] = BindingEntry(
            account=account, deadline=new["deadline"], endorser=endorser
        )
    assert _keys_of(new) == ledger.bindings[guid].keys, "keys that nobody offered"
    living, bound = ledger.living(account, commit.latest), ledger.bound(account)
    fits = len(living) <= ledger.limits.bindings
    # Where the new device can take the place of another, its invitation needs none.
    waiting, verb = len(living) - len(bound), commit.operation.verb
    may_replace = verb == "log_in" and bound and waiting <= 10
    may_move = verb == "invite_another" and waiting <= WAITING
    assert fits or may_replace or may_move, "more invitations than the policy allows"


def _require_bound_limit(ledger: Ledger, account: str) -> None:
    assert len(ledger.bound(account)) <= ledger.limits.bindings, (
        "more devices than the policy allows"
    )


def _challenge(ledger: Ledger, commit: Commit, old: Plain | None, new: Plain) -> None:
    if old is None:
        _require_issue(ledger, commit, new)
        return
    entry = ledger.challenges[new["guid"]]
    if commit.operation.verb == "requeue":
        _check_longer_retention(ledger, commit, entry, new)
        return
    assert entry.ending is None, "a finished challenge changed"
    fixed_fields = ["account", "origin", "deadline", "callback", "code_asked"]
    if commit.operation.verb == "erase":
        assert commit.operation.facts["account"] == entry.account, "another account's was erased"
        entry.callback = None
    else:
        fixed_fields.append("display")
    for fixed in fixed_fields:
        assert new[fixed] == getattr(entry, fixed), f"{fixed} changed after issue"
    if new["state"] in {"PENDING", "SEEN"}:
        if commit.operation.verb == "answer":
            ending_oracle.check_wrong_code(ledger, commit, entry, new)
        else:
            assert commit.operation.facts["challenge"] == new["guid"], (
                "another challenge was fetched"
            )
            device = ledger.bindings[commit.operation.facts["device"]]
            assert device.account == entry.account, "a stranger's device fetched"
            assert _is_before(entry.deadline, commit), "fetched too late"
    else:
        ending_oracle.check_ending(ledger, commit, entry, new)
        entry.ending = new
    assert new["wrong_codes"] == entry.wrong_codes, "wrong codes do not add up"
    entry.state = new["state"]


def _check_longer_retention(
    ledger: Ledger, commit: Commit, entry: ChallengeEntry, new: Plain
) -> None:
    assert entry.ending is not None
    delivery = ledger.callbacks[commit.operation.facts["callback"]]
    assert delivery.challenge == new["guid"], "another callback's challenge changed"
    longer = {"version": new["version"], "keep_until": new["keep_until"]}
    assert new == entry.ending | longer, "a finished challenge changed"
    assert new["keep_until"] >= entry.ending["keep_until"], "forgotten earlier"
    entry.ending = new


def _require_issue(ledger: Ledger, commit: Commit, new: Plain) -> None:
    facts, limits = commit.operation.facts, ledger.limits
    person = ledger.accounts[new["account"]]
    assert (new["origin"], new["app_space"]) == (facts["origin"], facts["space"])
    assert (person.space, person.account_id) == (facts["space"], facts["account_id"])
    assert not person.locked, "a locked account was asked"
    assert ledger.bindings_of(new["account"], "ACTIVE"), "an unbound account was asked"
    own_limits = ledger.limits_in(new["app_space"], new["origin"])
    ending_oracle.require_display(facts["question"], new, own_limits)
    action_oracle.require_action(facts["question"], new)
    ending_oracle.count_expired(ledger, new["account"], new["issued_at"])
    ledger.challenges[new["guid"]] = ChallengeEntry(
        account=new["account"],
        origin=new["origin"],
        space=new["app_space"],
        display=new["display"],
        buttons=new["buttons"],
        callback=facts["question"]["callback"],
        code_asked=facts["question"]["code"],
        issued_at=new["issued_at"],
        deadline=new["deadline"],
        device=facts["question"]["device"],
        arguments=facts["question"]["action"] and facts["question"]["action"]["arguments"],
    )
    for fixed in ("callback", "code_asked", "device"):
        assert new[fixed] == getattr(ledger.challenges[new["guid"]], fixed), (
            f"{fixed} is not as asked"
        )
    if person.cooled is not None and new["issued_at"] < person.cooled:
        assert facts["question"]["code"], "asked without a code in a cool-down"
    reaction_oracle.require_code(ledger, person, facts["question"], new)
    if facts["key"] is not None:
        key = (new["origin"], facts["key"])
        assert ledger.keyed.setdefault(key, new["guid"]) == new["guid"], "one key, two challenges"
    window = timedelta(seconds=limits.ask_window)
    person.ask_times.append((new["issued_at"], new["origin"]))
    recent = [origin for at, origin in person.ask_times if commit.latest - at < window]
    assert len(recent) <= limits.asks, "asked too often"
    assert recent.count(new["origin"]) <= limits.asks_origin, "asked too often by one origin"


def _callback(ledger: Ledger, commit: Commit, old: Plain | None, new: Plain) -> None:
    guid, state = new["guid"], new["state"]
    if old is None:
        if new["event"] is not None:
            ledger.callbacks[guid] = publishing_oracle.new_callback(commit, new)
            return
        assert not ledger.callbacks_of(new["challenge"]), "a second callback"
        ledger.callbacks[guid] = CallbackEntry(
            challenge=new["challenge"], account=new["account"], origin=new["origin"]
        )
        return
    delivery = ledger.callbacks[guid]
    if delivery.event and commit.operation.facts.get("callback") != guid:
        publishing_oracle.check_waiting(commit, old, new)
        return
    assert commit.operation.facts["callback"] == guid, "another callback was moved"
    assert (new["challenge"] or "") == delivery.challenge
    assert (new["url"], new["event"]) == (old["url"], old["event"])
    if commit.operation.verb == "requeue":
        delivery.attempts = 0
    elif new["lease_until"] is not None:
        delivery.claims += 1
    else:
        delivery.attempts += 1
    if state == "DELIVERED":
        assert any(status in range(200, 300) for status in delivery.statuses), "never delivered"
    elif state == "DEAD":
        erased = ledger.accounts[delivery.account].erased and not delivery.event
        is_gone = erased or 410 in delivery.statuses
        assert is_gone or delivery.attempts >= ledger.limits.attempts, "given up too early"
    assert new["attempts"] == delivery.attempts, "attempts do not add up"
    delivery.state = state
    delivery.ended = delivery.ended or state in {"DELIVERED", "DEAD"}


def _account(ledger: Ledger, commit: Commit, old: Plain | None, new: Plain) -> None:
    guid, facts = new["guid"], commit.operation.facts
    if old is None:
        assert (new["app_space"], new["account_id"]) == (facts["space"], facts["account_id"])
        ledger.accounts[guid] = AccountEntry(
            space=new["app_space"],
            account_id=new["account_id"],
            attacker=facts.get("owner") == "attacker",
            subject=facts.get("subject", ""),
        )
    person = ledger.accounts[guid]
    if commit.operation.verb in {"lock", "unlock"}:
        assert facts["account"] == guid, "another account was locked"
        person.locked = commit.operation.verb == "lock"
        person.wrong_codes = person.wrong_codes if person.locked else 0
    # Its call may also renew what the identity provider says, in a commit of its own.
    locked_before = None if old is None else old["locked_at"]
    if commit.operation.verb == "lock_by_device" and new["locked_at"] != locked_before:
        device = ledger.bindings[facts["device"]]
        assert not person.locked, "a device of a locked account was believed"
        assert (device.account, device.state) == (guid, "ACTIVE"), "a stranger's device locked"
        person.locked = True
    if commit.operation.verb == "erase":
        assert facts["account"] == guid, "another account was erased"
        assert new["account_id"] != person.account_id, "an erased account has its name still"
        _forget(person, new["account_id"])
    person.roster = {line["binding"]: line["state"] for line in new["devices"]}
    history = new["history"]
    assert (new["locked_at"] is not None) == person.locked, "the lock is not as it should be"
    assert (new["receipts"], new["receipt_hash"]) == (person.receipts, person.receipt_hash)
    assert history["wrong_codes"] == person.wrong_codes, "wrong codes do not add up"
    assert history["refusals"] >= person.refusals, "a refusal was not counted"
    reaction_oracle.check_demand(ledger, commit, person, new)
    unfinished = ledger.unfinished(guid, commit.latest)
    remembered = {line["challenge"] for line in history["open"]}
    assert remembered >= set(unfinished), "an open question was not counted"
    if commit.operation.verb == "issue":
        most = ledger.limits_in(person.space).pending
        assert len(unfinished) <= most, "more open questions than allowed"


def _forget(person: AccountEntry, account_id: str) -> None:
    person.account_id, person.subject = account_id, ""
    person.erased = person.locked = True
    person.wrong_codes = person.refusals = person.receipts = 0
    person.cooled = person.codes_until = None
    person.receipt_hash, person.ask_times = "", []


def _require_roster(ledger: Ledger, account: str, latest: datetime) -> None:
    roster = ledger.accounts[account].roster
    for guid in ledger.living(account, latest):
        assert roster.get(guid) == ledger.bindings[guid].state, "the roster is out of step"
    for guid, state in roster.items():
        assert ledger.bindings[guid].state == state, "the roster is out of step"


def _require_audit(commit: Commit) -> None:
    # A worker's claim, or its note that an event is published.
    silent = commit.operation.verb in {"attempt", "push", "publish"}
    assert commit.audit or silent, "a commit that the audit log does not know"
    for kind, old, new in commit.changes:
        if kind == "Challenge" and old and old["state"] not in ENDED and new["state"] in ENDED:
            key = (f"challenge.{new['state'].lower()}", new["guid"])
            events = [(event["event"], event["subject"]) for event in commit.audit]
            assert events.count(key) == 1, f"{key[0]} is not audited exactly once"


def _is_before(deadline: datetime, commit: Commit) -> bool:
    return any(moment < deadline for moment in commit.moments)


def _is_withdrawn(ledger: Ledger, binding_entry: BindingEntry) -> bool:
    return ledger.accounts[binding_entry.account].subject in ledger.withdrawn


def _keys_of(binding: Plain) -> dict[str, tuple[str, Plain]]:
    return {key["key"]["kid"]: (key["role"], _jwk_of(key["key"])) for key in binding["keys"]}


def _jwk_of(key: Plain) -> Plain:
    prefix = "" if key["passkey"] is None else passkey_oracle.PREFIX
    return {**json.loads(key["jwk"]), "kid": key["kid"], "alg": f"{prefix}{key['algorithm']}"}


_CHECKS: dict[str, Callable[[Ledger, Commit, Plain | None, Plain], None]] = {
    "Login": _login,
    "PasskeyRegistration": partial(_ceremony, "PasskeyRegistration"),
    "PasskeyAuthentication": partial(_ceremony, "PasskeyAuthentication"),
    "AppSpace": narrowing_oracle.check_narrowed,
    "Origin": narrowing_oracle.check_narrowed,
    "Binding": _binding,
    "Challenge": _challenge,
    "ApprovedAction": action_oracle.check_action,
    "ActionUse": action_oracle.check_use,
    "AccountEvent": publishing_oracle.check_event,
    "LoggedEvent": publishing_oracle.check_logged,
    "EventLog": publishing_oracle.check_head,
    "EventStream": publishing_oracle.check_head,
    "Callback": _callback,
    "Notification": notification_oracle.check_notification,
    "Account": _account,
}
