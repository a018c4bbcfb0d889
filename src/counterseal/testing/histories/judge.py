"""
The judge: looks at every applied commit, and compares it with its own ledger.

It shares no code with the core. What it demands:

- a record follows the version that was stored before, and only by an act that may move it so;
- a challenge ends at most once, and what has ended never changes;
- an answer or disown counts only with a valid signature, over the document that was stored when
  the challenge was issued, by a key of a device that is active on an unlocked account, before the
  deadline, with the right code where one is asked for;
- a challenge that ends gets exactly one callback, in the same commit, if its origin asked for one;
- a bell is noted for the account's own active devices, of what is so, and rung until then only;
- an account that is erased has no device and no question left, and is told to nobody;
- counters are never below the truth;
- an attacker changes nothing that is somebody else's;
- receipts chain, account by account.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from counterseal.testing.histories import endings, notes
from counterseal.testing.histories.ledger import (
    Asked,
    Commit,
    Holder,
    Ledger,
    Owed,
    Person,
    Plain,
)
from counterseal.testing.histories.moves import ENDED, MOVES

ORDER = ("Login", "Binding", "Challenge", "Callback", "Notification", "Account")
"""The account last: its counters follow from what the others did."""


def judge(ledger: Ledger, commit: Commit) -> None:
    """
    Hold one commit against the ledger, and write it down.

    Raises:
        AssertionError: The core did what it must never do.
    """
    act = commit.act
    act.commits += 1
    for kind, old, new in commit.changes:
        _moves(ledger, commit, kind, old, new)
    for kind in ORDER:
        for changed, old, new in commit.changes:
            if changed == kind:
                _JUDGES[kind](ledger, commit, old, new)
    for kind, _, new in commit.changes:
        if kind in {"Binding", "Account"}:
            _keeps_roster(ledger, new["account" if kind == "Binding" else "guid"], commit.latest)
    endings.owes_callbacks(ledger, commit)
    _is_audited(commit)


def _moves(ledger: Ledger, commit: Commit, kind: str, old: Plain | None, new: Plain) -> None:
    act, guid = commit.act, new["guid"]
    before = None if old is None else old.get("state", "")
    move = (kind, before, new.get("state", ""))
    assert act.verb in MOVES.get(move, set()), f"{act.verb} moved {move}"
    assert new["version"] == ledger.versions.get(guid, 0) + 1, f"{kind}: not the next version"
    assert old is None or old["version"] == ledger.versions[guid], f"{kind}: a lost update"
    ledger.versions[guid] = new["version"]
    if act.attacker:
        account = guid if kind == "Account" else new.get("account", "")
        mine = account in ledger.people and ledger.people[account].attacker
        assert mine, f"an attacker changed a {kind}"


def _login(ledger: Ledger, commit: Commit, _: Plain | None, new: Plain) -> None:
    if new["state"] == "USED":
        assert commit.act.facts["login"] == new["guid"], "another log-in was spent"
        assert _before(new["deadline"], commit), "a log-in was spent too late"
    ledger.logins[new["guid"]] = new["state"]


def _binding(ledger: Ledger, commit: Commit, old: Plain | None, new: Plain) -> None:
    facts, guid, state = commit.act.facts, new["guid"], new["state"]
    if old is None:
        if new["account"] in ledger.people:
            assert not ledger.people[new["account"]].locked, "a locked account was invited"
        ledger.holders[guid] = Holder(account=new["account"], deadline=new["deadline"])
        living = ledger.living(new["account"], commit.latest)
        assert len(living) <= ledger.limits.bindings, "more devices than the policy allows"
        return
    holder = ledger.holders[guid]
    before, holder.state = holder.state, state
    assert old["state"] == before, f"{before} by the ledger, {old['state']} by the store"
    if commit.act.verb == "erase":
        assert facts["account"] == holder.account, "a device of another account was erased"
        holder.keys = {}
    elif (before, state) == ("INVITED", "ACTIVE"):
        assert facts["binding"] == guid, "another binding than the token's was completed"
        assert not ledger.people[holder.account].locked, "a device was bound to a locked account"
        assert _before(holder.deadline, commit), "a device was bound too late"
        holder.keys = dict(facts["keys"])
    elif commit.act.verb == "rotate" and new["keys"] != old["keys"]:
        assert facts["device"] == guid, "another device than the caller was rotated"
        assert not ledger.people[holder.account].locked, "a device of a locked account was rotated"
        assert facts["how"] == "right", "rotated with a wrong PIN"
        roles = {role for role, _ in facts["keys"].values()}
        kept = {kid: held for kid, held in holder.keys.items() if held[0] not in roles}
        holder.keys = kept | facts["keys"]
    elif state == "SUSPENDED" and before == "ACTIVE":
        by_staff = commit.act.verb == "suspend" and facts["device"] == guid
        assert new["suspended_by"] == ("staff" if by_staff else "idp")
        assert by_staff or _withdrawn(ledger, holder), "suspended, and the provider vouches"
        holder.suspended_by = new["suspended_by"]
    elif state == "ACTIVE" and before == "SUSPENDED":
        by_staff = commit.act.verb == "resume" and facts["device"] == guid
        authority = "staff" if by_staff else "idp"
        assert holder.suspended_by == authority, "resumed by another authority"
        overtaken = facts.get("overtaken", False)
        vouched = overtaken or not _withdrawn(ledger, holder)
        assert by_staff or vouched, "resumed, and nobody vouches"
        holder.suspended_by = None
    elif state == "REVOKED" and commit.act.verb == "revoke":
        assert facts["device"] == guid, "another device was revoked"
    elif state == "EXPIRED":
        late = any(moment >= holder.deadline for moment in commit.moments)
        assert late, "an invitation expired too early"
    else:
        endings.struck(ledger, commit, old, new)
    assert new["strikes"] == holder.strikes, "strikes do not add up"
    assert _keys_of(new) == holder.keys, "keys that the device did not offer"


def _challenge(ledger: Ledger, commit: Commit, old: Plain | None, new: Plain) -> None:
    if old is None:
        _issued(ledger, commit, new)
        return
    asked = ledger.asked[new["guid"]]
    if commit.act.verb == "requeue":
        _kept_longer(ledger, commit, asked, new)
        return
    assert asked.ending is None, "a finished challenge changed"
    fixed_fields = ["account", "origin", "deadline", "callback", "code_asked"]
    if commit.act.verb == "erase":
        assert commit.act.facts["account"] == asked.account, "another account's was erased"
        asked.callback = None
    else:
        fixed_fields.append("display")
    for fixed in fixed_fields:
        assert new[fixed] == getattr(asked, fixed), f"{fixed} changed after issue"
    if new["state"] in {"PENDING", "SEEN"}:
        if commit.act.verb == "answer":
            endings.mistyped(ledger, commit, asked, new)
        else:
            assert commit.act.facts["challenge"] == new["guid"], "another challenge was fetched"
            device = ledger.holders[commit.act.facts["device"]]
            assert device.account == asked.account, "a stranger's device fetched"
            assert _before(asked.deadline, commit), "fetched too late"
    else:
        endings.ended(ledger, commit, asked, new)
        asked.ending = new
    assert new["wrong_codes"] == asked.wrong_codes, "wrong codes do not add up"
    asked.state = new["state"]


def _kept_longer(ledger: Ledger, commit: Commit, asked: Asked, new: Plain) -> None:
    assert asked.ending is not None
    owed = ledger.owed[commit.act.facts["callback"]]
    assert owed.challenge == new["guid"], "another callback's challenge changed"
    longer = {"version": new["version"], "keep_until": new["keep_until"]}
    assert new == asked.ending | longer, "a finished challenge changed"
    assert new["keep_until"] >= asked.ending["keep_until"], "forgotten earlier"
    asked.ending = new


def _issued(ledger: Ledger, commit: Commit, new: Plain) -> None:
    facts, limits = commit.act.facts, ledger.limits
    person = ledger.people[new["account"]]
    assert (new["origin"], new["app_space"]) == (facts["origin"], facts["space"])
    assert (person.space, person.account_id) == (facts["space"], facts["account_id"])
    assert not person.locked, "a locked account was asked"
    assert ledger.holders_of(new["account"], "ACTIVE"), "an unbound account was asked"
    endings.shown_as_asked(facts["question"], new)
    endings.lapse(ledger, new["account"], new["issued_at"])
    ledger.asked[new["guid"]] = Asked(
        account=new["account"],
        origin=new["origin"],
        space=new["app_space"],
        display=new["display"],
        buttons=new["buttons"],
        callback=facts["question"]["callback"],
        code_asked=facts["question"]["code"],
        issued_at=new["issued_at"],
        deadline=new["deadline"],
    )
    for fixed in ("callback", "code_asked"):
        assert new[fixed] == getattr(ledger.asked[new["guid"]], fixed), f"{fixed} is not as asked"
    if person.cooled is not None and new["issued_at"] < person.cooled:
        assert facts["question"]["code"], "asked without a code in a cool-down"
    if facts["key"] is not None:
        named = (new["origin"], facts["key"])
        assert ledger.keyed.setdefault(named, new["guid"]) == new["guid"], "one key, two challenges"
    window = timedelta(seconds=limits.ask_window)
    person.asked.append((new["issued_at"], new["origin"]))
    recent = [origin for at, origin in person.asked if commit.latest - at < window]
    assert len(recent) <= limits.asks, "asked too often"
    assert recent.count(new["origin"]) <= limits.asks_origin, "asked too often by one origin"


def _callback(ledger: Ledger, commit: Commit, old: Plain | None, new: Plain) -> None:
    guid, state = new["guid"], new["state"]
    if old is None:
        assert not ledger.callbacks_of(new["challenge"]), "a second callback"
        ledger.owed[guid] = Owed(challenge=new["challenge"])
        return
    owed = ledger.owed[guid]
    assert commit.act.facts["callback"] == guid, "another callback was moved"
    assert new["challenge"] == owed.challenge
    assert new["url"] == old["url"]
    if commit.act.verb == "requeue":
        owed.attempts = 0
    elif new["lease_until"] is not None:
        owed.claims += 1
    else:
        owed.attempts += 1
    if state == "DELIVERED":
        assert any(status in range(200, 300) for status in owed.statuses), "never delivered"
    elif state == "DEAD":
        erased = ledger.people[ledger.asked[owed.challenge].account].erased
        gone = erased or 410 in owed.statuses
        assert gone or owed.attempts >= ledger.limits.attempts, "given up too early"
    assert new["attempts"] == owed.attempts, "attempts do not add up"
    owed.state = state


def _account(ledger: Ledger, commit: Commit, old: Plain | None, new: Plain) -> None:
    guid, facts = new["guid"], commit.act.facts
    if old is None:
        assert (new["app_space"], new["account_id"]) == (facts["space"], facts["account_id"])
        ledger.people[guid] = Person(
            space=new["app_space"],
            account_id=new["account_id"],
            attacker=facts.get("owner") == "attacker",
            subject=facts.get("subject", ""),
        )
    person = ledger.people[guid]
    if commit.act.verb in {"lock", "unlock"}:
        assert facts["account"] == guid, "another account was locked"
        person.locked = commit.act.verb == "lock"
        person.wrong_codes = person.wrong_codes if person.locked else 0
    if commit.act.verb == "erase":
        assert facts["account"] == guid, "another account was erased"
        assert new["account_id"] != person.account_id, "an erased account has its name still"
        _forget(person, new["account_id"])
    person.roster = {line["binding"]: line["state"] for line in new["devices"]}
    history = new["history"]
    assert (new["locked_at"] is not None) == person.locked, "the lock is not as it should be"
    assert (new["receipts"], new["receipt_hash"]) == (person.receipts, person.receipt_hash)
    assert history["wrong_codes"] == person.wrong_codes, "wrong codes do not add up"
    assert history["refusals"] >= person.refusals, "a refusal was not counted"
    unfinished = ledger.unfinished(guid, commit.latest)
    remembered = {line["challenge"] for line in history["open"]}
    assert remembered >= set(unfinished), "an open question was not counted"
    assert len(unfinished) <= ledger.limits.pending, "more open questions than allowed"


def _forget(person: Person, account_id: str) -> None:
    person.account_id, person.subject = account_id, ""
    person.erased = person.locked = True
    person.wrong_codes = person.refusals = person.receipts = 0
    person.cooled, person.receipt_hash, person.asked = None, "", []


def _keeps_roster(ledger: Ledger, account: str, latest: datetime) -> None:
    roster = ledger.people[account].roster
    for guid in ledger.living(account, latest):
        assert roster.get(guid) == ledger.holders[guid].state, "the roster is out of step"
    for guid, state in roster.items():
        assert ledger.holders[guid].state == state, "the roster is out of step"


def _is_audited(commit: Commit) -> None:
    # A worker's claim.
    silent = commit.act.verb in {"attempt", "ring"}
    assert commit.audit or silent, "a commit that the audit log does not know"
    for kind, old, new in commit.changes:
        if kind == "Challenge" and old and old["state"] not in ENDED and new["state"] in ENDED:
            named = (f"challenge.{new['state'].lower()}", new["guid"])
            lines = [(event["event"], event["subject"]) for event in commit.audit]
            assert lines.count(named) == 1, f"{named[0]} is not audited exactly once"


def _before(deadline: datetime, commit: Commit) -> bool:
    return any(moment < deadline for moment in commit.moments)


def _withdrawn(ledger: Ledger, holder: Holder) -> bool:
    return ledger.people[holder.account].subject in ledger.withdrawn


def _keys_of(binding: Plain) -> dict[str, tuple[str, Plain]]:
    return {held["key"]["kid"]: (held["role"], _jwk_of(held["key"])) for held in binding["keys"]}


def _jwk_of(key: Plain) -> Plain:
    return {**json.loads(key["jwk"]), "kid": key["kid"], "alg": key["algorithm"]}


_JUDGES = {
    "Login": _login,
    "Binding": _binding,
    "Challenge": _challenge,
    "Callback": _callback,
    "Notification": notes.notification,
    "Account": _account,
}
