"""Planned faults: what goes wrong, or comes between, while a use case runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from hypothesis import strategies as st

from counterseal.errors import (
    IdentityUnavailable,
    NotifierUnavailable,
    SealBroken,
    SenderUnavailable,
    SignerUnavailable,
    StoreUnavailable,
)
from counterseal_testing.faults import Faults

COMMIT = "store.commit"
FEW = 3
"""Fewer times than this, the use case tries again by itself."""

FOREVER = 1_000_000


@attrs.frozen(repr=False)
class PlannedFault:
    """
    One fault, or one concurrent call, set on one call of a port.

    Attributes:
        name: The concurrent call, or what fails.
        at: The call; empty for any.
        skip: How many such calls pass before it.
    """

    name: str
    at: str = COMMIT
    skip: int = 0
    times: int = 1

    def __repr__(self) -> str:
        """Say it in a counterexample."""
        call = f"call {self.skip}" if not self.at else self.at
        return f"<{self.name} at {call}{'' if self.times == 1 else ', again and again'}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: FBT001 (Hypothesis calls it)
        """Say it to Hypothesis, which would name the fields."""
        printer.text("..." if cycle else repr(self))

    @property
    def harmless(self) -> bool:
        """Whether the use case has to do as if nothing had happened."""
        if self.name in {"lost reply", "lost request"}:
            return self.times < FEW
        return self.name == "failure" and self.at in _DISPENSABLE

    def arm(self, faults: Faults, concurrent_call: Callable[[str], object]) -> None:
        """Set it; *concurrent_call* makes the call of its name."""
        if self.name == "crash":
            faults.crash(self.at, skip=self.skip)
        elif self.name == "crash after":
            faults.crash(self.at, skip=self.skip, after=True)
        elif self.name == "lost reply":
            faults.lose_reply(self.at, skip=self.skip, times=self.times)
        elif self.name == "lost request":
            faults.lose_reply(self.at, applied=False, skip=self.skip, times=self.times)
        elif self.name == "failure":
            error = _ERRORS.get(self.at, StoreUnavailable)
            faults.fail(self.at, error(), skip=self.skip)
        else:
            faults.meanwhile(lambda: concurrent_call(self.name), at=self.at, skip=self.skip)


_ERRORS = {
    "notifier.push": NotifierUnavailable,
    "signer.sign": SignerUnavailable,
    "sealer.open": SealBroken,
    "sender.send": SenderUnavailable,
    "identity.revalidate": IdentityUnavailable,
    "identity.exchange": IdentityUnavailable,
}

_DISPENSABLE = {"notifier.push", "wake.notify", "idempotency.finish"}
"""Nothing depends on them."""

CONCURRENT_CALLS = (
    "revoke",
    "suspend",
    "lock",
    "erase",
    "rotate",
    "withdraw",
    "answer",
    "disown",
    "cancel",
    "wait until late",
    "fetch, and wait until late",
    "strike",
    "sweep",
    "ask",
    "turn the clock back",
)

_FAILING = (
    *(
        "store.get",
        "store.get_with_account",
        COMMIT,
        "store.due",
        "store.account",
        "replay.first_seen",
        "audit.record",
    ),
    *("signer.sign", "sealer.open", "sealer.seal", "idempotency.begin", "idempotency.finish"),
    *("counters.add", "notifier.push", "wake.notify", "identity.revalidate"),
    *("identity.exchange", "sender.send"),
)

_FAULTS = (
    *(PlannedFault("crash", at="", skip=skip) for skip in range(10)),
    *(PlannedFault("crash after", skip=skip) for skip in range(2)),
    *(PlannedFault("lost reply", times=times) for times in (1, 2, FOREVER)),
    *(PlannedFault("lost request", times=times) for times in (1, FOREVER)),
    *(PlannedFault("failure", at=call) for call in _FAILING),
)
_BEFORE_COMMITS = tuple(PlannedFault(name) for name in CONCURRENT_CALLS)
_DURING_SENDS = tuple(
    PlannedFault(name, at="sender.send")
    for name in ("outlast the lease", "outlast the lease", "attempt", "cancel")
)

_DURING_PUSHES = tuple(
    PlannedFault(name, at=call, skip=skip)
    for name in ("answer", "cancel", "revoke", "erase", "wait until late")
    for call, skip in (("notifier.push", 0), ("store.get", 1))
) + tuple(PlannedFault(name, at="notifier.push") for name in ("outlast the lease", "attempt"))

_STOPPING = tuple(PlannedFault(name) for name in ("lock", "suspend", "revoke", "strike", "strike"))

INTERLEAVED: st.SearchStrategy[PlannedFault] = st.sampled_from(_BEFORE_COMMITS + 2 * _STOPPING)
"""A call that comes between reading and commit."""

INTERLEAVED_WITH_SENDS: st.SearchStrategy[PlannedFault] = st.sampled_from(_DURING_SENDS)
"""A call that comes between a worker's claim and its send."""

FAULTS: st.SearchStrategy[PlannedFault | None] = st.sampled_from(
    (None,) * len(_FAULTS) + _BEFORE_COMMITS + _FAULTS
)
"""Nothing, or anything; a counterexample keeps what it needs."""

FAULTS_OF_SENDS: st.SearchStrategy[PlannedFault | None] = st.sampled_from(
    (None,) * len(_FAULTS) + 4 * _DURING_SENDS + _FAULTS
)
"""The same for a worker that sends."""

FAULTS_OF_PUSHES: st.SearchStrategy[PlannedFault | None] = st.sampled_from(
    (None,) * len(_FAULTS) + 4 * _DURING_PUSHES + _FAULTS
)
"""The same for a worker that pushes."""
