"""The oracle of endings: what may end a challenge, what an answer shows, and what follows."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime, timedelta

from counterseal_testing.histories import passkey_oracle, reaction_oracle
from counterseal_testing.histories.ledger import (
    AccountEntry,
    BindingEntry,
    ChallengeEntry,
    Commit,
    Ledger,
    Limits,
    Plain,
)

LIVE = {"PENDING", "SEEN"}
TYPES = {"ANSWERED": "counterseal-answer+jwt", "DISOWNED": "counterseal-disown+jwt"}
RECEIPT_TYPE = "counterseal-receipt+jwt"
REQUIRED = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}
"""The members of a JWK that its thumbprint is of (RFC 7638, RFC 8037)."""


def check_ending(ledger: Ledger, commit: Commit, entry: ChallengeEntry, new: Plain) -> None:
    """
    Check the one ending of a challenge, and count what it means for its person.

    Raises:
        AssertionError: It must not end so, or not now.
    """
    state, at, facts = new["state"], new["outcome"]["at"], commit.operation.facts
    reason = new["outcome"]["reason"]
    person = ledger.accounts[entry.account]
    moments = {*commit.moments, *(truncate(moment) for moment in commit.moments)}
    # Nothing ends before it was issued, also where the clock went back.
    moments |= {entry.issued_at} if min(moments) < entry.issued_at else set()
    assert at in moments, "a time that the clock did not show while this was decided"
    count_expired(ledger, entry.account, at)
    if state == "EXPIRED":
        assert at >= entry.deadline, "expired before the deadline"
    else:
        assert at < entry.deadline, f"{state} at the deadline or after it"
    if state in TYPES:
        _signed(ledger, entry, new)
        reaction_oracle.expect_reactions(ledger, commit, entry, new)
    elif state == "CANCELLED":
        erased = commit.operation.verb == "erase"
        assert erased or facts["origin"] == entry.origin, "cancelled by another origin"
    elif state == "FAILED":
        _wrong_code(ledger, commit, entry, new)
        assert entry.wrong_codes >= ledger.limits_in(entry.space).codes, "failed too early"
    if approves(entry, new):
        person.refusals, person.cooled = 0, None
        person.wrong_codes = 0 if entry.code_asked else person.wrong_codes
    elif (state != "CANCELLED" or reason == "refused") and not entry.counted:
        _refused(ledger, person, at)
    entry.counted = True
    assert not new["sealed_code"], "the code outlives its challenge"


def approves(entry: ChallengeEntry, new: Plain) -> bool:
    """Tell whether the challenge ended with an approving button."""
    if new["state"] != "ANSWERED":
        return False
    return bool(entry.buttons[new["outcome"]["button"]]["approving"])


def count_expired(ledger: Ledger, account: str, at: datetime) -> None:
    """Count the account's unanswered questions whose deadline has come at *at*."""
    for entry in sorted(ledger.challenges.values(), key=lambda entry: entry.deadline):
        late = entry.account == account and entry.ending is None and entry.deadline <= at
        if late and not entry.counted:
            entry.counted = True
            _refused(ledger, ledger.accounts[account], entry.deadline)


def check_wrong_code(ledger: Ledger, commit: Commit, entry: ChallengeEntry, new: Plain) -> None:
    """
    Check a wrong code that does not end the challenge.

    Raises:
        AssertionError: None was typed, or it was one too many.
    """
    _wrong_code(ledger, commit, entry, new)
    assert new["state"] == entry.state, "a wrong code moved the challenge"
    assert entry.wrong_codes < ledger.limits_in(entry.space).codes, "one wrong code too many"


