"""
The command `counterseal`.

Exit codes: 0 is success; 1 is a failure, and one line on standard error says why;
2 is unusable input, and one line says which part of it.
"""

from __future__ import annotations

import click

from counterseal_server.lazy_group import LazyCommand, LazyGroup

COMMANDS = {
    "account": LazyCommand(
        "counterseal_server.commands.account",
        "account",
        "Show, search, invite again, lock, revoke and erase users.",
    ),
    "admin": LazyCommand(
        "counterseal_server.commands.admin", "admin", "Administer tenants and their credentials."
    ),
    "audit": LazyCommand(
        "counterseal_server.commands.audit",
        "audit",
        "Verify the audit log, search it, and move it out of the store, where it only grows.",
    ),
    "backup": LazyCommand(
        "counterseal_server.commands.backup",
        "backup",
        "Back up a service on SQLite to the new folder TARGET, while it runs.",
    ),
    "binding": LazyCommand(
        "counterseal_server.commands.binding",
        "binding",
        "Suspend, resume and revoke a device of a user.",
    ),
    "callbacks": LazyCommand(
        "counterseal_server.commands.callbacks",
        "callbacks",
        "Deliver callbacks, and list, drop or requeue them.",
    ),
    "demo": LazyCommand(
        "counterseal_demo.demo_command",
        "demo",
        "Bind, ask, answer and verify, then try ten forgeries.",
        "counterseal-demo",
    ),
    "device": LazyCommand(
        "counterseal_demo.device_command",
        "device",
        "Use a software device: bind it, show questions, answer.",
        "counterseal-demo[device]",
    ),
    "doctor": LazyCommand(
        "counterseal_server.commands.doctor",
        "doctor",
        "Check settings, keys, clock, store, audit log, clients, public URL, providers"
        " and channels.",
    ),
    "init": LazyCommand(
        "counterseal_server.commands.tenants",
        "init",
        "Create a new service with one company, one App Space and one origin.",
    ),
    "invite": LazyCommand(
        "counterseal_server.commands.tenants",
        "invite",
        "Invite a device of ACCOUNT: print a link and a QR code.",
    ),
    "keys": LazyCommand(
        "counterseal_server.commands.keys",
        "keys",
        "Create, list, prepare and rotate the service's own keys.",
    ),
    "notify": LazyCommand(
        "counterseal_server.commands.notify",
        "notify",
        "Send push notifications to users' devices, and list what no device got.",
    ),
    "overview": LazyCommand(
        "counterseal_server.commands.overview",
        "overview",
        "Print how many users and origins are active, and how much is pending, queued or dead.",
    ),
    "relay": LazyCommand(
        "counterseal_demo.relay",
        "relay",
        "Receive the push messages of a service, until SIGTERM or SIGINT.",
        "counterseal-demo[relay]",
    ),
    "restore": LazyCommand(
        "counterseal_server.commands.backup",
        "restore",
        "Make the backup in SOURCE the data folder of a service, which must be empty.",
    ),
    "serve": LazyCommand(
        "counterseal_server.commands.service", "serve", "Run the service until SIGTERM or SIGINT."
    ),
    "states": LazyCommand(
        "counterseal_server.commands.states",
        "states",
        "Print all transition tables, or only that of CHART.",
    ),
    "store": LazyCommand(
        "counterseal_server.commands.store", "store", "Check, upgrade, copy and clean the store."
    ),
    "verify": LazyCommand(
        "counterseal_server.commands.verify",
        "verify",
        "Verify the file RECEIPT, offline; - reads standard input.",
    ),
}


class Program(LazyGroup):
    """The group that shows its help where nothing is asked for."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; without any, those that ask for help."""
        return super().parse_args(ctx, args or ["--help"])


@click.group(
    cls=Program,
    lazy_commands=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="counterseal-server", prog_name="counterseal")
def main() -> None:
    """Ask a person about one concrete action and bring back a signed answer."""
