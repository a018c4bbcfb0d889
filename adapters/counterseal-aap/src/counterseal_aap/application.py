"""The face: it answers the requests of AAP clients, whatever is wrong with them."""

from __future__ import annotations

import base64
import logging
import re
import traceback
import uuid
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl

import attrs

import counterseal as cs
from counterseal.errors import (
    ArgumentsMissing,
    CredentialRefused,
    DeadlinePassed,
    Foreign,
    InvalidField,
    NotApproved,
    NotFound,
    RequestStale,
    WrongState,
)
from counterseal.ijson import printable
from counterseal.models import (
    UNFINISHED,
    ActionUse,
    Challenge,
    ChallengeState,
    Guid,
    RelyingParty,
)
from counterseal.models.guid import account_partition, parse, partition_of
from counterseal.narrowing import policy_within
from counterseal_aap.documents import OUTCOMES, request_document
from counterseal_aap.errors import (
    ALREADY_TERMINAL,
    NO_STORE,
    UNAUTHENTICATED,
    AapError,
    conflict,
    invalid_request,
    opening_error,
    protocol_error,
    refused_request,
)
from counterseal_aap.polls import DecisionPoll
from counterseal_aap.submissions import read_duration, read_members, read_submission
from counterseal_web import Request, Response, Service
from counterseal_web.admission import describe_claim
from counterseal_web.lengths import read_length, require_length
from counterseal_web.messages import JSON, Reply
from counterseal_web.problems import (
    BodyTooLargeError,
    MethodNotAllowedError,
    NoSuchEndpointError,
    RefusedRequestError,
    UnsupportedMediaTypeError,
    retry_after,
)
from counterseal_web.watched import WatchedRequest

PREFIX: Final = "/aap/"

_PATH = re.compile(
    PREFIX + r"(?P<account_id>.+)/v1/requests(?:/(?P<request>[^/]+)(?P<verb>/consume|/outcome)?)?",
    re.DOTALL,
)
"""`/aap/`, the account id of the approver, and a path of the protocol."""

ENTROPY_BYTES = 16

KEY_HEADER = "idempotency-key"

log = logging.getLogger("counterseal_aap")


@attrs.frozen(kw_only=True)
class _Call:
    """
    A request that names a call of the protocol.

    Attributes:
        account_id: Of the approver, whom the base URL names.
        name: The id of the approval request; empty for the one that opens it.
    """

    request: Request
    account_id: str
    name: str


