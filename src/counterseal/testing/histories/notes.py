"""Notes: how the judge looks at what is noted to be rung."""

from __future__ import annotations

from counterseal.testing.histories.ledger import Commit, Ledger, Noted, Plain

NEWS = {
    "challenge": ({"issue"}, ("Challenge", "PENDING")),
    "device_bound": ({"complete"}, ("Binding", "ACTIVE")),
    "device_revoked": ({"revoke", "answer", "disown", "rotate"}, ("Binding", "REVOKED")),
}
"""The acts that make each news, and the record that makes it true in the same commit."""


def notification(ledger: Ledger, commit: Commit, old: Plain | None, new: Plain) -> None:
    """
    Judge one notification.

    Raises:
        AssertionError: It tells what is not so or whom it should not, or moved without cause.
    """
    if old is None:
        _made(ledger, commit, new)
        return
    noted, guid = ledger.noted[new["guid"]], new["guid"]
    assert commit.act.facts["notification"] == guid, "another notification was moved"
    assert noted.state == "QUEUED", "rung again after its end"
    for fixed in ("occasion", "subject", "account"):
        assert new[fixed] == getattr(noted, fixed), f"{fixed} changed"
    assert set(new["devices"]) <= set(old["devices"]) <= noted.devices, "other devices are rung"
    if new["lease_until"] is None:
        noted.attempts += new["attempts"] - old["attempts"]
    assert new["attempts"] == noted.attempts, "attempts do not add up"
    assert (new["skip_reason"] is not None) == (new["state"] == "OVER"), (
        "over, and nobody knows why"
    )
    assert new["delivered"] or new["state"] != "DELIVERED", "rung, and nobody heard"
    assert new["state"] != "QUEUED" or new["next_at"] < new["ends_at"], "tried without end"
    noted.state = new["state"]


def _made(ledger: Ledger, commit: Commit, new: Plain) -> None:
    verbs, true = NEWS[new["occasion"]]
    made = [
        (kind, record["state"])
        for kind, _, record in commit.changes
        if record["guid"] == new["subject"]
    ]
    assert commit.act.verb in verbs, f"{commit.act.verb} makes no such news"
    assert made == [true], "news of what is not so"
    if new["occasion"] == "challenge":
        deadline = ledger.asked[new["subject"]].deadline
        assert new["ends_at"] == deadline, "rung for longer than it can be answered"
    active = set(ledger.holders_of(new["account"], "ACTIVE"))
    told = set(new["devices"])
    assert told <= active - {new["subject"]}, "a device is told that is not to be"
    assert told, "nobody is told"
    ledger.noted[new["guid"]] = Noted(
        occasion=new["occasion"], subject=new["subject"], account=new["account"], devices=told
    )
