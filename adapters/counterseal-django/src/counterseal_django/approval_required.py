"""
Views that run only after the logged-in user has approved what they sent: `approval_required`.

    @approval_required("Close the account", exclude={"reason"})
    def close_account(request): ...

A form is sent as always. It waits in the session; the user's device shows what it says; the waiting
page sends it on after the approval, and the view runs once, with the form as it was sent.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Any, TypeAlias, TypeVar

import attrs
from asgiref.sync import iscoroutinefunction, sync_to_async
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.utils import translation

import counterseal as cs
from counterseal.errors import ActionUsed, NotApproved
from counterseal.models import Action, UseState
from counterseal_django.approval_pages import own_pages, page_before
from counterseal_django.pending_posts import (
    CSRF_FIELD,
    DURATION,
    TOKEN,
    PendingPost,
    PostChanged,
    Proposal,
    ask,
    choose_language,
    load_post,
    outside_transactions,
)
from counterseal_django.site_actions import NAME

Arguments: TypeAlias = Callable[..., Mapping[str, Any]]
Text: TypeAlias = str | Callable[..., str]
"""A text, or what returns one for the arguments of the view: the request, and those of the URL."""

View = TypeVar("View", bound=Callable[..., Any])

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""They change nothing (RFC 9110, 9.2.1): the view runs, and nobody is asked."""

FAILURES = 400
"""The first status of a response that says that the view has done nothing."""


