"""Origins and people that use the machines, and the ledger of what they sent and received."""

import json
import threading
from collections import Counter, defaultdict

from attrs import define, field
from program import PIN

from counterseal import trusted_keys
from counterseal.bindings.documents.enrolment import enrolment_document
from counterseal.device import Bond, SoftwareDevice
from counterseal.memory import SystemClock, SystemEntropy

CLIENTS = 4


@define
class Ledger:
    """
    What the clients know.

    Attributes:
        results: By challenge, the outcomes with their receipts that callers received.
        crossed: How many challenges were asked, answered and read by which releases.
        refused: Calls that failed though nothing was wrong with them.
    """

    results: dict = field(factory=lambda: defaultdict(set))
    crossed: Counter = field(factory=Counter)
    refused: list = field(factory=list)
    calls: Counter = field(factory=Counter)
    lock: object = field(factory=threading.Lock)


class Person:
    """A user with a device, whose calls go to any machine."""

    def __init__(self, balancer, ledger, account, callback):
        self.balancer, self.ledger = balancer, ledger
        self.account, self.callback = account, callback
        self.device = SoftwareDevice.make(
            clock=SystemClock(), entropy=SystemEntropy(), pin=PIN, cost=2
        )
        invited, _ = self.call("PUT", "/account/bind", {"accountId": account})
        enrolment = self.device.enrolment(invited["sessionToken"], invited["appSpaceGuid"], pin=PIN)
        bound, _ = self.call("POST", "/device/bind", enrolment_document(enrolment))
        self.device.bond = Bond(
            device=bound["device"],
            account=bound["account"],
            app_space=bound["appSpace"],
            service_keys=trusted_keys(bound["serviceKeys"]),
        )

    def call(self, method, path, document=None):
        """Make one call of the origin at some machine; return the reply and the release."""
        with self.balancer.machine() as machine:
            status, reply = machine.call(method, path, document)
        return self.note(machine, f"{method} {path.partition('?')[0]}", status, reply)

    def signed(self, method, path, body=b""):
        """Make one call of the device at some machine; return the reply and the release."""
        with self.balancer.machine() as machine:
            call = self.device.signed_call(method, machine.url + path, body)
            headers = {"Counterseal-Proof": call.proof, "Content-Type": "application/jose"}
            status, reply = machine.send(method, path, body, headers)
        return self.note(machine, f"{method} {path.rpartition('/')[0]}", status, reply)

    def note(self, machine, name, status, reply):
        """Count the call, and require that it succeeded."""
        with self.ledger.lock:
            self.ledger.calls[machine.release.name] += 1
            if status not in {200, 201}:
                self.ledger.refused.append((machine.release.name, name, status, str(reply)[:200]))
        if status not in {200, 201}:
            raise ConnectionAbortedError(f"{name}: {status}")
        return reply, machine.release.name

    def round(self):
        """Be asked, answer twice over, and let the origin read the outcome."""
        question = {"accountId": self.account, "content": "Lunch?", "callback": self.callback}
        challenge, asker = self.call("POST", "/request/add", question | {"duration": "10m"})
        guid = challenge["guid"]
        request, _ = self.signed("GET", f"/device/requests/{guid}")
        token = self.device.answer(request["display"], 0, pin=PIN).encode()
        first, answerer = self.signed("POST", "/device/answer", token)
        again, _ = self.signed("POST", "/device/answer", token)
        outcome, reader = self.call("GET", f"/request/getRequest?requestGuid={guid}")
        with self.ledger.lock:
            self.ledger.results[guid] |= {("ANSWERED", one["receipt"]) for one in (first, again)}
            self.ledger.results[guid].add((outcome["status"], first["receipt"]))
            self.ledger.crossed[asker, answerer, reader] += 1


class Load:
    """Clients that go on until they are stopped."""

    def __init__(self, balancer, ledger, callback):
        self._arguments = (balancer, ledger)
        self._callback = callback
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(number,), daemon=True)
            for number in range(CLIENTS)
        ]

    def start(self):
        """Start the clients."""
        for thread in self._threads:
            thread.start()

    def stop(self):
        """Let each client end its round."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number):
        rounds = 0
        person = None
        ledger = self._arguments[1]
        while not self._stopped.is_set():
            try:
                # Some people stay, and others come: records of all kinds change hands.
                if rounds % 8 == 0:
                    account = f"user-{number}-{rounds}"
                    person = Person(*self._arguments, account, self._callback)
                person.round()
            except ConnectionAbortedError:
                pass  # `note` has recorded the refusal
            except (OSError, KeyError, ValueError) as error:
                with ledger.lock:
                    ledger.refused.append(("?", "a call", 0, repr(error)))
            rounds += 1


def deliveries(receiver):
    """Return the webhook ids of the callbacks that the shop received, by challenge."""
    ids = defaultdict(set)
    for headers, body in list(receiver.received):
        names = {name.lower(): text for name, text in headers.items()}
        ids[json.loads(body)["guid"]].add(names["webhook-id"])
    return ids
