"""Test log-ins at an App Space's Identity Provider, by an operator with a browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from counterseal import OPERATOR, LoginTestResult, LoginTests
from counterseal.models import Guid
from counterseal.wire.members import format_time
from counterseal_server.runtime import Runtime
from counterseal_web.logins import RETURN

SECRET_BYTES = 32
APP_RETURN = "http://127.0.0.1/counterseal-test-login"
"""Where the browser ends; nothing has to be there, since its address is all that is needed."""


def run_test(
    runtime: Runtime, app_space: Guid, enter_address: Callable[[str, str], str]
) -> LoginTestResult:
    """
    Begin a test log-in, let the operator log in, and return the result.

    Args:
        runtime: The service.
        app_space: Whose provider is tested.
        enter_address: Takes where to log in and the redirect URI, and returns the address at which
            the browser ends.

    Raises:
        Refused: As `LoginTests`.
        Unavailable: A port failed.
    """
    tests = LoginTests(runtime.ports, runtime.policy)
    secret = runtime.ports.entropy.token(SECRET_BYTES).hex()
    begun = tests.begin(
        app_space,
        app_return=APP_RETURN,
        service_return=f"{runtime.settings.public_url.rstrip('/')}{RETURN}",
        secret=secret,
        by=OPERATOR,
    )
    address = enter_address(begun.url, begun.redirect_uri)
    response = dict(parse_qsl(urlsplit(address.strip()).query))
    return tests.finish(app_space, response, secret=secret, by=OPERATOR)


def result_document(result: LoginTestResult) -> dict[str, Any]:
    """Return the document of a result: the identity, or the refusal in words."""
    times = {"beganAt": format_time(result.began_at), "endedAt": format_time(result.ended_at)}
    if result.refusal:
        return {"works": False, "refusal": result.refusal, "detail": result.detail, **times}
    return {
        "works": True,
        "issuer": result.issuer,
        "subject": result.subject,
        "accountClaim": result.account_claim,
        "accountId": result.account_id,
        "session": result.session or None,
        "accountGuid": result.account,
        **times,
    }