@attrs.frozen(kw_only=True)
class ViewRule:
    """
    How the user of one view is asked.

    Attributes:
        text: What is done, in one line.
        action_type: Of the action.
        resource: What the action acts on.
        arguments: Returns the arguments; None for what was sent.
        state: Returns what the view acts on, as JSON, which nobody is shown; None for nothing.
        exclude: Fields of the form whose values nobody is shown.
        duration: How long the user may answer.
    """

    text: Text
    action_type: str
    resource: Text
    arguments: Arguments | None
    state: Callable[..., Any] | None
    exclude: frozenset[str]
    duration: timedelta

    def propose(self, request: HttpRequest, args: tuple[Any, ...], kwargs: Any) -> Proposal:
        """Describe what the view does for *request*, as it is now."""
        text = _choose(self.text, request, args, kwargs)
        arguments = None if self.arguments is None else self.arguments(request, *args, **kwargs)
        if self.action_type == NAME:
            details = self._fields(request, kwargs) if arguments is None else arguments
            rows = [[str(name), _display(value)] for name, value in details.items()]
            arguments = {"action": text, "details": rows}
        state = None if self.state is None else self.state(request, *args, **kwargs)
        return Proposal(
            title=text,
            action=Action(
                type=self.action_type,
                resource=_choose(self.resource, request, args, kwargs),
                arguments={} if arguments is None else arguments,
                language=choose_language(self.action_type),
            ),
            state=json.dumps(state, sort_keys=True, default=str),
        )

    def _fields(self, request: HttpRequest, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values in the URL and the fields of the form."""
        fields: dict[str, Any] = {name: str(value) for name, value in kwargs.items()}
        for name, values in request.POST.lists():
            if name in {CSRF_FIELD, TOKEN}:
                continue
            # A field that is called as a value of the URL is another one.
            key = f"{name} (form)" if name in fields else name
            if name in self.exclude:
                fields[key] = translation.gettext("not shown")
            else:
                fields[key] = values[0] if len(values) == 1 else values
        return fields

    def ask(self, request: HttpRequest, args: tuple[Any, ...], kwargs: Any) -> HttpResponseBase:
        """Return the response to a form that was sent: the waiting page, or why there is none."""
        if not request.user.is_authenticated:
            return redirect_to_login(page_before(request))
        if request.method != "POST":
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        pages, back = own_pages(), page_before(request)
        try:
            proposal = self.propose(request, args, kwargs)
            return pages.wait(ask(request, proposal, back=back, duration=self.duration))
        except (cs.Refused, cs.Unavailable) as error:
            return pages.refuse(request, error, back)

    def begin(
        self, request: HttpRequest, args: tuple[Any, ...], kwargs: Any
    ) -> tuple[PendingPost, cs.ConsumedAction] | HttpResponseBase:
        """Use the approval that *request* names; the view runs only if this returns no response."""
        if not request.user.is_authenticated:
            return redirect_to_login(page_before(request))
        pages, path = own_pages(), request.get_full_path()
        try:
            post = load_post(request, request.POST[TOKEN])
            if post.path != path:
                raise PostChanged
        except cs.Refused as error:
            return pages.refuse(request, error, path)
        post.restore(request)
        try:
            with translation.override(post.language):
                proposal = self.propose(request, args, kwargs)
            return post, post.use(proposal)
        except (ActionUsed, NotApproved):
            return pages.wait(post)
        except (cs.Refused, cs.Unavailable) as error:
            return pages.refuse(request, error, post.back)


def approval_required(
    text: Text,
    *,
    type: str = NAME,  # noqa: A002 (the member's name)
    resource: Text | None = None,
    arguments: Arguments | None = None,
    state: Callable[..., Any] | None = None,
    exclude: Collection[str] = (),
    duration: timedelta = DURATION,
) -> Callable[[View], View]:
    """
    Let a view change something only after the logged-in user has approved it on their device.

    Requests that change nothing, such as GET, run as they are. A POST asks; the waiting page sends
    it on after the approval, and the view runs with the form as it was first sent. Before it runs,
    text, arguments and state are computed anew, and compared with those that were asked about.
    It runs once. If it raises, or responds with a status of 400 or more, the use is reported as
    failed.

    A view whose act must not be half done needs `transaction.atomic` inside, and locks there what
    *state* has read. A coroutine stays one; *text*, *arguments* and *state* are called in a thread.

    Each callable gets what the view gets.

    Args:
        text: What is done, in one line, such as "Close the account".
        type: Of the action: `site-action`, `payment`, or another one that the project registers.
        resource: What the action acts on; None for the view's name.
        arguments: Returns the arguments of the action. For `site-action`, each is a row: by default
            the values in the URL and all fields of the form.
        state: Returns what the view acts on, as JSON, such as a version or a balance; nobody is
            shown it, and the view runs only if it is still the same.
        exclude: Fields of the form whose values nobody is shown, if *arguments* is not given.
        duration: How long the user may answer.
    """

    def decorate(view: View) -> View:
        rule = ViewRule(
            text=text,
            action_type=type,
            resource=view.__qualname__ if resource is None else resource,
            arguments=arguments,
            state=state,
            exclude=frozenset(exclude),
            duration=duration,
        )
        guard = _asynchronous if iscoroutinefunction(view) else _synchronous
        return outside_transactions(guard(view, rule))  # type: ignore[return-value]

    return decorate


def _synchronous(view: Callable[..., Any], rule: ViewRule) -> Callable[..., Any]:
    @functools.wraps(view)
    def approved(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.method in SAFE_METHODS:
            return view(request, *args, **kwargs)
        if TOKEN not in request.POST:
            return rule.ask(request, args, kwargs)
        begun = rule.begin(request, args, kwargs)
        if isinstance(begun, HttpResponseBase):
            return begun
        post, consumed = begun
        request.approval = consumed  # type: ignore[attr-defined]
        try:
            response = view(request, *args, **kwargs)
        except Exception:
            post.report(UseState.FAILED)
            raise
        post.report(_outcome(response))
        return response

    return approved


def _asynchronous(view: Callable[..., Any], rule: ViewRule) -> Callable[..., Any]:
    @functools.wraps(view)
    async def approved(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.method in SAFE_METHODS:
            return await view(request, *args, **kwargs)
        if TOKEN not in request.POST:
            return await sync_to_async(rule.ask)(request, args, kwargs)
        begun = await sync_to_async(rule.begin)(request, args, kwargs)
        if isinstance(begun, HttpResponseBase):
            return begun
        post, consumed = begun
        request.approval = consumed  # type: ignore[attr-defined]
        report = sync_to_async(post.report)
        try:
            response = await view(request, *args, **kwargs)
        except Exception:
            await report(UseState.FAILED)
            raise
        await report(_outcome(response))
        return response

    return approved


def _outcome(response: Any) -> UseState:
    is_failure = getattr(response, "status_code", FAILURES) >= FAILURES
    return UseState.FAILED if is_failure else UseState.EXECUTED


def _choose(text: Text, request: HttpRequest, args: tuple[Any, ...], kwargs: Any) -> str:
    return str(text(request, *args, **kwargs) if callable(text) else text)


def _display(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
