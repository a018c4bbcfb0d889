"""The oracle of confirmations: when a new device counts, and what must have been signed for it."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from counterseal_testing.histories import ending_oracle, passkey_oracle
from counterseal_testing.histories.ledger import BindingEntry, Commit, Ledger, Plain

CONFIRM_TYPE = "counterseal-confirm+jwt"
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODES: dict[str, str] = {}


def check_completed(ledger: Ledger, commit: Commit, entry: BindingEntry, new: Plain) -> None:
    """
    Check that a device that another one invited waits, and for its time only.

    Raises:
        AssertionError: It counts at once, or waits for nothing, or too long.
    """
    waits = new["state"] == "UNCONFIRMED"
    assert waits == (entry.endorser is not None), "a device counts that nobody has confirmed"
    assert ledger.is_endorsed(new["guid"]), "a device counts that an inactive one invited"
    if waits:
        life = timedelta(seconds=ledger.limits.confirmation_life)
        ends = {moment + life for moment in commit.moments}
        assert new["deadline"] in ends, "a new device waits for another time than it may"
        entry.deadline = new["deadline"]


def check_decision(ledger: Ledger, commit: Commit, old: Plain, new: Plain) -> None:
    """
    Check one binding of a commit in which a new device was decided on.

    Raises:
        AssertionError: Nothing allows the change.
    """
    facts, guid = commit.operation.facts, new["guid"]
    if guid != facts["binding"]:
        _check_confirmer(ledger, commit, old, new)
        return
    entry = ledger.bindings[guid]
    assert old["state"] == "UNCONFIRMED", "a new device was decided on twice"
    assert not ledger.accounts[entry.account].locked, "decided for a locked account"
    in_time = any(moment < entry.deadline for moment in commit.moments)
    assert in_time, "a new device was decided on too late"
    if commit.operation.verb == "compare":
        _check_compared(ledger, commit, entry, new)
    else:
        _check_signed(ledger, commit, entry, new)
    entry.confirmer = new["confirmer"]


def code_of(account: str, binding: str, keys: dict[str, tuple[str, Plain]]) -> str:
    """Return the comparison code of a new device's keys, by the wire page."""
    thumbprints = ending_oracle.thumbprints_of(keys)
    lines = "\n".join(sorted(f"{role} {one}" for role in thumbprints for one in thumbprints[role]))
    salt = f"counterseal-comparison {account} {binding}"
    if salt + lines not in _CODES:
        derived = hashlib.pbkdf2_hmac("sha256", lines.encode(), salt.encode(), 65536, 8)
        bits = f"{int.from_bytes(derived):064b}"
        text = "".join(LETTERS[int(bits[at : at + 5], 2)] for at in range(0, 50, 5))
        _CODES[salt + lines] = f"{text[:5]}-{text[5:]}"
    return _CODES[salt + lines]


def _check_compared(ledger: Ledger, commit: Commit, entry: BindingEntry, new: Plain) -> None:
    facts = commit.operation.facts
    space = ledger.accounts[entry.account].space
    assert facts["space"] == space, "an origin of another App Space decided"
    assert ledger.is_endorsed(new["guid"]), "a device counts that an inactive one invited"
    if new["state"] == "ACTIVE":
        code = code_of(entry.account, new["guid"], entry.keys)
        assert facts["code"] == code, "confirmed by a wrong code"
        assert new["confirmer"] == facts["origin"], "confirmed by another origin"
        return
    assert facts["how"] == "wrong code", "a right code was counted as wrong"
    entry.wrong_codes += 1
    assert new["wrong_codes"] == entry.wrong_codes, "wrong codes do not add up"
    over = entry.wrong_codes >= ledger.limits.comparisons
    assert new["state"] == ("REVOKED" if over else "UNCONFIRMED"), "wrong codes and state disagree"


def _check_signed(ledger: Ledger, commit: Commit, entry: BindingEntry, new: Plain) -> None:
    facts, token = commit.operation.facts, new["confirmation"]
    assert new["confirmer"] == facts["device"] != new["guid"], "another device has confirmed"
    confirmer = ledger.bindings[facts["device"]]
    before, after = _states_of(commit, facts["device"], confirmer.state)
    assert confirmer.account == entry.account, "another account's device decided"
    assert before == "ACTIVE", f"a device decided that is {before}"
    _require_trusted(ledger, commit, confirmer)
    header = ending_oracle.decode_part(token, 0)
    role, jwk = confirmer.keys[header["kid"]]
    assert role == "strong", "a weak key has confirmed"
    assert (header["typ"], header["alg"]) == (CONFIRM_TYPE, jwk["alg"])
    claims = passkey_oracle.verify_claims(ledger, token, jwk)
    own_keys = ending_oracle.thumbprints_of(confirmer.keys)
    passkey_oracle.require_device_key(claims, jwk, own_keys["device"])
    assert (claims["iss"], claims["sub"]) == (facts["device"], entry.account)
    assert claims["aud"] == ledger.accounts[entry.account].space
    assert claims["binding"] == new["guid"], "another device was signed"
    signed = {name: claims[name] for name in ("device", "strong")}
    new_keys = ending_oracle.thumbprints_of(entry.keys)
    assert signed == new_keys, "other keys were signed than the device has"
    refused = claims["choice"] == "refuse"
    assert new["state"] == ("REVOKED" if refused else "ACTIVE"), "state and choice disagree"
    if entry.endorser is not None and not refused:
        endorsed, _ = _states_of(commit, entry.endorser, ledger.bindings[entry.endorser].state)
        assert endorsed == "ACTIVE", "a device counts that an inactive one invited"
    moved = claims["choice"] == "move"
    assert after == ("REVOKED" if moved else "ACTIVE"), "the old device is not as was signed"


def _check_confirmer(ledger: Ledger, commit: Commit, old: Plain, new: Plain) -> None:
    facts, guid = commit.operation.facts, new["guid"]
    assert guid == facts.get("device"), "a device changed that nobody decided on"
    if any(record["guid"] == facts["binding"] for _, _, record in commit.changes):
        # Whether it stays is checked with the token that it has signed.
        ledger.bindings[guid].strikes = 0
    else:
        ending_oracle.check_strike(ledger, commit, old, new)


def _states_of(commit: Commit, guid: str, unchanged: str) -> tuple[str, str]:
    for _, old, new in commit.changes:
        if new["guid"] == guid and old is not None:
            return old["state"], new["state"]
    return unchanged, unchanged


def _require_trusted(ledger: Ledger, commit: Commit, confirmer: BindingEntry) -> None:
    subject = ledger.accounts[confirmer.account].subject
    if subject in ledger.withdrawn:
        life = timedelta(seconds=ledger.limits.confirmed_life)
        trusted = ledger.withdrawn[subject] + life
        assert min(commit.moments) < trusted, "a withdrawn user decided on a new device"
