"""The judge on endings: what may end a challenge, what an answer has to show, what follows."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime, timedelta

from counterseal.testing.histories.ledger import Asked, Commit, Holder, Ledger, Person, Plain

LIVE = {"PENDING", "SEEN"}
TYPES = {"ANSWERED": "counterseal-answer+jwt", "DISOWNED": "counterseal-disown+jwt"}
RECEIPT_TYPE = "counterseal-receipt+jwt"


def ended(ledger: Ledger, commit: Commit, asked: Asked, new: Plain) -> None:
    """
    Judge the one ending of a challenge, and count what it means for its person.

    Raises:
        AssertionError: It must not end so, or not now.
    """
    state, at, facts = new["state"], new["outcome"]["at"], commit.act.facts
    person = ledger.people[asked.account]
    shown = {*commit.moments, *(whole(moment) for moment in commit.moments)}
    # Nothing ends before it was issued, also where the clock went back.
    shown |= {asked.issued_at} if min(shown) < asked.issued_at else set()
    assert at in shown, "a time that the clock did not show while this was decided"
    lapse(ledger, asked.account, at)
    if state == "EXPIRED":
        assert at >= asked.deadline, "expired before the deadline"
    else:
        assert at < asked.deadline, f"{state} at the deadline or after it"
    if state in TYPES:
        _signed(ledger, asked, new)
    elif state == "CANCELLED":
        erased = commit.act.verb == "erase"
        assert erased or facts["origin"] == asked.origin, "cancelled by another origin"
    elif state == "FAILED":
        _wrong_code(ledger, commit, asked, new)
        assert asked.wrong_codes >= ledger.limits.codes, "failed too early"
    if approves(asked, new):
        person.refusals, person.cooled = 0, None
        person.wrong_codes = 0 if asked.code_asked else person.wrong_codes
    elif state != "CANCELLED" and not asked.counted:
        _refused(ledger, person, at)
    asked.counted = True
    assert not new["sealed_code"], "the code outlives its challenge"


def approves(asked: Asked, new: Plain) -> bool:
    """Tell whether the challenge ended with an approving button."""
    if new["state"] != "ANSWERED":
        return False
    return bool(asked.buttons[new["outcome"]["button"]]["approving"])


def lapse(ledger: Ledger, account: str, at: datetime) -> None:
    """Count the account's unanswered questions whose deadline has come at *at*."""
    for asked in sorted(ledger.asked.values(), key=lambda asked: asked.deadline):
        late = asked.account == account and asked.ending is None and asked.deadline <= at
        if late and not asked.counted:
            asked.counted = True
            _refused(ledger, ledger.people[account], asked.deadline)


def mistyped(ledger: Ledger, commit: Commit, asked: Asked, new: Plain) -> None:
    """
    Judge a wrong code that does not end the challenge.

    Raises:
        AssertionError: None was typed, or it was one too many.
    """
    _wrong_code(ledger, commit, asked, new)
    assert new["state"] == asked.state, "a wrong code moved the challenge"
    assert asked.wrong_codes < ledger.limits.codes, "one wrong code too many"


def struck(ledger: Ledger, commit: Commit, old: Plain, new: Plain) -> None:
    """
    Judge a binding that stays, or is revoked, in an answer or disown.

    Raises:
        AssertionError: Nothing allows the change.
    """
    holder, facts, guid = ledger.holders[new["guid"]], commit.act.facts, new["guid"]
    accepted = [
        record
        for _, _, record in commit.changes
        if record.get("state") in TYPES and "outcome" in record
    ]
    if accepted:
        assert new["state"] == "ACTIVE"
        assert accepted[0]["outcome"]["device"] == guid, "another device was forgiven"
        role, _ = holder.keys[accepted[0]["outcome"]["kid"]]
        assert role == "strong", "forgiven without a strong signature"
        holder.strikes = 0
    elif new["strikes"] != old["strikes"]:
        assert facts["device"] == guid, "a device was struck that did not call"
        assert facts["how"] == "wrong pin", "struck for nothing"
        assert not ledger.people[holder.account].locked, "struck while locked"
        holder.strikes += 1
        facts["struck"] = holder.strikes
        over = holder.strikes >= ledger.limits.strikes
        assert new["state"] == ("REVOKED" if over else "ACTIVE"), "strikes and state disagree"
    else:
        assert commit.act.verb in {"ring", "update"}, "a binding changed for no reason"


def owes_callbacks(ledger: Ledger, commit: Commit) -> None:
    """
    Demand one callback with each ending whose origin asked for one, and no other.

    Raises:
        AssertionError: One is missing, or too many.
    """
    ending = [
        new["guid"]
        for kind, old, new in commit.changes
        if kind == "Challenge" and old and old["state"] in LIVE and new["state"] not in LIVE
    ]
    made = [
        new["challenge"] for kind, old, new in commit.changes if kind == "Callback" and old is None
    ]
    wanted = [guid for guid in ending if ledger.asked[guid].callback is not None]
    assert sorted(made) == sorted(wanted), "callbacks and endings do not match"
    for kind, old, new in commit.changes:
        if kind == "Callback" and old is None:
            assert new["url"] == ledger.asked[new["challenge"]].callback, "another address"


