"""The transitions that records may make: the oracle's own table, not taken from the charts."""

from __future__ import annotations

DEVICE_CALLS = {
    *("pending", "fetch", "answer", "disown", "repeat", "rotate", "update", "unbind", "attack"),
    *("invite_another", "new_devices", "decide", "lock_by_device"),
}
"""Any of them may make the core ask the Identity Provider again."""

ENDED = ("ANSWERED", "DISOWNED", "CANCELLED", "FAILED", "EXPIRED")

TRANSITIONS: dict[tuple[str, str | None, str], set[str]] = {
    ("Account", None, ""): {"invite", "log_in", "start_registration"},
    ("Account", "", ""): {
        *DEVICE_CALLS,
        *("invite", "log_in", "complete", "suspend", "resume", "revoke", "vouch"),
        *("lock", "unlock", "issue", "cancel", "sweep", "erase", "push", "register", "compare"),
    },
    ("Binding", None, "INVITED"): {"invite", "log_in", "invite_another"},
    ("Binding", None, "ACTIVE"): {"register"},
    ("Binding", "INVITED", "ACTIVE"): {"complete"},
    ("Binding", "INVITED", "UNCONFIRMED"): {"complete"},
    ("Binding", "INVITED", "EXPIRED"): {"sweep"},
    ("Binding", "INVITED", "REVOKED"): {"revoke", "erase"},
    ("Binding", "UNCONFIRMED", "ACTIVE"): {"decide", "compare"},
    ("Binding", "UNCONFIRMED", "UNCONFIRMED"): {"compare"},
    ("Binding", "UNCONFIRMED", "REVOKED"): {"decide", "compare", "revoke", "erase"},
    ("Binding", "UNCONFIRMED", "EXPIRED"): {"sweep"},
    ("Binding", "ACTIVE", "ACTIVE"): {
        *("rotate", "update", "answer", "disown", "push", "decide", "authenticate"),
    },
    ("Binding", "ACTIVE", "SUSPENDED"): {"suspend", "vouch", *DEVICE_CALLS},
    ("Binding", "ACTIVE", "REVOKED"): {
        *("revoke", "unbind", "answer", "disown", "rotate", "erase", "decide"),
    },
    ("Binding", "SUSPENDED", "SUSPENDED"): {"push"},
    ("Binding", "SUSPENDED", "ACTIVE"): {"resume", "vouch", "log_in", *DEVICE_CALLS},
    ("Binding", "SUSPENDED", "REVOKED"): {"revoke", "erase"},
    ("Binding", "REVOKED", "REVOKED"): {"push", "erase"},
    ("Binding", "EXPIRED", "EXPIRED"): {"erase"},
    ("AccountEvent", None, "UNPUBLISHED"): {
        *DEVICE_CALLS,
        *("complete", "register", "compare", "suspend", "resume", "revoke", "vouch", "log_in"),
        *("lock", "unlock", "erase"),
    },
    ("AccountEvent", "UNPUBLISHED", "PUBLISHED"): {"publish"},
    **{(kind, None, ""): {"publish"} for kind in ("LoggedEvent", "EventLog", "EventStream")},
    **{(kind, "", ""): {"publish"} for kind in ("EventLog", "EventStream")},
    **{(kind, "", ""): {"narrow"} for kind in ("AppSpace", "Origin")},
    ("Login", None, "STARTED"): {"redirect"},
    ("Login", "STARTED", "USED"): {"log_in"},
    ("Login", "STARTED", "EXPIRED"): {"sweep"},
    ("PasskeyRegistration", None, "STARTED"): {"start_registration"},
    ("PasskeyRegistration", "STARTED", "REGISTERED"): {"register"},
    ("PasskeyRegistration", "STARTED", "EXPIRED"): {"sweep"},
    ("PasskeyAuthentication", None, "STARTED"): {"start_authentication"},
    ("PasskeyAuthentication", "STARTED", "AUTHENTICATED"): {"authenticate"},
    ("PasskeyAuthentication", "STARTED", "EXPIRED"): {"sweep"},
    ("Challenge", None, "PENDING"): {"issue"},
    ("Challenge", "PENDING", "PENDING"): {"answer"},
    ("Challenge", "PENDING", "SEEN"): {"fetch"},
    ("Challenge", "SEEN", "SEEN"): {"answer"},
    **{("Challenge", live, "ANSWERED"): {"answer"} for live in ("PENDING", "SEEN")},
    **{("Challenge", live, "FAILED"): {"answer"} for live in ("PENDING", "SEEN")},
    **{("Challenge", live, "DISOWNED"): {"disown"} for live in ("PENDING", "SEEN")},
    **{
        ("Challenge", live, "CANCELLED"): {"cancel", "issue", "erase", "answer", "disown"}
        for live in ("PENDING", "SEEN")
    },
    **{("Challenge", live, "EXPIRED"): {"sweep", "erase"} for live in ("PENDING", "SEEN")},
    **{("Challenge", ended, ended): {"requeue"} for ended in ENDED},
    ("ApprovedAction", None, "APPROVED"): {"answer"},
    ("ApprovedAction", "APPROVED", "USED"): {"consume"},
    ("ApprovedAction", "APPROVED", "WITHDRAWN"): {"give_back"},
    ("ApprovedAction", "APPROVED", "EXPIRED"): {"sweep"},
    ("ActionUse", None, "UNKNOWN"): {"consume"},
    **{("ActionUse", "UNKNOWN", after): {"report"} for after in ("EXECUTED", "FAILED")},
    ("Callback", None, "QUEUED"): {"answer", "disown", "cancel", "issue", "sweep", "publish"},
    ("Callback", "QUEUED", "QUEUED"): {"attempt", "publish"},
    ("Callback", "QUEUED", "DELIVERED"): {"attempt"},
    ("Callback", "QUEUED", "DEAD"): {"attempt"},
    ("Callback", "DEAD", "QUEUED"): {"requeue"},
    ("Notification", None, "QUEUED"): {
        *(
            "issue",
            "cancel",
            "complete",
            "register",
            "revoke",
            "unbind",
            "answer",
            "disown",
            "rotate",
            "decide",
            "compare",
        ),
    },
    **{("Notification", "QUEUED", after): {"push"} for after in ("QUEUED", "DELIVERED", "OVER")},
}
"""Kind, state before and state after: the operations that may make this transition."""
