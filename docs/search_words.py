"""
Words that a reader searches for, and the page that answers them, while Sphinx builds.

A word of this table is an entry of the index of its page, and `search.js` puts that page first.
"""

from __future__ import annotations

from typing import Any

from sphinx import addnodes
from sphinx.transforms import SphinxTransform

ALIKE = "explanation/how-it-compares"

WORDS: dict[str, str] = {
    "aap": "reference/packages/counterseal-aap",
    "agent": "how-to/let-a-person-approve-what-your-agent-does",
    "ai act": "reference/clauses",
    "alembic": "how-to/embed-in-fastapi",
    "alternatives": ALIKE,
    "asgi": "how-to/embed-in-fastapi",
    "asvs": "reference/clauses",
    "async": "how-to/embed-in-fastapi",
    "audit": "reference/audit-log",
    "audit log": "how-to/watch-over-the-audit-log",
    "auth0": ALIKE,
    "backup": "how-to/back-up-and-restore",
    "celery": "how-to/let-a-person-approve-what-your-agent-does",
    "chat": "how-to/tell-people-by-mail-or-chat",
    "ciba": "how-to/ask-by-ciba",
    "command line": "reference/commands",
    "compare": ALIKE,
    "compose": "how-to/run-in-containers",
    "container": "how-to/run-in-containers",
    "cors": "how-to/let-people-answer-in-the-browser",
    "dead callback": "how-to/solve-problems",
    "django": "how-to/embed-in-django",
    "docker": "how-to/run-in-containers",
    "document": "how-to/let-a-person-sign-a-document",
    "duo": ALIKE,
    "dynamic linking": "how-to/approve-a-payment",
    "emilia": ALIKE,
    "error codes": "reference/errors",
    "fastapi": "how-to/embed-in-fastapi",
    "fcm": "how-to/notify-by-fcm",
    "flask": "how-to/embed-in-flask",
    "gargoyle": ALIKE,
    "gdpr": "how-to/look-after-users",
    "intyga": ALIKE,
    "keycloak": "how-to/ask-behind-a-ciba-host",
    "kotlin": "how-to/write-a-device",
    "kubernetes": "how-to/run-on-a-cluster",
    "langgraph": "how-to/let-a-person-approve-what-your-agent-does",
    "licence": "index",
    "license": "index",
    "lost phone": "how-to/change-phones",
    "mcp": "how-to/let-an-mcp-client-ask",
    "mfa fatigue": "explanation/limitations",
    "multi-tenant": "how-to/look-after-tenants",
    "n8n": "how-to/ask-from-n8n",
    "nginx": "how-to/run-the-service",
    "nist": "reference/clauses",
    "node": "how-to/ask-from-node",
    "number matching": "how-to/ask-from-your-site",
    "offline": "how-to/read-a-receipt",
    "oidc": "how-to/use-an-identity-provider",
    "okta": ALIKE,
    "passkey": "how-to/let-people-answer-in-the-browser",
    "payment": "how-to/approve-a-payment",
    "pin": "explanation/limitations",
    "portal": "how-to/run-the-portal",
    "postgresql": "explanation/sql",
    "powerauth": ALIKE,
    "price": ALIKE,
    "privacyidea": ALIKE,
    "prometheus": "how-to/run-the-service",
    "psd2": "reference/clauses",
    "push fatigue": "explanation/limitations",
    "qr code": "how-to/let-people-answer-in-the-browser",
    "rate limit": "reference/policy",
    "receipt": "how-to/read-a-receipt",
    "redis": "how-to/run-on-a-cluster",
    "restore": "how-to/back-up-and-restore",
    "settings": "reference/settings",
    "sqlite": "explanation/sql",
    "support staff": "how-to/run-the-portal",
    "swift": "how-to/write-a-device",
    "systemd": "how-to/run-the-service",
    "typescript": "how-to/ask-from-node",
    "upgrade": "how-to/upgrade",
    "web push": "how-to/notify-by-web-push",
    "webauthn": "how-to/let-people-answer-in-the-browser",
    "webhook": "how-to/verify-callbacks",
}
"""Each word, and its page."""


class Entries(SphinxTransform):
    """Adds the words of a page to its index."""

    default_priority = 300

    def apply(self, **_: Any) -> None:
        """Put the entries before the first section."""
        words = [word for word, page in WORDS.items() if page == self.env.docname]
        if words:
            entries = [("single", word, "", "main", None) for word in words]
            self.document.insert(0, addnodes.index(entries=entries))


def setup(app: Any) -> dict[str, bool]:
    """Add the words when a page is read."""
    app.add_transform(Entries)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
