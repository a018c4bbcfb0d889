"""`counterseal-device`: a software device to try things out."""

from __future__ import annotations

import click

from counterseal_server.lazy_group import LazyCommand, LazyGroup

REQUIREMENT = "counterseal-demo[device]"
"""The package to install if a module is missing."""

COMMANDS = {
    "addresses": LazyCommand(
        "counterseal_demo.device_upkeep_command",
        "addresses",
        "List the push addresses that this device has registered.",
        REQUIREMENT,
    ),
    "answer": LazyCommand(
        "counterseal_demo.device_question_command",
        "answer",
        "Answer the question GUID.",
        REQUIREMENT,
    ),
    "bind": LazyCommand(
        "counterseal_demo.device_binding_command",
        "bind",
        "Bind a new device to an account.",
        REQUIREMENT,
    ),
    "comparison-code": LazyCommand(
        "counterseal_demo.new_device_command",
        "comparison_code",
        "Show the comparison code of this device, while it waits to be confirmed.",
        REQUIREMENT,
    ),
    "decide": LazyCommand(
        "counterseal_demo.new_device_command",
        "decide",
        "Decide on the new device GUID, by the PIN: add it, move to it, or refuse it.",
        REQUIREMENT,
    ),
    "disown": LazyCommand(
        "counterseal_demo.device_question_command",
        "disown",
        "Report that you did not cause the question GUID.",
        REQUIREMENT,
    ),
    "history": LazyCommand(
        "counterseal_demo.device_question_command",
        "history",
        "Show the questions that ended last, newest first.",
        REQUIREMENT,
    ),
    "invite": LazyCommand(
        "counterseal_demo.new_device_command",
        "invite",
        "Invite another device of the account: print a link and a QR code.",
        REQUIREMENT,
    ),
    "listen": LazyCommand(
        "counterseal_demo.listen_command",
        "listen",
        "Show each question when the service pushes it, until Ctrl-C.",
        "counterseal-demo[listen]",
    ),
    "lock": LazyCommand(
        "counterseal_demo.device_binding_command",
        "lock",
        "Lock your account at the service.",
        REQUIREMENT,
    ),
    "new-devices": LazyCommand(
        "counterseal_demo.new_device_command",
        "new_devices",
        "List the new devices that wait, with their comparison codes.",
        REQUIREMENT,
    ),
    "pending": LazyCommand(
        "counterseal_demo.device_question_command",
        "pending",
        "Show the open questions, oldest first.",
        REQUIREMENT,
    ),
    "remove-address": LazyCommand(
        "counterseal_demo.device_upkeep_command",
        "remove_address",
        "Remove the push address VALUE, or all with --all.",
        REQUIREMENT,
    ),
    "rotate": LazyCommand(
        "counterseal_demo.device_upkeep_command",
        "rotate",
        "Replace the keys of this device.",
        REQUIREMENT,
    ),
    "set-address": LazyCommand(
        "counterseal_demo.device_upkeep_command",
        "set_address",
        "Register the push address VALUE, beside the others; for Web Push it is a subscription.",
        REQUIREMENT,
    ),
    "show": LazyCommand(
        "counterseal_demo.device_question_command", "show", "Show the question GUID.", REQUIREMENT
    ),
    "status": LazyCommand(
        "counterseal_demo.device_binding_command",
        "status",
        "Show the status of this device at the service.",
        REQUIREMENT,
    ),
    "telemetry": LazyCommand(
        "counterseal_demo.device_upkeep_command",
        "telemetry",
        "Report EVENT, such as REQUEST_VIEWED, for the audit log of the service.",
        REQUIREMENT,
    ),
    "unbind": LazyCommand(
        "counterseal_demo.device_binding_command",
        "unbind",
        "Revoke this device at the service, and delete its keys.",
        REQUIREMENT,
    ),
}


@click.group(cls=LazyGroup, lazy_commands=COMMANDS)
def device() -> None:
    """
    Use a software device: bind it, show questions, answer.

    The command asks for the PIN, unless it is in COUNTERSEAL_PIN.
    """
