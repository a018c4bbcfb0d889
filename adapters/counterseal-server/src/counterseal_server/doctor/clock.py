"""Checks of the clock: proofs, tokens and deadlines depend on it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from counterseal_server.doctor.finding import Finding, failure, fine, warning
from counterseal_server.doctor.installation import Installation

BUILT = datetime(2026, 11, 1, tzinfo=UTC)
"""Before this release was made; no right clock shows an earlier time."""

NOTABLE = timedelta(seconds=2)


def check_clock(installation: Installation) -> Iterator[Finding]:
    """Compare the clock with the release and with the clocks of the store's servers."""
    advice = "synchronise the clocks of all machines, for example with chrony"
    now = installation.clock.now()
    if now < BUILT:
        yield failure("clock_behind_release", f"the clock shows {now:%Y-%m-%d}", advice)
        return
    with installation.open_records_of_release() as records:
        before = installation.clock.now()
        server_times = records.server_times()
        after = installation.clock.now()
    if not server_times:
        yield fine("clock_plausible", "the clock is plausible; the store has none of its own")
        return
    middle = before + (after - before) / 2
    skew = max(abs(time - middle) for time in server_times) - (after - before) / 2
    seconds = f"{max(skew.total_seconds(), 0):.1f} s"
    if skew > installation.settings.policy.proof_future:
        yield failure("clock_skewed", f"the clock differs by {seconds} from the store's", advice)
    elif skew > NOTABLE:
        yield warning("clock_drifting", f"the clock differs by {seconds} from the store's", advice)
    else:
        yield fine("clock_synchronous", f"the clock differs by {seconds} from the store's")