class ApprovalProvider:
    """
    The requests of the Agent Approval Protocol, beside the HTTP API of a service.

    Args:
        service: The use cases, and the settings.
        request_id: Returns the id of the HTTP request that is answered, where the program sends
            the header `X-Request-Id` itself; None lets the face make both.
    """

    def __init__(self, service: Service, request_id: Callable[[], str] | None = None) -> None:
        self._service = service
        self._request_id = request_id
        self._handlers: dict[tuple[str, str], tuple[str, Callable[[_Call], Reply | DecisionPoll]]]
        self._handlers = {
            ("requests", "POST"): ("aapOpen", self._open),
            ("request", "GET"): ("aapGet", self._get),
            ("request", "DELETE"): ("aapCancel", self._cancel),
            ("/consume", "POST"): ("aapConsume", self._consume),
            ("/outcome", "POST"): ("aapReport", self._report),
        }

    @property
    def operations(self) -> frozenset[str]:
        """The operations that `Response.operation` may name."""
        return frozenset(operation for operation, _ in self._handlers.values())

    def serves(self, path: str) -> bool:
        """Return whether *path* is one of the face's."""
        return path.startswith(PREFIX)

    def respond(self, request: Request) -> Response:
        """
        Return the response to *request*, whose path it serves; raises nothing.

        It blocks while a client waits for a decision.
        """
        operation: str | None = None
        request_id = self._new_id() if self._request_id is None else self._request_id()
        headers = () if self._request_id is not None else (("X-Request-Id", request_id),)
        try:
            operation, handler, call = self._route(request)
            with self._service.call():
                reply = handler(call)
            if isinstance(reply, DecisionPoll):
                poll = attrs.evolve(reply, operation=operation, headers=headers)
                return self._service.waiters.respond(poll)
        except Exception as error:  # noqa: BLE001 (the edge of the service)
            reply = self._error(error).reply(request_id)
        return reply.response(operation, headers)

    def _new_id(self) -> str:
        return str(uuid.UUID(bytes=self._service.ports.entropy.token(ENTROPY_BYTES), version=4))

    def _route(
        self, request: Request
    ) -> tuple[str, Callable[[_Call], Reply | DecisionPoll], _Call]:
        match = _PATH.fullmatch(request.path)
        if match is None:
            raise NoSuchEndpointError
        account_id, name, verb = match.group("account_id", "request", "verb")
        kind = "requests" if name is None else verb or "request"
        try:
            operation, handler = self._handlers[kind, request.method]
        except KeyError:
            allowed = [method for each, method in self._handlers if each == kind]
            raise MethodNotAllowedError(allowed) from None
        return operation, handler, _Call(request=request, account_id=account_id, name=name or "")

    def _error(self, error: Exception) -> AapError:
        if isinstance(error, AapError):
            log.info("refused: %s", error.code)
            return error
        if isinstance(error, RefusedRequestError):
            return refused_request(error)
        if isinstance(error, cs.Refused):
            log.info("refused: %s", error.code)
            return protocol_error(error)
        if isinstance(error, cs.Unavailable):
            log.warning("unavailable: %s", error.code)
            headers = retry_after(self._service.settings)
            status = HTTPStatus.SERVICE_UNAVAILABLE
            return AapError(status, "unavailable", "try again in a moment", headers)
        # The text of an unforeseen error may hold a secret: its kind and place are enough.
        frames = "".join(traceback.format_tb(error.__traceback__))
        log.error("internal: %s\n%s", type(error).__name__, frames)
        return AapError(HTTPStatus.INTERNAL_SERVER_ERROR, "internal")

    # The five calls

    def _open(self, call: _Call) -> Reply:
        party = self._authenticate(call)
        key = _idempotency_key(call.request)
        submission = read_submission(self._document(call.request))
        policy = policy_within(self._service.policy, party.app_space, party.origin)
        if policy.arguments_required:
            # Nobody is asked for an approval that could not be used.
            raise ArgumentsMissing
        question = submission.question(call.account_id, policy)
        try:
            issued = self._service.challenges.issue(
                party, question, idempotency_key=key, extension=cs.Submission(submission.text())
            )
        except cs.Refused as refusal:
            raise opening_error(refusal) from None
        if issued.repeated:
            return self._present(party, issued.challenge.guid)
        document = request_document(issued.challenge, None)
        return Reply(status=HTTPStatus.CREATED, document=document, headers=NO_STORE)

    def _get(self, call: _Call) -> Reply | DecisionPoll:
        party = self._authenticate(call)
        wait = self._read_wait(call.request)
        status = self._load(party, call)
        challenge = status.challenge
        if not wait or challenge.state not in UNFINISHED:
            return _reply(challenge, status.use)
        return DecisionPoll(
            watched=WatchedRequest(
                challenge=challenge,
                clock=self._service.ports.clock,
                load_challenge=lambda: self._service.load(party, challenge.guid),
            ),
            limit=wait,
            settings=self._service.settings,
            reply=lambda latest: self._reply_after_wait(party, latest),
        )

    def _cancel(self, call: _Call) -> Reply:
        party = self._authenticate(call)
        challenge = self._load(party, call).challenge
        if challenge.state is ChallengeState.CANCELLED:
            return _reply(challenge, None)
        try:
            return _reply(self._service.challenges.cancel(party, challenge.guid), None)
        except (WrongState, DeadlinePassed):
            challenge = self._load(party, call).challenge
            if challenge.state is ChallengeState.CANCELLED:
                return _reply(challenge, None)
            raise ALREADY_TERMINAL from None

    def _consume(self, call: _Call) -> Reply:
        party = self._authenticate(call)
        _idempotency_key(call.request)
        if self._body(call.request):
            raise InvalidField("body", "not empty: a use names no arguments")
        challenge = self._load(party, call).challenge
        consumed = self._service.actions.consume_unpresented(party, challenge.guid)
        return _reply(challenge, consumed.use)

    def _report(self, call: _Call) -> Reply:
        party = self._authenticate(call)
        members = read_members(
            self._document(call.request), frozenset({"status"}), frozenset({"note"})
        )
        outcome = OUTCOMES.get(members["status"]) if isinstance(members["status"], str) else None
        if outcome is None:
            raise InvalidField("status", "neither succeeded nor failed")
        status = self._load(party, call)
        if status.use is None:
            raise conflict("not_consumed", "the approval was not used")
        note = members.get("note")
        try:
            use = self._service.actions.report(party, status.challenge.guid, outcome, detail=note)
        except WrongState:
            raise conflict("outcome_conflict", "another outcome was reported") from None
        return _reply(status.challenge, use)

    # What they share

    def _authenticate(self, call: _Call) -> RelyingParty:
        """Return the origin that a token names: `GUID.KEY`, its Basic credential."""
        scheme, _, token = call.request.headers.get("authorization", "").partition(" ")
        name, _, key = token.strip().partition(".")
        if scheme.lower() != "bearer" or not name or not key:
            raise UNAUTHENTICATED
        pair = base64.b64encode(f"{name}:{key}".encode(errors="replace")).decode("ascii")
        signed = cs.SignedRequest(
            method=call.request.method,
            uri=self._service.settings.public_url + call.request.path,
            authorization=f"Basic {pair}",
        )
        try:
            return self._service.authentication.authenticate(signed)
        except (CredentialRefused, RequestStale) as refusal:
            log.info("not authenticated: %s%s", refusal.code, describe_claim(signed))
            raise UNAUTHENTICATED from None

    def _load(self, party: RelyingParty, call: _Call) -> cs.ActionStatus:
        """Return a request of *party*, for the approver whom the base URL names."""
        try:
            guid = parse(call.name, field="id")
            if partition_of(guid) != account_partition(party.app_space.guid, call.account_id):
                raise NotFound  # noqa: TRY301 (one reply for all)
            status = self._service.actions.status(party, guid)
        except (InvalidField, NotFound, Foreign, NotApproved):
            raise NotFound from None
        if status.challenge.submission is None:
            raise NotFound
        return status

    def _reply_after_wait(self, party: RelyingParty, latest: Challenge) -> Reply:
        if not latest.approved:
            return _reply(latest, None)
        with self._service.call():
            return self._present(party, latest.guid)

    def _present(self, party: RelyingParty, guid: Guid) -> Reply:
        status = self._service.actions.status(party, guid)
        return _reply(status.challenge, status.use)

    def _read_wait(self, request: Request) -> timedelta:
        pairs = parse_qsl(request.query.decode("latin-1"), keep_blank_values=True)
        wait = timedelta(0)
        for name, value in pairs:
            if name != "wait" or len(pairs) > 1:
                raise InvalidField(printable(name), "unknown, or twice")
            wait = read_duration(value, "wait")
        return min(wait, self._service.settings.wait_limit)

    def _document(self, request: Request) -> Any:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != JSON:
            raise UnsupportedMediaTypeError((JSON,), f"not {JSON}")
        return cs.read_json(self._body(request))

    def _body(self, request: Request) -> bytes:
        limit = self._service.settings.body_limit
        require_length(read_length(request.headers.get("content-length", "")), limit)
        content = request.read_body(limit + 1)
        if len(content) > limit:
            raise BodyTooLargeError
        return content


def _idempotency_key(request: Request) -> str:
    key = request.headers.get(KEY_HEADER, "")
    if not key:
        raise invalid_request("missing_idempotency_key", "Idempotency-Key: missing")
    return key


def _reply(challenge: Challenge, use: ActionUse | None) -> Reply:
    return Reply(document=request_document(challenge, use), headers=NO_STORE)
