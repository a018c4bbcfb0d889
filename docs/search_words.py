"""
Words that a reader searches for, and the page that answers them, while Sphinx builds.

The search finds words in titles and texts; a word of this table is an entry of its index, which
comes first. `docs/found.py` checks the built index.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

CONTAINERS = ("how-to/run-in-containers", "how-to/run-the-service")
BACKUP = ("how-to/back-up-and-restore", "how-to/run-the-service")
UPGRADE = ("how-to/upgrade", "how-to/run-the-service")

WORDS: dict[str, tuple[str, ...]] = {
    "aap": ("reference/packages/counterseal-aap",),
    "agent": ("how-to/let-a-person-approve-what-your-agent-does",),
    "ai act": ("reference/clauses",),
    "alembic": ("how-to/embed-in-fastapi",),
    "asgi": ("how-to/embed-in-fastapi",),
    "asvs": ("reference/clauses",),
    "async": ("how-to/embed-in-fastapi",),
    "backup": BACKUP,
    "ciba": ("how-to/ask-by-ciba", "how-to/ask-behind-a-ciba-host"),
    "command line": ("reference/commands",),
    "compose": CONTAINERS,
    "container": CONTAINERS,
    "cors": ("reference/http",),
    "django": ("how-to/embed-in-django",),
    "docker": CONTAINERS,
    "document": ("how-to/let-a-person-sign-a-document",),
    "dynamic linking": ("how-to/approve-a-payment",),
    "fastapi": ("how-to/embed-in-fastapi",),
    "fcm": ("how-to/notify-by-fcm",),
    "flask": ("how-to/embed-in-flask",),
    "keycloak": ("how-to/ask-behind-a-ciba-host", "how-to/use-an-identity-provider"),
    "kubernetes": CONTAINERS,
    "mcp": ("how-to/let-an-mcp-client-ask",),
    "nginx": ("how-to/run-the-service",),
    "nist": ("reference/clauses",),
    "node": ("how-to/ask-from-node",),
    "oidc": ("how-to/use-an-identity-provider",),
    "passkey": ("how-to/let-people-answer-in-the-browser",),
    "payment": ("how-to/approve-a-payment",),
    "pin": ("explanation/limitations",),
    "portal": ("how-to/run-the-portal",),
    "postgresql": ("explanation/sql",),
    "prometheus": ("how-to/run-the-service",),
    "psd2": ("reference/clauses",),
    "qr code": ("reference/wire",),
    "redis": ("how-to/run-on-a-cluster",),
    "restore": BACKUP,
    "settings": ("reference/settings",),
    "sqlite": ("explanation/sql",),
    "support staff": ("how-to/run-the-portal",),
    "systemd": ("how-to/run-the-service",),
    "typescript": ("how-to/ask-from-node",),
    "upgrade": UPGRADE,
    "web push": ("how-to/notify-by-web-push",),
    "webauthn": ("how-to/let-people-answer-in-the-browser",),
    "webhook": ("how-to/verify-callbacks",),
}
"""Each word, and the first of these pages that is there."""


def page_of(word: str, pages: Any) -> str:
    """Return the page that answers *word*; *pages* are those of the site."""
    return next(page for page in WORDS[word] if page in pages)


class Entries(SphinxTransform):
    """Adds the words of a page to its index."""

    default_priority = 300

    def apply(self, **_: Any) -> None:
        """Put the entries before the first section."""
        pages = self.env.found_docs
        words = [word for word in WORDS if page_of(word, pages) == self.env.docname]
        if not words:
            return
        name = "search-words"
        entries = [("single", word, name, "", None) for word in words]
        target = nodes.target("", "", ids=[name], names=[name])
        self.document[0:0] = [addnodes.index(entries=entries), target]


def setup(app: Any) -> dict[str, bool]:
    """Add the words when a page is read."""
    app.add_transform(Entries)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
