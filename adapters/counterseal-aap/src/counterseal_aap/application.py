"""The face: it answers the requests of AAP clients, whatever is wrong with them."""

from __future__ import annotations

import base64
import logging
import uuid
from datetime import timedelta
from http import HTTPStatus
from typing import Final
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
from counterseal_aap.submissions import read_duration, read_members, read_submission
from counterseal_web import REQUEST_ID, Request, Response, Service
from counterseal_web.admission import describe_claim
from counterseal_web.face import ChallengePoll, Endpoint, Face, FaceCall
from counterseal_web.messages import JSON, Reply
from counterseal_web.problems import RefusedRequestError, log_failure, retry_after
from counterseal_web.watched import WatchedRequest

PREFIX: Final = "/aap/"

REQUESTS = f"{PREFIX}{{account_id...}}/v1/requests"
"""`/aap/`, the account id of the approver, and a path of the protocol."""

ENTROPY_BYTES = 16

KEY_HEADER = "idempotency-key"

log = logging.getLogger("counterseal_aap")


class ApprovalProvider(Face):
    """
    The requests of the Agent Approval Protocol, beside the HTTP API of a service.

    Args:
        service: The use cases, and the settings.
    """

    def __init__(self, service: Service) -> None:
        super().__init__(
            service,
            [
                Endpoint("aapOpen", "POST", REQUESTS, self._open),
                Endpoint("aapGet", "GET", f"{REQUESTS}/{{id}}", self._get),
                Endpoint("aapCancel", "DELETE", f"{REQUESTS}/{{id}}", self._cancel),
                Endpoint("aapConsume", "POST", f"{REQUESTS}/{{id}}/consume", self._consume),
                Endpoint("aapReport", "POST", f"{REQUESTS}/{{id}}/outcome", self._report),
            ],
        )

    def serves(self, path: str) -> bool:
        """Return whether *path* is below the face's, so that errors there are the protocol's."""
        return path.startswith(PREFIX)

    def respond(self, request: Request) -> Response:
        """
        Return the response to *request*, as `Face.respond` does.

        The protocol demands the id of each HTTP request. Where the program sets no `REQUEST_ID`,
        the face makes one, and sends it as `X-Request-Id`.
        """
        if REQUEST_ID.get() is not None:
            return super().respond(request)
        entropy = self._service.ports.entropy.token(ENTROPY_BYTES)
        request_id = str(uuid.UUID(bytes=entropy, version=4))
        token = REQUEST_ID.set(request_id)
        try:
            response = super().respond(request)
        finally:
            REQUEST_ID.reset(token)
        return attrs.evolve(response, headers=(*response.headers, ("X-Request-Id", request_id)))

    def reply_to(
        self,
        error: Exception,
        operation: str | None,  # noqa: ARG002 (no error differs by it)
    ) -> Reply:
        """Return *error* as the protocol has it."""
        return self._error(error).reply(REQUEST_ID.get() or "")

    def _error(self, error: Exception) -> AapError:
        if isinstance(error, AapError):
            log.info("refused: %s", error.code)
            return error
        if isinstance(error, RefusedRequestError):
            return refused_request(error)
        if isinstance(error, cs.Refused):
            log.info("refused: %s", error.code)
            return protocol_error(error)
        log_failure(error, log)
        if isinstance(error, cs.Unavailable):
            headers = retry_after(self._service.settings)
            status = HTTPStatus.SERVICE_UNAVAILABLE
            return AapError(status, "unavailable", "try again in a moment", headers)
        return AapError(HTTPStatus.INTERNAL_SERVER_ERROR, "internal")

    # The five calls

    def _open(self, call: FaceCall) -> Reply:
        party = self._authenticate(call)
        key = _idempotency_key(call)
        submission = read_submission(cs.read_json(call.body_of(JSON)))
        policy = policy_within(self._service.policy, party.app_space, party.origin)
        if policy.arguments_required:
            # Nobody is asked for an approval that could not be used.
            raise ArgumentsMissing
        question = submission.question(call.names["account_id"], policy)
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

    def _get(self, call: FaceCall) -> Reply | ChallengePoll:
        party = self._authenticate(call)
        wait = self._read_wait(call.request)
        status = self._load(party, call)
        challenge = status.challenge
        if not wait or challenge.state not in UNFINISHED:
            return _reply(challenge, status.use)
        return ChallengePoll(
            watched=WatchedRequest(
                challenge=challenge,
                clock=self._service.ports.clock,
                load_challenge=lambda: self._service.load(party, challenge.guid),
            ),
            limit=wait,
            settings=self._service.settings,
            reply=lambda latest: self._reply_after_wait(party, latest),
        )

    def _cancel(self, call: FaceCall) -> Reply:
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

    def _consume(self, call: FaceCall) -> Reply:
        party = self._authenticate(call)
        _idempotency_key(call)
        if call.body():
            raise InvalidField("body", "not empty: a use names no arguments")
        challenge = self._load(party, call).challenge
        consumed = self._service.actions.consume_unpresented(party, challenge.guid)
        return _reply(challenge, consumed.use)

    def _report(self, call: FaceCall) -> Reply:
        party = self._authenticate(call)
        members = read_members(
            cs.read_json(call.body_of(JSON)), frozenset({"status"}), frozenset({"note"})
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

    def _authenticate(self, call: FaceCall) -> RelyingParty:
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

    def _load(self, party: RelyingParty, call: FaceCall) -> cs.ActionStatus:
        """Return a request of *party*, for the approver whom the base URL names."""
        try:
            guid = parse(call.names["id"], field="id")
            if partition_of(guid) != account_partition(
                party.app_space.guid, call.names["account_id"]
            ):
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


def _idempotency_key(call: FaceCall) -> str:
    key = call.headers.get(KEY_HEADER, "")
    if not key:
        raise invalid_request("missing_idempotency_key", "Idempotency-Key: missing")
    return key


def _reply(challenge: Challenge, use: ActionUse | None) -> Reply:
    return Reply(document=request_document(challenge, use), headers=NO_STORE)
