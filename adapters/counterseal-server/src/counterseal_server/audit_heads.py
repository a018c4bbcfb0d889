"""The audit log's heads in a process that serves: they are signed, and looked after."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from counterseal import Refused
from counterseal.audit.documents import head_line, recognized_by
from counterseal.errors import AuditRenewalDue
from counterseal_server.metrics import Metrics
from counterseal_server.runtime import Runtime

EVERY_COMPARISON = timedelta(seconds=10)
"""How often the signed head in the store is compared, if nothing is recorded or it is refused."""

EVERY_LINE = timedelta(hours=1)
"""How often the log names the head, or repeats why nothing is signed."""

log = logging.getLogger("counterseal_server")


class AuditHeads:
    """
    Chains the audit log, and signs its heads.

    Args:
        runtime: The service.
        metrics: Where it says whether the heads are signed, or refused.
    """

    def __init__(self, runtime: Runtime, metrics: Metrics) -> None:
        self._runtime = runtime
        self._metrics = metrics
        self._chain = runtime.audit_chain()
        self._clock = runtime.ports.clock
        self._signed_by: str | None = None
        self._compared_at: datetime | None = None
        self._is_refused = False
        self._line: tuple[str, datetime] | None = None

    def chain(self, limit: int) -> int:
        """
        Chain at most *limit* events, and sign the heads where that is due.

        Returns:
            How many events there were.
        """
        count = self._chain.chain(limit)
        kid = self._runtime.ports.signer.jwks()[0].kid
        # Also after a rotation: the old key may be removed later.
        has_changed = bool(count) or kid != self._signed_by
        # A refusal may have read all events since the remembered head.
        is_awaited = has_changed and not self._is_refused
        if is_awaited or self._is_due(self._compared_at, EVERY_COMPARISON):
            self._signed_by = None
            self._sign(kid)
        if kid == self._signed_by and count < limit:
            self._metrics.audit_signed()
        return count

    def _sign(self, kid: str) -> None:
        try:
            is_signed = self._chain.sign()
        except AuditRenewalDue as refusal:
            self._note_comparison(is_refused=True)
            self._metrics.audit_head_refused(refused=False)
            self._log(logging.WARNING, refusal.code, refusal)
        except Refused as refusal:
            # No failure of the worker: it goes on to chain, and the service is ready.
            self._note_comparison(is_refused=True)
            self._metrics.audit_head_refused(refused=True)
            self._log(logging.ERROR, refusal.code, refusal)
        else:
            self._note_comparison(is_refused=False)
            self._metrics.audit_head_refused(refused=False)
            self._signed_by = kid if is_signed else None
            self._log_head()

    def _note_comparison(self, *, is_refused: bool) -> None:
        self._is_refused = is_refused
        self._compared_at = self._clock.now()

    def _log(self, level: int, code: str, refusal: Refused) -> None:
        text = "audit: %s: nothing is signed until counterseal audit renew: %s"
        if self._is_new_line(code):
            log.log(level, text, code, refusal)

    def _log_head(self) -> None:
        head = self._chain.memory.load().head
        if head is not None and self._is_new_line(""):
            log.info("%s", head_line(recognized_by(head)))

    def _is_new_line(self, code: str) -> bool:
        """Note that a line is written; tell whether it says something else, or the hour is over."""
        last_code, at = (None, None) if self._line is None else self._line
        if last_code == code and not self._is_due(at, EVERY_LINE):
            return False
        self._line = (code, self._clock.now())
        return True

    def _is_due(self, at: datetime | None, every: timedelta) -> bool:
        # A clock that was set back delays nothing.
        return at is None or abs(self._clock.now() - at) >= every
