"""Look after users and devices, and archive the audit log, in an app that embeds Counterseal."""

import os
import tempfile
from pathlib import Path

import counterseal as cs
from counterseal.audit.documents import archive_line
from counterseal.models import BindingState
from counterseal.testing import FakeService
from counterseal_sql import SqlAudit, connect, upgrade, with_sql

# The devices of a user


def list_active_devices(accounts, party, user):
    """Return the bindings that can answer now; each has a `guid`, a `name` and `bound_at`."""
    bindings = accounts.list_devices(party, user)
    return [binding for binding in bindings if binding.state is BindingState.ACTIVE]


def revoke_device(accounts, devices, party, user, device):
    """Revoke one device; *user* comes from the session, *device* from the page."""
    # `Devices.revoke` accepts every device of the App Space, so check whose it is.
    if device not in {binding.guid for binding in list_active_devices(accounts, party, user)}:
        raise LookupError("this user has no such device")
    devices.revoke(device, by=party)


def list_new_devices(accounts, party, user, known):
    """Return the devices that were bound since you stored the GUIDs *known*, to tell the user."""
    devices = list_active_devices(accounts, party, user)
    return [binding for binding in devices if binding.guid not in known]


# A lost phone, and a user who leaves


def revoke_all_devices(accounts, party, user):
    """Revoke every device and every open invitation; the user may then bind a new device."""
    accounts.revoke(party, user)


def lock_user(accounts, party, user):
    """Lock the account until `Accounts.unlock`: no questions, no answers, no new devices."""
    accounts.lock(accounts.get(party, user).guid, by=cs.OPERATOR)


def erase_user(accounts, party, user):
    """Delete the user's personal data permanently; the same id may be invited as a new user."""
    accounts.erase(accounts.get(party, user).guid, by=cs.OPERATOR)


# The audit log


def archive_audit_log(ports, policy, file):
    """Append the chained events to *file*, and delete what is safely there."""
    chains = cs.AuditChain(ports, policy)
    # Your workers do these two all the time, with one AuditChain: it remembers the signed head.
    while chains.chain():
        pass
    chains.sign()

    def append(events):
        with file.open("ab") as stream:
            stream.writelines(map(archive_line, events))
            stream.flush()
            os.fsync(stream.fileno())

    chains.archive(append, drop=True)


# Run it


with tempfile.TemporaryDirectory() as folder:
    database = connect(f"sqlite:///{folder}/shop.db")
    upgrade(database)
    world = FakeService(adapters=lambda ports: with_sql(ports, database))
    party = world.origin

    world.bind("user-42")
    (phone,) = list_active_devices(world.accounts, party, "user-42")
    world.bind("user-42")
    (tablet,) = list_new_devices(world.accounts, party, "user-42", known={phone.guid})
    revoke_device(world.accounts, world.devices, party, "user-42", tablet.guid)
    assert list_active_devices(world.accounts, party, "user-42") == [phone]

    lock_user(world.accounts, party, "user-42")
    world.accounts.unlock(phone.account, by=cs.OPERATOR)
    revoke_all_devices(world.accounts, party, "user-42")
    assert list_active_devices(world.accounts, party, "user-42") == []
    erase_user(world.accounts, party, "user-42")

    archive = Path(folder, "audit.jsonl")
    archive_audit_log(world.ports, world.policy, archive)
    assert '"account.lock"' in archive.read_text()
    assert SqlAudit(database).read() == ()
    database.close()
