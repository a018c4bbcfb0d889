"""Refusals: what a page says when the service refuses, or fails."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping
from http import HTTPStatus

import attrs

import counterseal as cs
from counterseal.errors import Foreign, InvalidField, RoleLacking
from counterseal_portal.answers import Answer, page
from counterseal_portal.csrf import ForgedFormError
from counterseal_web.messages import REQUEST_ID
from counterseal_web.problems import (
    STATUS,
    BodyTooLargeError,
    MethodNotAllowedError,
    NoSuchEndpointError,
    RefusedRequestError,
    UnsupportedMediaTypeError,
)

log = logging.getLogger("counterseal_portal")


@attrs.frozen
class ErrorText:
    """What a page says of an error: its heading, and what the person can do."""

    title: str
    text: str


MISSING = ErrorText(
    "Not found", "There is nothing at this address, or it is not within what you administer."
)
TEXTS: Mapping[str, ErrorText] = {
    "not_found": MISSING,
    "role_lacking": ErrorText(
        "Not allowed", "Your role does not include this. Ask an administrator of the company."
    ),
    "wrong_state": ErrorText(
        "Already changed",
        "Somebody else, or the person's device, was quicker: this can no longer be done. Go back"
        " and look at how it stands now.",
    ),
    "wrong_authority": ErrorText(
        "Not possible here",
        "The Identity Provider suspended this device, so only the provider can resume it.",
    ),
    "wrong_kind": ErrorText(
        "Not possible here", "The Identity Provider of this App Space decides this."
    ),
    "too_many_bindings": ErrorText(
        "Too many devices",
        "The account has as many devices as the policy allows. Revoke one of them first.",
    ),
    "deadline_passed": ErrorText(
        "Too late",
        "It was made too long ago, or its time is over. The origin can invite the person again.",
    ),
    "account_locked": ErrorText("The account is locked", "Unlock the account first."),
}
"""By the code of the refusal."""

REFUSED = ErrorText("Refused", "The service refused this.")
FORGED = ErrorText(
    "The form was not accepted",
    "It was not sent by a page of this portal, or you have logged in again since you opened it."
    " Open the page again. Nothing was changed.",
)
UNREADABLE = ErrorText(
    "The form was not accepted", "The portal cannot read what was sent. Nothing was changed."
)
UNAVAILABLE = ErrorText(
    "Not available at the moment",
    "A part of the service does not respond. Look first whether your change was made, and try"
    " again in a moment.",
)
BUSY = ErrorText(
    "Too much at once",
    "As many exports are under way as the service makes at once. Try again in a moment.",
)
INTERNAL = ErrorText(
    "Something is wrong here", "This is an error of the service. Its operator finds it in the log."
)


KINDS: Mapping[type[Exception], tuple[HTTPStatus, ErrorText]] = {
    ForgedFormError: (HTTPStatus.FORBIDDEN, FORGED),
    MethodNotAllowedError: (
        HTTPStatus.METHOD_NOT_ALLOWED,
        ErrorText("Not possible", "The address is for forms."),
    ),
    NoSuchEndpointError: (HTTPStatus.NOT_FOUND, MISSING),
    BodyTooLargeError: (
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        ErrorText("Too large", "What was sent is too large. Nothing was changed."),
    ),
    UnsupportedMediaTypeError: (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, UNREADABLE),
    RefusedRequestError: (HTTPStatus.BAD_REQUEST, UNREADABLE),
}
"""Of requests that are refused before any use case is called; the last is any other of them."""


def error_page(error: Exception, back: str = "") -> Answer:
    """
    Return the page for *error*, and log what the page does not say.

    Args:
        error: What was raised.
        back: Where the page leads, after `MOUNT`; empty for the overview.
    """
    if isinstance(error, cs.Refused):
        return _refused(error, back)
    if isinstance(error, MethodNotAllowedError):
        answer = _page(*KINDS[MethodNotAllowedError])
        return attrs.evolve(answer, headers=(("Allow", ", ".join(error.allowed)),))
    if isinstance(error, cs.Unavailable):
        log.warning("unavailable: %s", error.code)
        return _page(HTTPStatus.SERVICE_UNAVAILABLE, UNAVAILABLE)
    for kind, (status, text) in KINDS.items():
        if isinstance(error, kind):
            log.info("refused: %s", kind.__name__)
            return _page(status, text)
    # The text of an unforeseen error may hold a secret: its kind and place are enough.
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error("internal: %s\n%s", type(error).__name__, frames)
    return _page(HTTPStatus.INTERNAL_SERVER_ERROR, INTERNAL)


def busy_page() -> Answer:
    """Return the page for what is one too many at once."""
    return _page(HTTPStatus.SERVICE_UNAVAILABLE, BUSY)


def log_refusal(refusal: cs.Refused) -> None:
    """Log the code of a refusal, which the page does not say: the audit log has it, too."""
    log.info("refused: %s", refusal.code)


def _refused(refusal: cs.Refused, back: str) -> Answer:
    log_refusal(refusal)
    status = STATUS.get(refusal.code, HTTPStatus.FORBIDDEN)
    if isinstance(refusal, Foreign):
        return _page(status, MISSING)
    if isinstance(refusal, InvalidField):
        text = ErrorText(
            "Not accepted", f"{refusal.field}: {refusal.problem}. Nothing was changed."
        )
        return _page(HTTPStatus.BAD_REQUEST, text)
    if isinstance(refusal, RoleLacking):
        return _page(HTTPStatus.FORBIDDEN, TEXTS[refusal.code])
    return _page(status, TEXTS.get(refusal.code, REFUSED), code=refusal.public_code, back=back)


def _page(status: HTTPStatus, text: ErrorText, code: str = "", back: str = "") -> Answer:
    return page(
        *("error.html", status),
        title=text.title,
        text=text.text,
        code=code,
        back=back,
        request_id=REQUEST_ID.get(),
    )
