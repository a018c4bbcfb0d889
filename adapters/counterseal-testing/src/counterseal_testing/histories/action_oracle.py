"""
The oracle of actions: what an approval allows, who uses it, and how often.

An approved action comes from an approving answer and from nothing else; it is used at most once,
by its own origin, for the arguments that were approved, in time, while the account is open and the
approving device is active; and its use is reported at most once, by that origin.
"""

from __future__ import annotations

import base64
import hashlib
import json

from counterseal_testing.histories.ending_oracle import approves, decode_part
from counterseal_testing.histories.ledger import ActionEntry, Commit, Ledger, Plain

USE_TYPE = "counterseal-use+jwt"


def digest_of(action: Plain, client: str, valid_until: str) -> str:
    """Return the digest of an action of ASCII texts and whole numbers, written by its own means."""
    document = {
        "version": 1,
        "type": action["type"],
        "resource": action["resource"],
        "arguments": action["arguments"],
        "client": client,
        "validUntil": valid_until,
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def require_action(question: Plain, new: Plain) -> None:
    """
    Demand that a new challenge asks for the action that its origin sent.

    Raises:
        AssertionError: It asks for another one, or displays another one.
    """
    action, display = question["action"], json.loads(new["display"])
    if action is None:
        assert "action" not in display
        assert new["action"] is None
        return
    displayed = display["action"]
    expected = digest_of(action, new["origin"], displayed["validUntil"])
    assert displayed["digest"] == expected, "the digest of another action is displayed"
    assert new["action"]["digest"] == displayed["digest"], "one digest is stored, and another shown"
    rows = {pair["value"] for pair in display["content"]["keys"]}
    values = {json.dumps(value) for value in action["arguments"].values()}
    assert values <= rows, "an argument is not displayed"
    assert new["deadline"] <= new["action"]["valid_until"], "asked for an approval without use"


def check_action(ledger: Ledger, commit: Commit, old: Plain | None, new: Plain) -> None:
    """
    Check one change of an approved action.

    Raises:
        AssertionError: Nothing allows it.
    """
    challenge, facts = new["challenge"], commit.operation.facts
    if old is None:
        entry = ledger.challenges[challenge]
        assert entry.ending is not None, "an action of a challenge that is open"
        assert approves(entry, entry.ending), "an action that nobody approved"
        assert challenge not in ledger.actions, "a second action of one challenge"
        assert new["terms"] == entry.ending["action"], "another action than the approved one"
        assert (new["account"], new["origin"]) == (entry.account, entry.origin)
        assert new["device"] == entry.ending["outcome"]["device"]
        ledger.actions[challenge] = ActionEntry(
            account=entry.account,
            origin=entry.origin,
            device=new["device"],
            valid_until=new["terms"]["valid_until"],
            digest=new["terms"]["digest"],
        )
        return
    action = ledger.actions[challenge]
    assert action.state == "APPROVED", "an action that had ended changed"
    fixed = {"state", "version", "keep_until"}
    assert {k: v for k, v in old.items() if k not in fixed} == {
        k: v for k, v in new.items() if k not in fixed
    }, "an approved action changed"
    action.state = new["state"]
    if action.state == "EXPIRED":
        assert any(moment >= action.valid_until for moment in commit.moments), "expired too early"
        return
    assert facts["challenge"] == challenge, "another action was ended"
    assert facts["origin"] == action.origin, "ended by another origin"
    assert any(moment < action.valid_until for moment in commit.moments), "ended too late"
    if action.state == "USED":
        person = ledger.accounts[action.account]
        assert not person.locked, "an action of a locked account was used"
        assert not person.erased, "an action of an erased account was used"
        device = ledger.bindings[action.device]
        assert device.state == "ACTIVE", f"approved by a device that is {device.state}, and used"
        assert facts["arguments"] == ledger.challenges[challenge].arguments, "other arguments"
        uses = [use for kind, _, use in commit.changes if kind == "ActionUse"]
        assert [use["challenge"] for use in uses] == [challenge], "used without a use"


def check_use(ledger: Ledger, commit: Commit, old: Plain | None, new: Plain) -> None:
    """
    Check the use of an action, or its report.

    Raises:
        AssertionError: Nothing allows it.
    """
    action, facts = ledger.actions[new["challenge"]], commit.operation.facts
    if old is None:
        assert action.use is None, "an action was used twice"
        assert new["state"] == "UNKNOWN"
        assert new["presented"]
        action.use = "UNKNOWN"
        _require_receipt(ledger, new)
        return
    assert action.use == "UNKNOWN", "a use was reported twice"
    assert facts["challenge"] == new["challenge"], "another use was reported"
    assert facts["origin"] == action.origin, "reported by another origin"
    action.use = new["state"]


def require_approved_actions(ledger: Ledger, commit: Commit) -> None:
    """
    Demand an approved action for each challenge that an approval of one has ended in this commit.

    Raises:
        AssertionError: There is none.
    """
    for kind, _, new in commit.changes:
        if kind == "Challenge" and new["outcome"] and new["action"]:
            approved = approves(ledger.challenges[new["guid"]], new)
            assert approved is (new["guid"] in ledger.actions), "approved without an action"


def _require_receipt(ledger: Ledger, new: Plain) -> None:
    receipt, action = new["receipt"], ledger.actions[new["challenge"]]
    header = decode_part(receipt, 0)
    issuer = next(jwk for jwk in ledger.service_keys if jwk["kid"] == header["kid"])
    assert header["typ"] == USE_TYPE
    claims = ledger.verify(receipt, issuer)
    expected = {
        "challenge": new["challenge"],
        "account": action.account,
        "origin": action.origin,
        "device": action.device,
        "action": action.digest,
        "arguments": "matched",
    }
    assert {name: claims[name] for name in expected} == expected, "a receipt of another use"
    ending = ledger.challenges[new["challenge"]].ending
    assert ending is not None
    signed = ending["outcome"]["receipt"].rpartition(".")[0]
    digest = hashlib.sha256(signed.encode()).digest()
    approval = base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
    assert claims["approval"] == approval, "a receipt of another approval"
