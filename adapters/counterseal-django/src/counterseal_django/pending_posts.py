"""
Pending posts: what a user has sent, and does only after an approval on their device.

The user's session has each, sealed, from the question until the approval is used. The browser sends
the form once: what runs is what the server has stored. Before it runs, it is described anew from
what is stored then, and compared with what the person was asked; the approval is used for the new
description.
"""

from __future__ import annotations

import hashlib
import json
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

import attrs
from django.conf import settings
from django.db import connections, transaction
from django.http import HttpRequest, QueryDict
from django.utils.datastructures import MultiValueDict
from django.utils.translation import get_language

import counterseal as cs
from counterseal import ijson
from counterseal.approvals.documents import ActionProgress, progress_of
from counterseal.challenges.documents.action import action_request_document, read_action
from counterseal.errors import ActionUsed, InvalidField, KeyInProgress, NotApproved
from counterseal.models import UNFINISHED, Action, Challenge, Guid, Question, UseState
from counterseal.models.guid import parse
from counterseal_django.wiring import Approvals, approvals

SESSION_KEY = "counterseal_pending_posts"
POSTS_LIMIT = 8
"""How many one session has; the oldest makes room."""

BODY_BYTES = 65_536
"""The most bytes of a form, urlencoded."""

DURATION = timedelta(minutes=5)
"""How long the user may answer."""

LONGEST_PAUSE = 2.0
"""Seconds that a form waits, while the same form is being asked about."""

TOKEN = "counterseal_approval"  # noqa: S105 (the name of a field)
"""The field by which the waiting page names the pending post."""

CSRF_FIELD = "csrfmiddlewaretoken"

ENCODING = "utf-8"
"""Of a form that waits, whatever those have that send it and that go on."""

F = TypeVar("F", bound=Callable[..., Any])


class PostUnknown(cs.Refused, code="post_unknown"):
    """The session has no such pending post, or it is another user's."""


class PostUnfit(cs.Refused, code="post_unfit"):
    """What was sent cannot wait for an approval: no form, a form with a file, or too long."""


class PostChanged(cs.Refused, code="post_changed"):
    """What would run now is not what the person was asked about."""


@attrs.frozen(kw_only=True)
class Proposal:
    """
    What is about to be done, as it is described now.

    Attributes:
        title: In one line, for pages.
        action: As the person is shown it, and as the approval is used.
        state: A digest of what it acts on, which nobody is shown; empty if it acts on nothing.
        objects: The primary keys of what it acts on.
    """

    title: str
    action: Action
    state: str = ""
    objects: tuple[str, ...] = ()

    def is_same(self, proposal: Proposal) -> bool:
        """Tell whether *proposal* does the same to the same state."""
        return self._compared() == proposal._compared()

    def _compared(self) -> tuple[bytes, str, tuple[str, ...]]:
        document = action_request_document(self.action)
        return ijson.canonical(document, field="action"), self.state, self.objects


@attrs.frozen(kw_only=True)
class PendingPost:
    """
    What a user has sent, and what their device is asked.

    Attributes:
        challenge: The challenge's GUID, by which the session has it.
        path: Where it was sent, with the query.
        back: The page to return to if it is not approved.
        body: The form, urlencoded.
        language: Django's active language at that time; what runs is described in it.
        proposal: What the person was asked about.
    """

    challenge: Guid
    path: str
    back: str
    body: str = attrs.field(repr=False)
    language: str
    proposal: Proposal

    def restore(self, request: HttpRequest) -> None:
        """Let *request*, which names this post, be the one that sent it."""
        _ = request.POST  # Django reads the body once, and would overwrite the form later.
        request.POST = QueryDict(self.body, encoding=ENCODING)
        # What reading the body has set; `FILES` itself cannot be, and neither can `body`.
        request._files = MultiValueDict()  # type: ignore[attr-defined] # noqa: SLF001
        request._body = self.body.encode()  # noqa: SLF001

    def load_status(self) -> cs.ActionStatus:
        """
        Return the challenge, the approval and its use as they are now.

        Raises:
            NotFound: It ended so long ago that it was deleted.
            Unavailable: The store failed.
        """
        counterseal = approvals()
        return counterseal.service.actions.status(counterseal.party, self.challenge)

    def matching_code(self, challenge: Challenge) -> str:
        """Return the code that the person types into the device."""
        return challenge.open_code(approvals().service.ports.sealer.open)

    def cancel(self) -> None:
        """Cancel the question, or withdraw the approval; what has ended stays as it is."""
        counterseal = approvals()
        with suppress(cs.Refused, cs.Unavailable):
            counterseal.service.challenges.cancel(counterseal.party, self.challenge)
        with suppress(cs.Refused, cs.Unavailable):
            counterseal.service.actions.withdraw(counterseal.party, self.challenge)

    def use(self, proposal: Proposal) -> cs.ConsumedAction:
        """
        Use the approval for *proposal*, which runs only if this returns, and at once.

        Raises:
            NotApproved: The person has not approved, or not yet.
            PostChanged: *proposal* is not what the person was asked about.
            ActionUsed: It was used before.
            Refused: It may not be used any more.
            Unavailable: The store failed, or its reply was lost: run nothing.
        """
        counterseal = approvals()
        service, party = counterseal.service, counterseal.party
        with service.call():
            status = self.load_status()
            progress = progress_of(status.challenge, status.action)
            if progress is ActionProgress.USED:
                raise ActionUsed
            if progress is not ActionProgress.APPROVED:
                raise NotApproved(progress.value.lower())
            if not self.proposal.is_same(proposal):
                self.cancel()
                raise PostChanged
            return service.actions.consume(party, self.challenge, proposal.action.arguments)

    def report(self, outcome: UseState) -> None:
        """Report what came of the use; a report that fails changes nothing of what happened."""
        counterseal = approvals()
        with suppress(cs.Refused, cs.Unavailable):
            counterseal.service.actions.report(counterseal.party, self.challenge, outcome)


