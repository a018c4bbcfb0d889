"""The forger: sends the forgeries of `approval_demo` over HTTP, each from a phone of its own."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import attrs

from counterseal import Policy, Ports, Refused, read_json
from counterseal.memory import MemoryAudit
from counterseal.models import Algorithm, Company, DeviceCall, RelyingParty
from counterseal.ports import Clock
from counterseal.wire.problem import read_problem
from counterseal_demo.approval_demo import forgeries, questions
from counterseal_demo.approval_demo.forgeries import FORGERIES, Forgery
from counterseal_demo.approval_demo.service import bind_person
from counterseal_http import GuardedClient
from counterseal_web.messages import JOSE

PROOF = "Counterseal-Proof"
OF_ANSWERS = ("challenge.", "binding.")
"""How the events of refused answers begin: a wrong PIN is about the binding."""

PAUSE_SECONDS = 0.02


class WaitingClock:
    """
    The system's clock, which cannot be moved: it waits.

    Args:
        clock: The clock of the service.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def move_by(self, span: timedelta) -> None:
        """Do nothing: each forgery is about another account, which nobody has asked before."""

    def move_to(self, moment: datetime) -> None:
        """Wait until *moment*."""
        while (remaining := moment - self._clock.now()) > timedelta(0):
            time.sleep(min(remaining.total_seconds(), PAUSE_SECONDS))


@attrs.frozen(kw_only=True)
class SentForgery:
    """
    A forgery, and what the service replied.

    Attributes:
        status: The status of HTTP, as received.
        code: The problem's code, as received; empty if the reply is no problem.
        reason: The code that the audit log has of the refusal; empty if it has none.
    """

    forgery: Forgery
    status: int
    code: str
    reason: str

    @property
    def refused(self) -> bool:
        """Whether it was refused, and for the reason that is expected."""
        return (
            self.status >= HTTPStatus.BAD_REQUEST
            and self.code == self.forgery.expected.public_code
            and self.reason == self.forgery.expected.code
        )

    def document(self) -> dict[str, Any]:
        """Return it as the page gets it."""
        return {
            "status": self.status,
            "phrase": HTTPStatus(self.status).phrase,
            "code": self.code,
            "reason": self.reason,
            "refused": self.refused,
        }


class Forger:
    """
    Whoever forges; no two forgeries are sent at the same time.

    A browser does not give away the keys of the phone in it. So each forgery has a new phone, in
    software, which is bound to a new account of the same shop, and signs what the forger wants.

    Args:
        url: The public URL of the service.
        ports: The service's ports.
        policy: The service's policy.
        company: The company of *party*.
        party: The shop.
        client: Sends the forgeries.

    Attributes:
        policy: The service's policy.
        lock: Held while a forgery is prepared and sent. Whoever expires questions needs it too:
            a late answer is to meet a question that nobody has expired yet.
    """

    def __init__(
        self,
        url: str,
        *,
        ports: Ports,
        policy: Policy,
        company: Company,
        party: RelyingParty,
        client: GuardedClient,
    ) -> None:
        self._url = url
        self._ports = ports
        self.policy = policy
        self._company = company
        self._party = party
        self._client = client
        self._clock = WaitingClock(ports.clock)
        self.lock = threading.Lock()

    def send(self, number: int) -> SentForgery:
        """
        Prepare the forgery of this *number*, counted from 0, send it, and return the reply.

        Raises:
            IndexError: There is no such forgery.
            Refused: An honest step before it was refused.
            HTTPError: The service did not reply.
        """
        forgery = FORGERIES[number]
        with self.lock:
            account_id = f"forged-{self._ports.entropy.token(6).hex()}"
            service = bind_person(
                self._ports,
                self.policy,
                self._company,
                self._party,
                account_id,
                url=self._url,
                clock=self._clock,
                algorithm=Algorithm.ES256,
            )
            question = questions.own(account_id)
            exchange, call = forgeries.prepare(service, forgery, question)
            recorded = len(self._events())
            status, code = self._post(call)
            reason = self._reason(recorded)
            service.clear(exchange.challenge)
        return SentForgery(forgery=forgery, status=status, code=code, reason=reason)

    def _post(self, call: DeviceCall) -> tuple[int, str]:
        response = self._client.request(
            call.method,
            call.uri,
            headers={PROOF: call.proof, "Content-Type": JOSE},
            content=call.body,
        )
        status = response.status_code
        return status, _code_in(response.content, status)

    def _events(self) -> tuple[Any, ...]:
        assert isinstance(self._ports.audit, MemoryAudit)  # noqa: S101 (for the type checker)
        return self._ports.audit.events

    def _reason(self, recorded: int) -> str:
        """Return the reason of the last refusal since *recorded* events were in the log."""
        events = self._events()[recorded:]
        return next(
            (
                each.reason
                for each in events[::-1]
                if each.reason and each.event.startswith(OF_ANSWERS)
            ),
            "",
        )


def _code_in(body: bytes, status: int) -> str:
    if status < HTTPStatus.BAD_REQUEST:
        return ""
    try:
        return read_problem(read_json(body), status=status).code
    except Refused:
        return ""
