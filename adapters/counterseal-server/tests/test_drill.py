"""
The drill: back up under load, go on, destroy, restore.

Every receipt verifies, and no challenge is answered twice.
"""

import contextlib
import json
import shutil
import sys
import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path

import attrs
from program import PIN, Phone, eventually, stop

from counterseal import trusted_keys
from counterseal.memory import SystemClock
from counterseal.wire.members import format_time
from counterseal_server.receipts import check_receipt

LATER = [sys.executable, str(Path(__file__).with_name("later.py"))]
"""The command, on a machine whose clock is ahead."""

WAITED = timedelta(minutes=10, seconds=30)
PHONES, CLIENTS, ROUNDS = 4, 3, 3


class LaterClock:
    def now(self):
        return SystemClock().now() + WAITED


class Ledger:
    """The answers that people sent, and the receipts that they got: more than one is an error."""

    def __init__(self):
        self.accepted = {}
        self.errors = []

    def answer(self, phone):
        """Send the phone's answer; return the status, and note an accepted one."""
        status, document = phone._signed_request("POST", "/device/answer", phone.signed)
        if status == 200:
            self.accepted.setdefault(phone.challenge, set()).add(document["receipt"])
        return status

    def client(self, service, name, callback, stopped):
        """Bind, ask and answer, until *stopped* is set and some rounds are done."""
        number = 0
        while number < ROUNDS or not stopped.is_set():
            try:
                phone = Phone(service, f"{name}-{number}", callback)
                if self.answer(phone) != 200:
                    self.errors.append(f"{name}-{number} was refused")
            except (OSError, KeyError) as error:
                self.errors.append(f"{name}-{number}: {error!r}")
            number += 1


@contextlib.contextmanager
def load(service, ledger, callback):
    """Run clients meanwhile."""
    stopped = threading.Event()
    threads = [
        threading.Thread(target=ledger.client, args=(service, f"load-{each}", callback, stopped))
        for each in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


def states(service, challenges):
    """Return the state of each challenge as its origin reads it; None where there is none."""
    state_of = {}
    for guid in challenges:
        status, document = service.call("GET", f"/request/getRequest?requestGuid={guid}")
        state_of[guid] = document["status"] if status == 200 else None
    return state_of


ACTION = {"type": "tool-call", "resource": "send_email", "arguments": {"copies": 2}}


class ApprovedAction:
    """An action that the person of *phone* has approved, until an hour from now."""

    def __init__(self, service, account, phone):
        until = format_time(SystemClock().now() + timedelta(hours=1))
        question = {"accountId": account, "action": ACTION | {"validUntil": until}}
        _, document = service.call("POST", "/request/add", question)
        self.service, self.guid = service, document["guid"]
        path = f"/device/requests/{self.guid}"
        display = phone._signed_request("GET", path)[1]["display"]
        answer = phone.device.answer(display, 0, pin=PIN).encode()
        assert phone._signed_request("POST", "/device/answer", answer)[0] == 200

    def use(self):
        """Use it; return the status, and the code of a refusal."""
        use = {"requestGuid": self.guid, "arguments": ACTION["arguments"]}
        status, document = self.service.call("POST", "/action/consume", use)
        return status, document.get("code")


def test_a_restored_service_answers_nothing_twice(service, receiver):
    ledger, data, backup = Ledger(), service.folder / "data", service.folder / "backup"
    server = service.serve()
    phones = [Phone(service, f"user-{number}", receiver.url) for number in range(PHONES)]
    early, late = phones[: PHONES // 2], phones[PHONES // 2 :]
    assert [ledger.answer(phone) for phone in early] == [200] * len(early)
    before = set(ledger.accepted)
    action = ApprovedAction(service, "user-0", early[0])

    with load(service, ledger, receiver.url):
        service.command("backup", backup, "--data", data, "--with-master-key")
        # These are open in the backup, and answered after it.
        assert [ledger.answer(phone) for phone in late] == [200] * len(late)
    assert ledger.errors == []
    # It is approved in the backup, and used after it.
    assert action.use() == (200, None)
    answered = set(ledger.accepted)
    ended = states(service, answered)
    delivered = eventually(lambda: deliveries(receiver, answered))
    service.kill(server)
    shutil.rmtree(data)

    output = service.command("restore", backup, "--data", data)
    assert "serve waits until" in output
    waiting = service.run("serve", "--port", service.port)
    eventually(lambda: service.answers("/healthz"))
    assert service.call("GET", "/readyz", plain=True) == (
        503,
        {"status": "unready", "failing": ["after_restore"]},
    )
    assert [ledger.answer(phone) for phone in phones] == [503] * PHONES
    stop(waiting)

    # With a clock that shows the end of the wait; the end is in the data folder.
    service.run("serve", "--port", service.port, program=LATER, LATER_SECONDS=seconds(WAITED))
    eventually(lambda: service.answers("/readyz"))
    for phone in phones:
        phone.device = attrs.evolve(phone.device, clock=LaterClock())
    assert action.use() == (409, "not_approved")
    again = Counter(ledger.answer(phone) for phone in late)
    restored = eventually(lambda: all_ended(states(service, answered)))
    new = Phone(service, "user-new", receiver.url, LaterClock())
    assert ledger.answer(new) == 200

    _, keys = service.call("GET", "/.well-known/jwks.json", plain=True)
    receipts = [receipt for each in ledger.accepted.values() for receipt in each]
    verified = [
        check_receipt(receipt.encode(), trusted=trusted_keys(keys)).proven for receipt in receipts
    ]
    lost = {guid for guid in answered if restored[guid] != ended[guid]}
    twice = [guid for guid, each in ledger.accepted.items() if len(each) > 1]
    print_table(
        {
            "answers accepted before the backup": len(before),
            "answers accepted in all": len(answered),
            "callbacks delivered": len(delivered),
            "lost to the service, and expired or unknown": len(lost),
            "receipts that verify": sum(verified),
            "answered twice": len(twice),
        }
    )
    assert verified == [True] * (len(answered) + 1)
    assert twice == []
    assert set(again) <= {409, 410}  # expired by a worker, or by its deadline
    assert {restored[guid] for guid in before} == {"ANSWERED"}
    assert {restored[phone.challenge] for phone in late} == {"EXPIRED"}
    assert {restored[guid] for guid in lost} <= {"EXPIRED", None}
    assert service.command("store", "check", "--data", data).endswith("all consistent\n")


def deliveries(receiver, challenges):
    delivered = {json.loads(body)["guid"] for _, body in receiver.received}
    return delivered if delivered >= challenges else None


def all_ended(state_of):
    return state_of if {"PENDING", "SEEN", "NEW"}.isdisjoint(state_of.values()) else None


def seconds(span):
    return str(int(span.total_seconds()))


def print_table(rows):
    for name, count in rows.items():
        print(f"{name:<45}{count:>5}")  # noqa: T201 (what the drill is for)
