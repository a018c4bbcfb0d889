"""
Names of events: everything that the audit log can say of what happened, or was refused.

An event is called `noun.verb`. What devices report of themselves is not here: `telemetry.` and a
name that their app chooses (`counterseal.wire.telemetry`).
"""

from __future__ import annotations

from collections.abc import Mapping

VERBS: Mapping[str, str] = {
    "account": "challenges demand_codes devices erase find get lock read revoke search unlock",
    "account_event": "publish",
    "action": "consume expire report status withdraw",
    "admin": "create revoke rotate",
    "app_space": "create edit",
    "audit": "count export head name renew search verify",
    "authentication": "expire finish start",
    "binding": (
        "address compare complete confirm expire invite miscompare peek push refuse register"
        " renew resume revoke rotate strike suspend unbind unconfirmed update"
    ),
    "callback": "attempt claim dead drop fail get queued requeue succeed",
    "challenge": (
        "answer answered attach cancel cancelled disown disowned ended expire expired failed"
        " fetch issue list mistype pending push redeem status"
    ),
    "company": "create edit verify",
    "credential": "check issue revoke revoke_one",
    "device": "keys prove telemetry",
    "directory": "get list",
    "event": "read",
    "gauges": "read",
    "identity": "forget logout remember revalidate",
    "login": "authenticate begin_test expire finish_test redirect relay",
    "logo": "read",
    "notification": "attempt claim get",
    "origin": "allow_callback create edit forbid_callback",
    "registration": "expire register start",
    "session": "ask enrol expire link list redeem revoke start step_up use",
    "tenancy": "ensure",
    "webhook_key": "issue",
}
"""By their noun, with a space between two."""

EVENT_NAMES = frozenset(f"{noun}.{verb}" for noun, verbs in VERBS.items() for verb in verbs.split())
"""Most are also the names of refusals, and those of what only reads are nothing else."""