def shown_as_asked(question: Plain, new: Plain) -> None:
    """
    Demand that the display document says what the origin asked.

    Raises:
        AssertionError: It says something else.
    """
    display = json.loads(new["display"])
    asked = {
        "content": display["content"],
        "buttons": [
            (button["title"], button["strong"], button.get("style"), button["approves"])
            for button in display["buttons"]
        ],
        "additional_info": display.get("additionalInfo"),
        "transaction_id": display.get("transactionId"),
        "code": display["code"],
    }
    assert asked == {name: question[name] for name in asked}, "shown and asked differ"
    assert display["challenge"] == new["guid"]
    assert display["account"]["guid"] == new["account"]
    assert display["appSpace"]["guid"] == new["app_space"]
    assert display["origin"]["guid"] == new["origin"]
    assert new["display_hash"] == _hash(new["display"]), "the stored hash is not the document's"
    life = (new["deadline"] - new["issued_at"]).total_seconds()
    assert life == question["life"], "another life than was asked for"


def settled(ledger: Ledger) -> None:
    """
    Demand what must hold once every deadline has passed and every receiver is well.

    Raises:
        AssertionError: Something was lost.
    """
    for guid, asked in ledger.asked.items():
        assert asked.ending is not None, "a challenge that never ended"
        owed = ledger.callbacks_of(guid)
        assert len(owed) == (asked.callback is not None), "not exactly one callback"
        for callback in owed:
            delivered = any(status in range(200, 300) for status in callback.statuses)
            assert callback.state in {"DELIVERED", "DEAD"}, "a callback that was forgotten"
            assert delivered or callback.state == "DEAD", "a callback that never arrived"


def whole(moment: datetime) -> datetime:
    """Drop what is below the millisecond."""
    return moment - timedelta(microseconds=moment.microsecond % 1000)


def unverified(token: str, part: int) -> Plain:
    """Return a part of a compact JWS, believing nothing."""
    text = token.split(".")[part]
    members: Plain = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return members


def _refused(ledger: Ledger, person: Person, at: datetime) -> None:
    person.refusals += 1
    if person.refusals >= ledger.limits.refusals:
        cooled = at + timedelta(seconds=ledger.limits.cooldown)
        person.cooled = cooled if person.cooled is None else max(cooled, person.cooled)


def _signed(ledger: Ledger, asked: Asked, new: Plain) -> None:
    outcome, guid = new["outcome"], new["guid"]
    holder, person = ledger.holders[outcome["device"]], ledger.people[asked.account]
    assert holder.account == asked.account, "another account's device answered"
    assert holder.state == "ACTIVE", f"a device answered that is {holder.state}"
    assert not person.locked, "a locked account answered"
    if person.subject in ledger.withdrawn:
        trusted = ledger.withdrawn[person.subject] + timedelta(seconds=ledger.limits.vouch_life)
        assert outcome["at"] < trusted, "a withdrawn user answered"
    header = unverified(outcome["token"], 0)
    role, jwk = holder.keys[header["kid"]]
    assert (header["typ"], header["alg"]) == (TYPES[new["state"]], jwk["alg"])
    claims = ledger.verify(outcome["token"], jwk)
    assert claims["display"] == _hash(asked.display), "something else was shown"
    assert (claims["iss"], claims["sub"]) == (outcome["device"], asked.account)
    assert (claims["aud"], claims["challenge"]) == (asked.space, guid)
    assert (outcome["kid"], outcome["button"]) == (header["kid"], claims.get("button"))
    if new["state"] == "ANSWERED":
        button = asked.buttons[claims["button"]]
        assert claims["title"] == button["title"]
        assert role == "strong" or not button["strong"], "a weak key answered a strong button"
        if asked.code_asked and button["approving"]:
            assert asked.code is not None, "approved with a code that nobody was told"
            assert claims.get("code") == asked.code, "approved with a wrong code"
    if role == "strong":
        assert holder.strikes == 0, "strikes outlive a right signature"
    _receipted(ledger, asked, person, new)


def _receipted(ledger: Ledger, asked: Asked, person: Person, new: Plain) -> None:
    outcome = new["outcome"]
    receipt = outcome["receipt"]
    kid = unverified(receipt, 0)["kid"]
    issuer = next(jwk for jwk in ledger.service_keys if jwk["kid"] == kid)
    assert unverified(receipt, 0)["typ"] == RECEIPT_TYPE
    claims = ledger.verify(receipt, issuer)
    person.receipts += 1
    assert (claims["number"], claims["previous"]) == (person.receipts, person.receipt_hash)
    assert (claims["display"], claims["answer"]) == (asked.display, outcome["token"])
    assert (claims["device"], claims["account"]) == (outcome["device"], asked.account)
    assert (claims["outcome"], claims["approved"]) == (new["state"], approves(asked, new))
    person.receipt_hash = _hash(receipt[: receipt.rindex(".")])


def _wrong_code(ledger: Ledger, commit: Commit, asked: Asked, new: Plain) -> None:
    facts, person = commit.act.facts, ledger.people[asked.account]
    holder: Holder = ledger.holders[facts["device"]]
    assert facts["how"] == "wrong code", "no code was mistyped"
    assert facts["challenge"] == new["guid"], "a code was mistyped elsewhere"
    assert asked.code_asked
    assert asked.buttons[facts["button"]]["approving"], "a code that no button asks for"
    assert holder.state == "ACTIVE", "an inactive device's code was counted"
    assert holder.account == asked.account, "a stranger's code was counted"
    assert not person.locked, "a locked account's code was counted"
    asked.wrong_codes += 1
    person.wrong_codes += 1
    person.locked = person.wrong_codes >= ledger.limits.codes_account


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