def check_strike(ledger: Ledger, commit: Commit, old: Plain, new: Plain) -> None:
    """
    Check a binding that stays, or is revoked, in an answer or disown.

    Raises:
        AssertionError: Nothing allows the change.
    """
    binding_entry, facts, guid = ledger.bindings[new["guid"]], commit.operation.facts, new["guid"]
    accepted = [
        record
        for _, _, record in commit.changes
        if record.get("state") in TYPES and "outcome" in record
    ]
    if accepted:
        assert new["state"] == "ACTIVE"
        assert accepted[0]["outcome"]["device"] == guid, "another device was forgiven"
        role, _ = binding_entry.keys[accepted[0]["outcome"]["kid"]]
        assert role == "strong", "forgiven without a strong signature"
        binding_entry.strikes = 0
    elif new["strikes"] != old["strikes"]:
        assert facts["device"] == guid, "a device was struck that did not call"
        assert facts["how"] == "wrong pin", "struck for nothing"
        assert not ledger.accounts[binding_entry.account].locked, "struck while locked"
        binding_entry.strikes += 1
        facts["struck"] = binding_entry.strikes
        space = ledger.accounts[binding_entry.account].space
        over = binding_entry.strikes >= ledger.limits_in(space).strikes
        assert new["state"] == ("REVOKED" if over else "ACTIVE"), "strikes and state disagree"
    else:
        unstruck = {"push", "update", "authenticate"}
        assert commit.operation.verb in unstruck, "a binding changed for no reason"


def require_callbacks(ledger: Ledger, commit: Commit) -> None:
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
    callbacks = [
        new["challenge"]
        for kind, old, new in commit.changes
        if kind == "Callback" and old is None and new["event"] is None
    ]
    expected = [guid for guid in ending if ledger.challenges[guid].callback is not None]
    assert sorted(callbacks) == sorted(expected), "callbacks and endings do not match"
    for kind, old, new in commit.changes:
        if kind == "Callback" and old is None and new["event"] is None:
            assert new["url"] == ledger.challenges[new["challenge"]].callback, "another address"


def require_display(question: Plain, new: Plain, limits: Limits) -> None:
    """
    Demand that the display document says what the origin asked.

    Raises:
        AssertionError: It says something else.
    """
    display = json.loads(new["display"])
    entry = {
        "content": display["content"] if question["action"] is None else None,
        "buttons": [
            (button["title"], button["strong"], button.get("style"), button["approves"])
            for button in display["buttons"]
        ],
        "additional_info": display.get("additionalInfo"),
        "transaction_id": display.get("transactionId"),
        "code": display["code"],
        "context": display.get("context"),
    }
    assert entry == {name: question[name] for name in entry}, "shown and asked differ"
    assert display["challenge"] == new["guid"]
    assert display["account"]["guid"] == new["account"]
    assert display["appSpace"]["guid"] == new["app_space"]
    assert display["origin"]["guid"] == new["origin"]
    assert new["display_hash"] == _hash(new["display"]), "the stored hash is not the document's"
    life = (new["deadline"] - new["issued_at"]).total_seconds()
    assert life <= limits.life_limit, "a question lives for longer than its origin may ask"
    expected = question["life"] or min(limits.life, limits.life_limit)
    if question["action"] is not None:
        # An approval that could no longer be used is not asked for.
        remaining = (new["action"]["valid_until"] - new["issued_at"]).total_seconds()
        expected = min(expected, remaining)
    assert life == expected, "another life than was asked for"


def require_all_ended(ledger: Ledger) -> None:
    """
    Demand what must hold once every deadline has passed and every receiver is well.

    Raises:
        AssertionError: Something was lost.
    """
    for guid, entry in ledger.challenges.items():
        assert entry.ending is not None, "a challenge that never ended"
        delivery = ledger.callbacks_of(guid)
        assert len(delivery) == (entry.callback is not None), "not exactly one callback"
        for callback in delivery:
            delivered = any(status in range(200, 300) for status in callback.statuses)
            assert callback.state in {"DELIVERED", "DEAD"}, "a callback that was forgotten"
            assert delivered or callback.state == "DEAD", "a callback that never arrived"


def truncate(moment: datetime) -> datetime:
    """Drop what is below the millisecond."""
    return moment - timedelta(microseconds=moment.microsecond % 1000)


def decode_part(token: str, part: int) -> Plain:
    """Return a part of a compact JWS, believing nothing."""
    text = token.split(".")[part]
    members: Plain = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return members