def ask(
    request: HttpRequest, proposal: Proposal, *, back: str, duration: timedelta = DURATION
) -> PendingPost:
    """
    Ask the user of *request* about *proposal*, and store what they sent in their session.

    If one form is sent twice, the person is asked once.

    Raises:
        PostUnfit: What was sent cannot wait.
        AccountUnknown, AccountUnbound: The user has no device.
        InvalidField: There is more to show than a person can check.
        Refused, Unavailable: As of `Challenges.issue`.
    """
    counterseal = approvals()
    body = _read_body(request)
    question = Question(
        account_id=counterseal.account_id(request.user),
        content=proposal.action,
        duration=duration,
        show_code=True,
    )
    with counterseal.service.call():
        challenge = _issue(counterseal, question, _idempotency_key(request, body, proposal))
    post = PendingPost(
        challenge=challenge.guid,
        path=request.get_full_path(),
        back=back,
        body=body,
        language=get_language() or settings.LANGUAGE_CODE,
        proposal=proposal,
    )
    posts = request.session.get(SESSION_KEY, {})
    posts.pop(post.challenge, None)
    posts[post.challenge] = _seal(post, request.user)
    request.session[SESSION_KEY] = dict(list(posts.items())[-POSTS_LIMIT:])
    return post


def load_post(request: HttpRequest, challenge: object) -> PendingPost:
    """
    Return the pending post of the challenge.

    Raises:
        PostUnknown: The session has none for it, or it cannot be opened.
    """
    try:
        guid = parse(str(challenge), field="challenge")
        sealed = request.session.get(SESSION_KEY, {})[guid]
    except (KeyError, InvalidField):
        raise PostUnknown from None
    return _open(sealed, guid, request.user)


def cancel_posts(request: HttpRequest, user: Any, action_type: str | None = None) -> None:
    """
    Cancel what the session of *request* waits for, once the open transaction has committed.

    A failure is logged, and changes nothing: the questions end by themselves.

    Args:
        user: Who has sent the forms.
        action_type: Of those that are cancelled; None for all.
    """
    sealed_posts = dict(request.session.get(SESSION_KEY, {}))

    def cancel() -> None:
        for challenge, sealed in sealed_posts.items():
            with suppress(PostUnknown):
                post = _open(sealed, challenge, user)
                if action_type in {None, post.proposal.action.type}:
                    post.cancel()

    if sealed_posts:
        transaction.on_commit(cancel, robust=True)


def outside_transactions(view: F) -> F:
    """Leave *view* out of `ATOMIC_REQUESTS`: Counterseal commits by itself, and so does the act."""
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


def choose_language(action_type: str) -> str:
    """Return the language in which a device shows an action, the nearest to the active one."""
    types = approvals().service.ports.actions
    return types.find_language(action_type, get_language() or settings.LANGUAGE_CODE)


def _read_body(request: HttpRequest) -> str:
    if request.content_type not in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        raise PostUnfit("no form")
    if request.FILES:
        raise PostUnfit("a form with a file")
    form = request.POST.copy()
    form.pop(CSRF_FIELD, None)
    form.encoding = ENCODING
    body: str = form.urlencode()
    if len(body) > BODY_BYTES:
        raise PostUnfit(f"a form of more than {BODY_BYTES} bytes")
    return body


def _issue(counterseal: Approvals, question: Question, key: str | None) -> Challenge:
    issue = counterseal.service.challenges.issue
    if key is not None:
        try:
            challenge = issue(counterseal.party, question, idempotency_key=key).challenge
        except KeyInProgress as error:
            # The form was sent twice at once.
            threading.Event().wait(min(error.retry_after, LONGEST_PAUSE))
            challenge = issue(counterseal.party, question, idempotency_key=key).challenge
        if challenge.state_at(counterseal.service.ports.clock.now()) in UNFINISHED:
            return challenge
        # The page was sent again after an answer: the person is asked anew.
    return issue(counterseal.party, question).challenge


def _idempotency_key(request: HttpRequest, body: str, proposal: Proposal) -> str | None:
    """Return a text that one page of a form has every time that it is sent; None if unknown."""
    # Django masks the token anew for each page.
    page = request.POST.get(CSRF_FIELD)
    if not page:
        return None
    user = str(request.user.pk)
    document = action_request_document(proposal.action)
    parts = [page, user, request.get_full_path(), body, proposal.state, document]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _context(challenge: Guid, user: Any) -> str:
    return f"pending post {challenge} of {user.pk}"


def _seal(post: PendingPost, user: Any) -> str:
    proposal = post.proposal
    document = {
        "path": post.path,
        "back": post.back,
        "body": post.body,
        "language": post.language,
        "title": proposal.title,
        "action": action_request_document(proposal.action),
        "state": proposal.state,
        "objects": list(proposal.objects),
    }
    plain = json.dumps(document).encode()
    sealer = approvals().service.ports.sealer
    return b64encode(sealer.seal(plain, _context(post.challenge, user))).decode()


def _open(sealed: str, challenge: Guid, user: Any) -> PendingPost:
    try:
        sealer = approvals().service.ports.sealer
        document = json.loads(sealer.open(b64decode(sealed), _context(challenge, user)))
        return PendingPost(
            challenge=challenge,
            path=document["path"],
            back=document["back"],
            body=document["body"],
            language=document["language"],
            proposal=Proposal(
                title=document["title"],
                action=read_action(document["action"]),
                state=document["state"],
                objects=tuple(document["objects"]),
            ),
        )
    except (KeyError, ValueError, InvalidField, cs.Unavailable):
        raise PostUnknown from None
