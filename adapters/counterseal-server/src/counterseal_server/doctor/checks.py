"""The table of all checks, and what runs them: one that raises or hangs hides no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import TypeAlias

import attrs

from counterseal import CountersealError
from counterseal_server.doctor.audit_log import check_audit_log
from counterseal_server.doctor.configuration import check_clients, check_configuration
from counterseal_server.doctor.finding import Finding, NotChecked, State, failure, warning
from counterseal_server.doctor.installation import Installation
from counterseal_server.doctor.keys import check_key_files, check_master_key, check_signing_keys
from counterseal_server.doctor.machine import (
    check_authorities,
    check_clock,
    check_data_folder,
    check_packages,
)
from counterseal_server.doctor.outgoing import (
    check_deliveries,
    check_fcm,
    check_providers,
    check_relay,
    check_webpush,
)
from counterseal_server.doctor.public_url import check_public_url, check_tls
from counterseal_server.doctor.store import check_store

Check: TypeAlias = Callable[[Installation], Iterable[Finding]]

CHECKS: dict[str, Check] = {
    "configuration": check_configuration,
    "packages": check_packages,
    "data_folder": check_data_folder,
    "key_files": check_key_files,
    "signing_keys": check_signing_keys,
    "master_key": check_master_key,
    "store": check_store,
    "clock": check_clock,
    "audit_log": check_audit_log,
    "clients": check_clients,
    "deliveries": check_deliveries,
    "public_url": check_public_url,
    "tls": check_tls,
    "authorities": check_authorities,
    "providers": check_providers,
    "fcm": check_fcm,
    "webpush": check_webpush,
    "relay": check_relay,
}
"""In the order in which they are printed."""


@attrs.frozen
class Result:
    """
    The findings of one check.

    Attributes:
        check: Its name in the table.
        findings: In the order in which the check made them; at least one.
    """

    check: str
    findings: tuple[Finding, ...]


def run_checks(
    installation: Installation, *, timeout: timedelta, checks: dict[str, Check] | None = None
) -> tuple[Result, ...]:
    """
    Run all checks at the same time, and return their results in the order of the table.

    Args:
        installation: What they look at.
        timeout: The time for all of them; what a check says later is left out.
        checks: By name; None for `CHECKS`.
    """
    checks = CHECKS if checks is None else checks
    findings_by_check: dict[str, list[Finding]] = {name: [] for name in checks}
    deadline = time.monotonic() + timeout.total_seconds()
    threads = {
        # A daemon, so that a check that hangs does not keep the process alive.
        name: threading.Thread(
            target=_run, args=(check, installation, findings_by_check[name]), daemon=True
        )
        for name, check in checks.items()
    }
    for thread in threads.values():
        thread.start()
    results = []
    for name, thread in threads.items():
        thread.join(max(0.0, deadline - time.monotonic()))
        findings = tuple(findings_by_check[name])
        if thread.is_alive():
            findings += (
                failure(
                    "timed_out",
                    f"the check has not ended within {timeout.total_seconds():.0f} s",
                    "see what it waits for, or give more time with --timeout",
                ),
            )
        results.append(Result(name, findings))
    return tuple(results)


def _run(check: Check, installation: Installation, findings: list[Finding]) -> None:
    try:
        for finding in check(installation):
            findings.append(finding)  # noqa: PERF402 (those before an error count)
    except NotChecked as reason:
        findings.append(warning("not_checked", f"not checked: {reason}", "correct that first"))
    except CountersealError as error:
        findings.append(_failed(f"{error.code}: {error}"))
    except OSError as error:
        # The name of a file is no secret, and the text of other errors may contain one.
        findings.append(_failed(f"{error.filename or 'system'}: {error.strerror}"))
    except Exception as error:  # noqa: BLE001 (a check that fails hides no other)
        findings.append(_failed(type(error).__name__))


def _failed(message: str) -> Finding:
    return failure("check_failed", f"the check failed: {message}", "correct that, or report it")


def count_states(results: Sequence[Result]) -> dict[str, int]:
    """Return how many findings there are of each state, by its name."""
    states = [finding.state for result in results for finding in result.findings]
    return {state.value: states.count(state) for state in State}
