"""The oracle of ceremonies: who may begin and end one, when, and what it ends in."""

from __future__ import annotations

import base64
import hashlib

from counterseal_testing.histories.ledger import BindingEntry, CeremonyEntry, Commit, Ledger, Plain

ENDS = {"register": "PasskeyRegistration", "authenticate": "PasskeyAuthentication"}
"""The operations that end a ceremony well, and of which kind it is."""


def check_ceremony(
    ledger: Ledger, commit: Commit, kind: str, old: Plain | None, new: Plain
) -> None:
    """
    Check one registration or authentication.

    Raises:
        AssertionError: It began or ended for somebody, or at a time, that it should not.
    """
    facts, guid = commit.operation.facts, new["guid"]
    if old is None:
        _check_begun(ledger, commit, kind, new)
        return
    entry = ledger.ceremonies[guid]
    assert old["state"] == entry.state == "STARTED", "a ceremony ended twice"
    for fixed in ("account", "origin", "deadline"):
        assert new[fixed] == getattr(entry, fixed), f"{fixed} of a ceremony changed"
    if new["state"] == "EXPIRED":
        late = any(moment >= entry.deadline for moment in commit.moments)
        assert late, "a ceremony expired too early"
    else:
        assert ENDS[commit.operation.verb] == kind, "another kind of ceremony ended"
        assert facts["ceremony"] == guid, "another ceremony than the browser's ended"
        assert facts["origin"] == entry.origin, "a ceremony of another origin ended"
        assert facts["how"] == "right", f"a ceremony ended by an answer with {facts['how']}"
        in_time = any(moment < entry.deadline for moment in commit.moments)
        assert in_time, "a ceremony ended at its deadline or after it"
        assert not ledger.accounts[entry.account].locked, "a ceremony of a locked account ended"
        if kind == "PasskeyAuthentication":
            usable = ledger.browsers_of(entry.account, facts["credential"], "ACTIVE")
            assert new["binding"] in usable, "authenticated by another passkey"
    entry.state, entry.binding = new["state"], new["binding"]


def check_registered(ledger: Ledger, commit: Commit, new: Plain) -> BindingEntry:
    """
    Check a binding that a registration ended in.

    Raises:
        AssertionError: It is not of the passkey that was registered, or of one that is bound.
    """
    facts = commit.operation.facts
    ceremony = ledger.ceremonies[facts["ceremony"]]
    assert (ceremony.binding, ceremony.account) == (new["guid"], new["account"])
    assert not new["answers"], "a browser's passkey answers questions"
    assert not new["addresses"], "a browser has a push address"
    others = ledger.browsers_of(new["account"], facts["credential"], "ACTIVE", "SUSPENDED")
    assert not others, "a passkey was registered twice"
    (key,) = new["keys"]
    pinned = key["key"]["passkey"]
    assert key["role"] == "strong"
    rp_id_hash = hashlib.sha256(facts["domain"].encode()).digest()
    assert pinned["rp_id_hash"] == _base64url(rp_id_hash), "pinned to another relying party"
    assert pinned["origins"] == (f"https://{facts['domain']}",), "pinned to another origin"
    assert pinned["credential_id"] == facts["credential"], "another credential was registered"
    jwk = {**facts["jwk"], "kid": key["key"]["kid"], "alg": "WA-ES256"}
    return BindingEntry(
        account=new["account"],
        deadline=new["deadline"],
        state="ACTIVE",
        keys={key["key"]["kid"]: ("strong", jwk)},
        credential=facts["credential"],
    )


def require_none_open(ledger: Ledger) -> None:
    """
    Demand what must hold once every deadline has passed.

    Raises:
        AssertionError: A ceremony never ended.
    """
    for entry in ledger.ceremonies.values():
        assert entry.state != "STARTED", "a ceremony that never ended"


def _check_begun(ledger: Ledger, commit: Commit, kind: str, new: Plain) -> None:
    facts = commit.operation.facts
    assert (new["origin"], new["app_space"]) == (facts["origin"], facts["space"])
    person = ledger.accounts.get(new["account"])
    if person is None:
        assert kind == "PasskeyRegistration", "somebody unknown was to authenticate"
    else:
        assert (person.space, person.account_id) == (facts["space"], facts["account_id"])
        assert not person.locked, "a ceremony of a locked account began"
        if kind == "PasskeyAuthentication":
            usable = ledger.browsers_of(new["account"], None, "ACTIVE")
            assert usable, "an authentication began that nobody can end"
    ledger.ceremonies[new["guid"]] = CeremonyEntry(
        account=new["account"], origin=new["origin"], deadline=new["deadline"]
    )


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
