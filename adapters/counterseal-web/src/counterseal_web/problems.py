"""
Problems: what a client gets when a call is refused or fails (RFC 9457).

`STATUS` is the one table from an error's code to its HTTP status.
The outside sees a refusal's public code, and never the code behind it: that one is for the log.
"""

from __future__ import annotations

import logging
import math
import traceback
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar

import counterseal as cs
from counterseal.errors import IdentityUnavailable
from counterseal.wire.problem import Problem, problem_document
from counterseal_web.messages import PROBLEM, REQUEST_ID, Reply
from counterseal_web.settings import Settings

K = TypeVar("K", bound=cs.CountersealError)

log = logging.getLogger("counterseal_web")


STATUS: dict[str, HTTPStatus] = {
    # Input
    "invalid_field": HTTPStatus.BAD_REQUEST,
    "html_refused": HTTPStatus.BAD_REQUEST,
    "document_host_refused": HTTPStatus.BAD_REQUEST,
    "action_type_unknown": HTTPStatus.BAD_REQUEST,
    "domain_forbidden": HTTPStatus.BAD_REQUEST,
    "callback_forbidden": HTTPStatus.BAD_REQUEST,  # as at the CX service
    "callback_uncallable": HTTPStatus.BAD_REQUEST,
    "return_forbidden": HTTPStatus.BAD_REQUEST,
    "unfit_key": HTTPStatus.BAD_REQUEST,
    "keys_incomplete": HTTPStatus.BAD_REQUEST,
    "not_possessed": HTTPStatus.BAD_REQUEST,
    "code_missing": HTTPStatus.BAD_REQUEST,
    "receipt_changed": HTTPStatus.BAD_REQUEST,
    "issuer_untrusted": HTTPStatus.BAD_REQUEST,
    # Who and what is there
    "not_found": HTTPStatus.NOT_FOUND,
    "foreign": HTTPStatus.NOT_FOUND,
    "account_unknown": HTTPStatus.NOT_FOUND,
    "account_unbound": HTTPStatus.NOT_FOUND,
    "account_locked": HTTPStatus.NOT_FOUND,
    # Credentials of origins and administrators
    "credential_refused": HTTPStatus.UNAUTHORIZED,
    "endpoint_audience": HTTPStatus.UNAUTHORIZED,
    "request_stale": HTTPStatus.UNAUTHORIZED,
    # Evidence of devices
    "binding_inactive": HTTPStatus.FORBIDDEN,
    "wrong_issuer": HTTPStatus.FORBIDDEN,
    "account_taken": HTTPStatus.FORBIDDEN,
    "malformed_token": HTTPStatus.FORBIDDEN,
    "wrong_type": HTTPStatus.FORBIDDEN,
    "wrong_algorithm": HTTPStatus.FORBIDDEN,
    "wrong_key": HTTPStatus.FORBIDDEN,
    "wrong_signature": HTTPStatus.FORBIDDEN,
    "malformed_assertion": HTTPStatus.FORBIDDEN,
    "wrong_ceremony": HTTPStatus.FORBIDDEN,
    "assertion_elsewhere": HTTPStatus.FORBIDDEN,
    "wrong_origin": HTTPStatus.FORBIDDEN,
    "cross_origin": HTTPStatus.FORBIDDEN,
    "wrong_rp_id": HTTPStatus.FORBIDDEN,
    "user_absent": HTTPStatus.FORBIDDEN,
    "user_unverified": HTTPStatus.FORBIDDEN,
    "backup_changed": HTTPStatus.FORBIDDEN,
    "malformed_registration": HTTPStatus.FORBIDDEN,
    "attestation_refused": HTTPStatus.FORBIDDEN,
    "wrong_device": HTTPStatus.FORBIDDEN,
    "wrong_audience": HTTPStatus.FORBIDDEN,
    "wrong_challenge": HTTPStatus.FORBIDDEN,
    "wrong_request": HTTPStatus.FORBIDDEN,
    "display_changed": HTTPStatus.FORBIDDEN,
    "button_changed": HTTPStatus.FORBIDDEN,
    "weak_key": HTTPStatus.FORBIDDEN,
    "keys_changed": HTTPStatus.FORBIDDEN,
    "stale_proof": HTTPStatus.FORBIDDEN,
    "replayed": HTTPStatus.FORBIDDEN,
    "wrong_token": HTTPStatus.FORBIDDEN,
    "identity_withdrawn": HTTPStatus.FORBIDDEN,
    "strong_key_missed": HTTPStatus.FORBIDDEN,
    "wrong_pin": HTTPStatus.FORBIDDEN,
    "wrong_code": HTTPStatus.FORBIDDEN,
    "not_endorsed": HTTPStatus.FORBIDDEN,
    "new_device_forbidden": HTTPStatus.FORBIDDEN,
    "asking_only": HTTPStatus.FORBIDDEN,
    # Administrators
    "role_lacking": HTTPStatus.FORBIDDEN,
    "step_up_needed": HTTPStatus.FORBIDDEN,
    # State and time
    "wrong_state": HTTPStatus.CONFLICT,
    "wrong_authority": HTTPStatus.CONFLICT,
    "wrong_kind": HTTPStatus.CONFLICT,
    "too_many_bindings": HTTPStatus.CONFLICT,
    "deadline_ahead": HTTPStatus.CONFLICT,
    "lease_lost": HTTPStatus.CONFLICT,
    "token_spent": HTTPStatus.CONFLICT,
    "setting_differs": HTTPStatus.CONFLICT,
    "code_demanded": HTTPStatus.CONFLICT,
    "key_in_progress": HTTPStatus.CONFLICT,
    "key_reused": HTTPStatus.UNPROCESSABLE_ENTITY,
    "not_approved": HTTPStatus.CONFLICT,
    "action_used": HTTPStatus.CONFLICT,
    "arguments_differ": HTTPStatus.CONFLICT,
    "arguments_missing": HTTPStatus.BAD_REQUEST,
    "approver_inactive": HTTPStatus.CONFLICT,
    "deadline_passed": HTTPStatus.GONE,
    # The audit log, which no call signs
    "audit_head_missing": HTTPStatus.CONFLICT,
    "audit_head_older": HTTPStatus.CONFLICT,
    "audit_head_other": HTTPStatus.CONFLICT,
    "audit_head_detached": HTTPStatus.CONFLICT,
    "audit_renewal_due": HTTPStatus.CONFLICT,
    # Asking
    "too_many_pending": HTTPStatus.TOO_MANY_REQUESTS,
    "too_often": HTTPStatus.TOO_MANY_REQUESTS,
    # The embedding program is wrong
    "operation_reused": HTTPStatus.INTERNAL_SERVER_ERROR,
    "partition_crossed": HTTPStatus.INTERNAL_SERVER_ERROR,
    "wrong_record": HTTPStatus.INTERNAL_SERVER_ERROR,
    "not_bound": HTTPStatus.INTERNAL_SERVER_ERROR,
    "policy_unsound": HTTPStatus.INTERNAL_SERVER_ERROR,
    "conflict": HTTPStatus.INTERNAL_SERVER_ERROR,
    # A port failed
    "store_full": HTTPStatus.SERVICE_UNAVAILABLE,
    "store_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "indeterminate": HTTPStatus.SERVICE_UNAVAILABLE,
    "contended": HTTPStatus.SERVICE_UNAVAILABLE,
    "notifier_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "identity_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "sender_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "signer_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "seal_broken": HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Refusals that share a public code share a status; a test walks `counterseal.errors`."""

HTTP: dict[str, HTTPStatus] = {
    "bad_request": HTTPStatus.BAD_REQUEST,
    "busy": HTTPStatus.SERVICE_UNAVAILABLE,
    "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
    "method_not_allowed": HTTPStatus.METHOD_NOT_ALLOWED,
    "no_such_endpoint": HTTPStatus.NOT_FOUND,
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "too_slow": HTTPStatus.REQUEST_TIMEOUT,
    "unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "unsupported_media_type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
}
"""Problems that are no refusal of the core's."""

TITLES = {
    "bad_request": "The request cannot be read.",
    "forbidden": "The caller may not do this.",
    "busy": "Too many wait already.",
    "denied": "The call, the token or the device does not hold.",
    "internal": "Something is wrong here.",
    "unavailable": "Try again in a moment.",
    "unauthorized": "The credential does not hold.",
    "unreachable": "The account cannot be asked.",
    "no_such_endpoint": "There is no such endpoint.",
    "method_not_allowed": "The endpoint does not take this method.",
    "too_large": "The body is too large.",
    "too_slow": "The body did not come in time.",
    "unsupported_media_type": "The body is of a type that the endpoint does not read.",
}
"""Of words that no error class explains; all others have the first line of their class."""

MEMBERS = ("attempts_left", "reason", "field")
"""Attributes of some refusals, and the problem's member for each."""


def problem(word: str, *, headers: dict[str, str] | None = None, **members: Any) -> Reply:
    """Return the problem *word* as a reply, with the id of the request if there is one."""
    members = {"request_id": REQUEST_ID.get()} | members
    status = STATUS_BY_PUBLIC_CODE.get(word, HTTPStatus.FORBIDDEN)
    refusal = Problem(code=word, title=_title(word), status=int(status), **members)
    return Reply(
        status=status,
        document=problem_document(refusal),
        media_type=PROBLEM,
        headers=headers or {},
    )


class RefusedRequestError(Exception):
    """
    A request that is refused before any use case is called.

    Attributes:
        word: The problem's code.
    """

    word: ClassVar[str]

    def reply(self) -> Reply:
        """Return the problem as a reply."""
        return problem(self.word)


class BodyTooLargeError(RefusedRequestError):
    """The body is longer than the settings allow."""

    word = "too_large"


class BodyTooSlowError(RefusedRequestError):
    """The body did not come in time."""

    word = "too_slow"


class BrokenBodyError(RefusedRequestError):
    """The connection broke off before the whole body had come, or its framing is malformed."""

    word = "bad_request"


class NoSuchEndpointError(RefusedRequestError):
    """The path names no operation."""

    word = "no_such_endpoint"


class MethodNotAllowedError(RefusedRequestError):
    """
    The path names something, and the method nothing of it.

    Attributes:
        allowed: The methods that do.
        endpoints: What the path names, by whatever method.
    """

    word = "method_not_allowed"

    def __init__(self, allowed: Iterable[str], endpoints: Iterable[Any] = ()) -> None:
        super().__init__()
        self.allowed = tuple(sorted(allowed))
        self.endpoints = tuple(endpoints)

    def reply(self) -> Reply:
        """Return the problem, with the methods that are allowed (RFC 9110, 15.5.6)."""
        return problem(self.word, headers={"Allow": ", ".join(self.allowed)})


class UnsupportedMediaTypeError(RefusedRequestError):
    """
    The body is of a type that the operation does not read.

    Attributes:
        accepted: The media types that it reads.
        problem: What is wrong with the one of the body.
    """

    word = "unsupported_media_type"

    def __init__(self, accepted: tuple[str, ...], problem: str) -> None:
        super().__init__(problem)
        self.accepted = accepted
        self.problem = problem

    def reply(self) -> Reply:
        """Return the problem, with what is read instead (RFC 9110, 15.5.16)."""
        accept = {"Accept": ", ".join(self.accepted)}
        return problem(self.word, headers=accept, detail=f"Content-Type: {self.problem}")


def busy(settings: Settings) -> Reply:
    """Return the problem that too many wait already."""
    return problem("busy", headers=retry_after(settings))


def retry_after(settings: Settings) -> dict[str, str]:
    """Return the header that says when to call again, where nothing better is known."""
    return {"Retry-After": _seconds(settings.retry_after.total_seconds())}


def reply_to(error: Exception, settings: Settings) -> Reply:
    """Return what the outside may know of *error*, and log the rest."""
    if isinstance(error, RefusedRequestError):
        return error.reply()
    if isinstance(error, cs.Refused):
        log.info("refused: %s", error.code)
        return _refused(error)
    log_failure(error, log)
    if isinstance(error, cs.Unavailable):
        identity = isinstance(error, IdentityUnavailable)
        members = {"reason": error.code} if identity else {}
        return problem("unavailable", headers=retry_after(settings), **members)
    return problem("internal")


def log_failure(error: Exception, log: logging.Logger) -> None:
    """Log *error*, which is no refusal: a port that failed, or what nobody has foreseen."""
    if isinstance(error, cs.Unavailable):
        log.warning("unavailable: %s", error.code)
        return
    # The text of an unforeseen error may hold a secret: its kind and place are enough.
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error("internal: %s\n%s", type(error).__name__, frames)


def _refused(refusal: cs.Refused) -> Reply:
    members = {name: getattr(refusal, name) for name in MEMBERS if hasattr(refusal, name)}
    if hasattr(refusal, "problem"):
        members["detail"] = f"{refusal.field}: {refusal.problem}"  # type: ignore[attr-defined]
    elif getattr(refusal, "detail", None) is not None:
        members["detail"] = refusal.detail  # type: ignore[attr-defined]
    headers: dict[str, str] = {}
    if hasattr(refusal, "retry_after"):
        headers["Retry-After"] = _seconds(refusal.retry_after)
    return problem(refusal.public_code, headers=headers, **members)


def _seconds(span: float) -> str:
    return str(max(1, math.ceil(span)))


def _title(word: str) -> str:
    return TITLES.get(word) or _FIRST_LINES.get(word, "Refused.")


def _kinds(family: type[K]) -> Iterator[type[K]]:
    for kind in family.__subclasses__():
        if "code" in vars(kind):
            yield kind
        yield from _kinds(kind)


_FIRST_LINES = {
    kind.code: (kind.__doc__ or "").strip().partition("\n")[0]
    for kind in _kinds(cs.CountersealError)
}

STATUS_BY_PUBLIC_CODE = {
    kind.public_code: STATUS.get(kind.code, HTTPStatus.FORBIDDEN) for kind in _kinds(cs.Refused)
} | HTTP
"""
Every code that a problem of this version may have, and its status.

Any other is a refusal of a later core, or of somebody's own, and is forbidden.
"""
