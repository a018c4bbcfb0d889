"""
privacyIDEA as a service, tuned; this runs in its own environment.

    python theirs_app.py FOLDER            makes FOLDER: configuration, database, realm, policy
    granian --factory theirs_app:make      serves it; PRIVACYIDEA_CONFIGFILE names the configuration
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import sys
import uuid
from collections import defaultdict
from importlib import import_module
from pathlib import Path

from theirs import ADMIN, MANY_USERS, PASSWORD_FILE, USERS_FILE, Theirs

from wsgi import sender

CONFIGURATION = "pi.cfg"
DATABASE = "pi.sqlite"

TUNED = {
    # It writes no rows, and its lines are below the level.
    "PI_AUDIT_MODULE": "privacyidea.lib.auditmodules.loggeraudit",
    "PI_LOGLEVEL": 40,
    "PI_AUDIT_NO_SIGN": True,
    "PI_NO_RESPONSE_SIGN": True,
    "PI_NO_INTERNAL_METRICS": True,
    # Seconds between looks at the configuration, and between notes of who called.
    "PI_CHECK_RELOAD_CONFIG": 3600,
    "PI_CLIENTAPPLICATION_WRITE_INTERVAL": 3600,
    "PI_ENGINE_REGISTRY_CLASS": "shared",
}
"""What its documentation lets an operator turn down or keep in memory."""


def make():
    """Return its WSGI application."""
    # It reads the environment when it is imported.
    return import_module("privacyidea.app").create_app(
        config_name="production", silent=True, initialize_hsm=True
    )


def create(folder: Path) -> None:
    """Make what it needs, and set it up through its own API."""
    key, password = folder / "enckey", secrets.token_urlsafe()
    key.write_bytes(secrets.token_bytes(96))
    (folder / PASSWORD_FILE).write_text(password)
    users = (f"user-{n}:x:{1000 + n}:100:User {n}:/:/bin/false\n" for n in range(MANY_USERS))
    (folder / USERS_FILE).write_text("".join(users))
    settings = TUNED | {
        "SECRET_KEY": secrets.token_hex(),
        "PI_PEPPER": secrets.token_hex(),
        "PI_ENCFILE": str(key),
        "PI_LOGFILE": str(folder / "pi.log"),
        "PI_BASE_URL": "http://127.0.0.1",
        "PI_NODE_UUID": str(uuid.uuid4()),
        "SQLALCHEMY_DATABASE_URI": f"sqlite:///{folder / DATABASE}",
    }
    configuration = folder / CONFIGURATION
    configuration.write_text("".join(f"{name} = {value!r}\n" for name, value in settings.items()))
    os.environ["PRIVACYIDEA_CONFIGFILE"] = str(configuration)
    with sqlite3.connect(folder / DATABASE) as database:
        # The file keeps it; `synchronous` is FULL already, as it is in ours.
        database.execute("PRAGMA journal_mode=WAL")

    app = make()
    with app.app_context():
        import_module("privacyidea.models").db.create_all()
        import_module("privacyidea.lib.auth").create_db_admin(ADMIN, password=password)
    app.config["PI_CHECK_RELOAD_CONFIG"] = 0  # it is being written
    Theirs(folder).configure(sender(app, defaultdict(float)))


if __name__ == "__main__":
    create(Path(sys.argv[1]))
