"""
The commands of the service, each group in a module of its own.

They import what they need when they run, so that help and version are fast.
"""

from __future__ import annotations

import click

from counterseal_server.commands.account import account
from counterseal_server.commands.admin import admin
from counterseal_server.commands.audit import audit
from counterseal_server.commands.backup import backup, restore
from counterseal_server.commands.binding import binding
from counterseal_server.commands.callbacks import callbacks
from counterseal_server.commands.doctor import doctor
from counterseal_server.commands.forwarded import demo, device, relay
from counterseal_server.commands.keys import keys
from counterseal_server.commands.notify import notify
from counterseal_server.commands.overview import overview
from counterseal_server.commands.service import serve
from counterseal_server.commands.store import store
from counterseal_server.commands.tenants import init, invite


def join(main: click.Group) -> None:
    """Add the commands to *main*."""
    for command in (
        *(init, invite, serve, doctor, overview, callbacks, store, backup, restore),
        *(account, binding, admin, audit, keys, notify, demo, device, relay),
    ):
        main.add_command(command)
