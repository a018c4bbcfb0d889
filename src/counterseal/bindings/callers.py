"""Callers: bound devices that prove each of their calls, for use cases on the old pattern."""

from __future__ import annotations

from counterseal._decisions.device_requests import AuthenticatedDevice as Proven
from counterseal._decisions.device_requests import open_request
from counterseal._transaction import Transactions, refusals
from counterseal.decisions import Act
from counterseal.models import DeviceCall, Guid
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.usecases._admission import admit_once

__all__ = ["Caller", "Proven"]


class Caller:
    """
    One device call, read and not yet believed.

    Args:
        ports: The service's.
        policy: The service's.
        call: The request.
        event: What the device wants, as the audit log names it.

    Raises:
        MalformedToken: The proof is not spelled as it should be.
    """

    def __init__(self, ports: Ports, policy: Policy, call: DeviceCall, event: str) -> None:
        self._transactions = Transactions(ports, policy)
        with refusals(ports, Act(event=event, actor="stranger")):
            self._request = open_request(call, policy)
        self._admitted = False

    @property
    def device(self) -> Guid:
        """The binding that the call claims to come from."""
        return self._request.proof.device

    def prove(self) -> Proven:
        """
        Read the caller's records, and judge the proof; again after a lost race.

        Raises:
            Refused: See `counterseal.usecases._admission.admit`.
            Unavailable: A port failed.
        """
        reading = self._request.reading()
        if self._admitted:
            return self._transactions.load(reading).value
        device = admit_once(self._transactions, self._request, reading).value
        self._admitted = True
        return device
