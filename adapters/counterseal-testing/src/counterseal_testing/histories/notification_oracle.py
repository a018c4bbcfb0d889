"""The oracle of notifications: who is notified of what, and until when."""

from __future__ import annotations

from datetime import timedelta

from counterseal_testing.histories.ledger import Commit, Ledger, NotificationEntry, Plain

OCCASIONS = {
    "challenge": ({"issue"}, "Challenge", {"PENDING"}),
    "challenge_reminder": ({"issue"}, "Challenge", {"PENDING"}),
    "challenge_ended": (
        {"answer", "disown", "cancel", "issue"},
        "Challenge",
        {"ANSWERED", "DISOWNED", "CANCELLED", "FAILED"},
    ),
    "device_bound": ({"complete", "register", "decide", "compare"}, "Binding", {"ACTIVE"}),
    "device_unconfirmed": ({"complete"}, "Binding", {"UNCONFIRMED"}),
    "device_revoked": (
        {"revoke", "unbind", "answer", "disown", "rotate", "decide", "compare"},
        "Binding",
        {"REVOKED"},
    ),
}
"""The operations that enqueue each occasion, and the record of the same commit that it tells of."""

NEW_NOTIFICATION = ("Notification", None)

TICK = timedelta(milliseconds=1)
"""What the middle of a life is rounded to at most."""


def check_notification(ledger: Ledger, commit: Commit, old: Plain | None, new: Plain) -> None:
    """
    Check one notification.

    Raises:
        AssertionError: It tells what is not so or whom it should not, or moved without cause.
    """
    if old is None:
        _check_new(ledger, commit, new)
        return
    entry, guid = ledger.notifications[new["guid"]], new["guid"]
    assert commit.operation.facts["notification"] == guid, "another notification was moved"
    assert entry.state == "QUEUED", "pushed again after its end"
    for fixed in ("occasion", "subject", "account"):
        assert new[fixed] == getattr(entry, fixed), f"{fixed} changed"
    assert set(new["devices"]) <= set(old["devices"]) <= entry.devices, "other devices are notified"
    if new["lease_until"] is None:
        entry.attempts += new["attempts"] - old["attempts"]
    assert new["attempts"] == entry.attempts, "attempts do not add up"
    assert (new["skip_reason"] is not None) == (new["state"] == "OVER"), "over without a reason"
    assert new["delivered"] or new["state"] != "DELIVERED", "delivered to nobody"
    assert new["state"] != "QUEUED" or new["next_at"] < new["ends_at"], "tried without end"
    entry.state = new["state"]


def require_reminders(ledger: Ledger, commit: Commit) -> None:
    """
    Demand that devices will be reminded once of each new action with a long life.

    Raises:
        AssertionError: They will not be, or more often, at another time, or of something else.
    """
    notifications = [new for kind, old, new in commit.changes if (kind, old) == NEW_NOTIFICATION]
    for kind, old, challenge in commit.changes:
        if kind != "Challenge" or old is not None:
            continue
        first, reminders = (
            sorted(
                (one["kind"], sorted(one["devices"]))
                for one in notifications
                if (one["subject"], one["occasion"]) == (challenge["guid"], occasion)
            )
            for occasion in ("challenge", "challenge_reminder")
        )
        life = challenge["deadline"] - challenge["issued_at"]
        is_long = challenge["action"] is not None and life.total_seconds() > ledger.limits.reminder
        assert reminders == (first if is_long else []), "not reminded exactly once where it is due"
        middle = challenge["deadline"] - life / 2
        for one in notifications:
            if one["occasion"] == "challenge_reminder":
                assert abs(one["next_at"] - middle) < TICK, "reminded at another time"


def _check_new(ledger: Ledger, commit: Commit, new: Plain) -> None:
    verbs, subject_kind, true_states = OCCASIONS[new["occasion"]]
    subjects = [
        (kind, record["state"])
        for kind, _, record in commit.changes
        if record["guid"] == new["subject"]
    ]
    assert commit.operation.verb in verbs, f"{commit.operation.verb} has no such occasion"
    assert subjects in [[(subject_kind, state)] for state in true_states], (
        "notified of what is not so"
    )
    aware_devices = {new["subject"]}
    own = commit.operation.facts.get("challenge", new["subject"]) == new["subject"]
    if new["occasion"] == "challenge_ended" and own:
        # The device that refuses one request does not know of the others that end with it.
        aware_devices.add(commit.operation.facts.get("device"))
    if subject_kind == "Challenge":
        deadline = ledger.challenges[new["subject"]].deadline
        assert new["ends_at"] == deadline, "pushed for longer than it can be answered"
        chosen_device = ledger.challenges[new["subject"]].device
        assert chosen_device is None or set(new["devices"]) == {chosen_device}, (
            "another device than the chosen one is notified"
        )
    if new["occasion"] == "device_unconfirmed":
        deadline = ledger.bindings[new["subject"]].deadline
        assert new["ends_at"] == deadline, "pushed for longer than it can be confirmed"
    active = set(ledger.bindings_of(new["account"], "ACTIVE"))
    devices = set(new["devices"])
    assert devices <= active - aware_devices, "a device is notified that is not to be"
    assert devices, "nobody is notified"
    ledger.notifications[new["guid"]] = NotificationEntry(
        occasion=new["occasion"], subject=new["subject"], account=new["account"], devices=devices
    )