def thumbprints_of(keys: dict[str, tuple[str, Plain]]) -> dict[str, list[str]]:
    """Return the thumbprints of *keys* by role, sorted (RFC 7638)."""
    thumbprints: dict[str, list[str]] = {"device": [], "strong": []}
    for role, jwk in keys.values():
        required = {name: jwk[name] for name in REQUIRED[jwk["kty"]]}
        text = json.dumps(required, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(text.encode()).digest()
        thumbprints[role].append(base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii"))
    return {role: sorted(thumbprints[role]) for role in thumbprints}


def _refused(ledger: Ledger, person: AccountEntry, at: datetime) -> None:
    person.refusals += 1
    if person.refusals >= ledger.limits_in(person.space).refusals:
        cooled = at + timedelta(seconds=ledger.limits.cooldown)
        person.cooled = cooled if person.cooled is None else max(cooled, person.cooled)


def _signed(ledger: Ledger, entry: ChallengeEntry, new: Plain) -> None:
    outcome, guid = new["outcome"], new["guid"]
    binding_entry, person = ledger.bindings[outcome["device"]], ledger.accounts[entry.account]
    assert binding_entry.account == entry.account, "another account's device answered"
    assert binding_entry.state == "ACTIVE", f"a device answered that is {binding_entry.state}"
    assert not person.locked, "a locked account answered"
    if person.subject in ledger.withdrawn:
        trusted = ledger.withdrawn[person.subject] + timedelta(seconds=ledger.limits.confirmed_life)
        assert outcome["at"] < trusted, "a withdrawn user answered"
    header = decode_part(outcome["token"], 0)
    assert header["kid"] in binding_entry.keys, "a key answered that its device had replaced"
    role, jwk = binding_entry.keys[header["kid"]]
    assert (header["typ"], header["alg"]) == (TYPES[new["state"]], jwk["alg"])
    claims = passkey_oracle.verify_claims(ledger, outcome["token"], jwk)
    assert claims["display"] == _hash(entry.display), "something else was shown"
    assert (claims["iss"], claims["sub"]) == (outcome["device"], entry.account)
    assert (claims["aud"], claims["challenge"]) == (entry.space, guid)
    assert (outcome["kid"], outcome["button"]) == (header["kid"], claims.get("button"))
    if new["state"] == "ANSWERED":
        attempts = ledger.limits_in(entry.space).strikes
        assert binding_entry.strikes < attempts, "a device answered that has no attempts left"
        button = entry.buttons[claims["button"]]
        assert claims["title"] == button["title"]
        assert role == "strong" or not button["strong"], "a weak key answered a strong button"
        if button["strong"]:
            own_keys = thumbprints_of(binding_entry.keys)
            passkey_oracle.require_device_key(claims, jwk, own_keys["device"])
        if entry.code_asked and button["approving"]:
            assert entry.code is not None, "approved with a code that nobody has"
            assert claims.get("code") == entry.code, "approved with a wrong code"
    if role == "strong":
        assert binding_entry.strikes == 0, "strikes outlive a right signature"
    _receipted(ledger, entry, person, new)


def _receipted(ledger: Ledger, entry: ChallengeEntry, person: AccountEntry, new: Plain) -> None:
    outcome = new["outcome"]
    receipt = outcome["receipt"]
    kid = decode_part(receipt, 0)["kid"]
    issuer = next(jwk for jwk in ledger.service_keys if jwk["kid"] == kid)
    assert decode_part(receipt, 0)["typ"] == RECEIPT_TYPE
    claims = ledger.verify(receipt, issuer)
    person.receipts += 1
    assert (claims["number"], claims["previous"]) == (person.receipts, person.receipt_hash)
    assert (claims["display"], claims["answer"]) == (entry.display, outcome["token"])
    assert (claims["device"], claims["account"]) == (outcome["device"], entry.account)
    assert (claims["outcome"], claims["approved"]) == (new["state"], approves(entry, new))
    person.receipt_hash = _hash(receipt[: receipt.rindex(".")])


def _wrong_code(ledger: Ledger, commit: Commit, entry: ChallengeEntry, new: Plain) -> None:
    facts, person = commit.operation.facts, ledger.accounts[entry.account]
    binding_entry: BindingEntry = ledger.bindings[facts["device"]]
    assert facts["how"] == "wrong code", "no code was mistyped"
    assert facts["challenge"] == new["guid"], "a code was mistyped elsewhere"
    assert entry.code_asked
    assert entry.buttons[facts["button"]]["approving"], "a code that no button asks for"
    assert binding_entry.state == "ACTIVE", "an inactive device's code was counted"
    assert binding_entry.account == entry.account, "a stranger's code was counted"
    assert not person.locked, "a locked account's code was counted"
    entry.wrong_codes += 1
    person.wrong_codes += 1
    person.locked = person.wrong_codes >= ledger.limits.codes_account


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
