"""
Approval pages: what a user sees between what they sent and what comes of it.

The waiting page shows the matching code and leads to the browser device; the connecting page binds
this browser to the user; the problem page says what to do. A project overrides the templates
`counterseal_django/waiting.html`, `connect.html` and `problem.html`, or those of admin sites in
`counterseal_django/admin/`. No page has a script or a style inline.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit

import attrs
from django.contrib.auth import authenticate
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

import counterseal as cs
from counterseal.approvals.documents import ActionProgress, progress_of
from counterseal.errors import (
    AccountLocked,
    AccountUnbound,
    AccountUnknown,
    ApproverInactive,
    DeadlinePassed,
    InvalidField,
    NotFound,
    TooManyBindings,
    TooManyPending,
    TooOften,
)
from counterseal.models import Guid, UseState
from counterseal_django.pending_posts import (
    TOKEN,
    PendingPost,
    PostChanged,
    PostUnfit,
    PostUnknown,
    load_post,
    outside_transactions,
)
from counterseal_django.wiring import approvals

log = logging.getLogger("counterseal_django")

NEXT = "next"
"""The parameter with the page to return to."""

RECENT_LOGIN = timedelta(minutes=5)
"""How long after a log-in a user without a password may connect a browser."""

ENDINGS = {
    ActionProgress.DECLINED: gettext_lazy("You declined on your device. Nothing was done."),
    ActionProgress.DISOWNED: gettext_lazy(
        "On your device you said that this was not you. Nothing was done."
    ),
    ActionProgress.CANCELLED: gettext_lazy("The question was cancelled. Nothing was done."),
    ActionProgress.FAILED: gettext_lazy("The code was wrong too often. Nothing was done."),
    ActionProgress.EXPIRED: gettext_lazy("Nobody answered in time. Nothing was done."),
    ActionProgress.WITHDRAWN: gettext_lazy("The approval was given back. Nothing was done."),
}
"""What the waiting page says where the person did not approve, or not in time."""

TOO_OFTEN = gettext_lazy(
    "Your device has been asked too often. Answer what is open, or wait a while."
)

USES = {
    UseState.EXECUTED: gettext_lazy("This was approved, and it is done."),
    UseState.FAILED: gettext_lazy("This was approved, but it failed. It is not tried again."),
    UseState.UNKNOWN: gettext_lazy(
        "This was approved, and then interrupted. Look whether it was done: it is not tried again."
    ),
}
"""What the waiting page says where the approval has been used, which it allows once."""


@attrs.frozen(kw_only=True)
class ApprovalPages:
    """
    The pages of one look: the app's own, or an admin site's.

    Attributes:
        folder: Of the templates.
        context: Returns what the templates get besides.
        waiting_url: Returns the address of the waiting page of a challenge.
        connect_url: Of the connecting page.
    """

    folder: str
    context: Callable[[], Mapping[str, Any]]
    waiting_url: Callable[[Guid], str]
    connect_url: str

    def render(
        self, request: HttpRequest, name: str, status: int = HTTPStatus.OK, **context: Any
    ) -> HttpResponseBase:
        """Return the page *name*."""
        template = f"{self.folder}/{name}.html"
        return TemplateResponse(
            request, template, {**self.context(), **context}, status=int(status)
        )

    def wait(self, post: PendingPost) -> HttpResponseBase:
        """Return the redirect to the waiting page of *post*."""
        return HttpResponseRedirect(self.waiting_url(post.challenge))

    def refuse(self, request: HttpRequest, error: Exception, back: str) -> HttpResponseBase:
        """Return the page that says what *error* means for the user, and leads *back*."""
        if isinstance(error, AccountUnknown | AccountUnbound):
            return self.render(
                request,
                "problem",
                HTTPStatus.CONFLICT,
                title=_("Connect a device first"),
                problem=_("Your device is asked before this is done, and you have none yet."),
                connect_url=f"{self.connect_url}?{urlencode({NEXT: back})}",
                back=back,
            )
        log.warning("not done: %s: %s", getattr(error, "code", ""), error)
        status, problem = explain(error)
        return self.render(
            request, "problem", status, title=_("Not done"), problem=problem, back=back
        )


EXPLANATIONS: Mapping[type[Exception], tuple[HTTPStatus, Any]] = {
    PostChanged: (
        HTTPStatus.CONFLICT,
        gettext_lazy("What you were asked about has changed since. Nothing was done. Try again."),
    ),
    PostUnknown: (
        HTTPStatus.GONE,
        gettext_lazy("This page has ended. Look whether what you did is done."),
    ),
    PostUnfit: (
        HTTPStatus.BAD_REQUEST,
        gettext_lazy("A form with a file, or a very long one, cannot wait for an approval."),
    ),
    InvalidField: (
        HTTPStatus.BAD_REQUEST,
        gettext_lazy(
            "Your device cannot show this: it is more than you could check, or something in it"
            " does not fit. Do it in smaller parts."
        ),
    ),
    DeadlinePassed: (HTTPStatus.FORBIDDEN, ENDINGS[ActionProgress.EXPIRED]),
    ApproverInactive: (
        HTTPStatus.FORBIDDEN,
        gettext_lazy("The device that approved may no longer answer for you. Nothing was done."),
    ),
    TooManyPending: (HTTPStatus.TOO_MANY_REQUESTS, TOO_OFTEN),
    TooOften: (HTTPStatus.TOO_MANY_REQUESTS, TOO_OFTEN),
    AccountLocked: (
        HTTPStatus.FORBIDDEN,
        gettext_lazy("Your devices are locked. Ask an administrator."),
    ),
    TooManyBindings: (
        HTTPStatus.CONFLICT,
        gettext_lazy("You have as many devices as are allowed. Remove one."),
    ),
    cs.Unavailable: (
        HTTPStatus.SERVICE_UNAVAILABLE,
        gettext_lazy(
            "Approvals are out of reach just now. Nothing was done. Try again in a minute."
        ),
    ),
}
"""The status and the text for a user, by the error that stopped them."""

REFUSED = (HTTPStatus.FORBIDDEN, gettext_lazy("This was refused. Nothing was done."))


def explain(error: Exception) -> tuple[HTTPStatus, str]:
    """Return the status and the text for a user whom *error* stopped; no secret is in it."""
    # The class itself or, for a family, the first of its parents.
    for kind in type(error).__mro__:
        if kind in EXPLANATIONS:
            status, text = EXPLANATIONS[kind]
            return status, str(text)
    status, text = REFUSED
    return status, str(text)


def show_waiting(request: HttpRequest, guid: object, pages: ApprovalPages) -> HttpResponseBase:
    """Show how far the approval of a pending post is; a POST gives it up."""
    try:
        post = load_post(request, guid)
    except PostUnknown as error:
        return pages.refuse(request, error, "/")
    if request.method == "POST":
        post.cancel()
        return HttpResponseRedirect(post.back)
    try:
        status = post.load_status()
    except NotFound:
        return pages.refuse(request, PostUnknown(), post.back)
    except cs.Unavailable as error:
        return pages.refuse(request, error, post.back)
    challenge, progress = status.challenge, progress_of(status.challenge, status.action)
    if "state" in request.GET:
        return JsonResponse({"state": progress.value})
    is_open = progress is ActionProgress.PENDING
    return pages.render(
        request,
        "waiting",
        title=post.proposal.title,
        state=progress.value,
        is_open=is_open,
        is_approved=progress is ActionProgress.APPROVED,
        ending=ENDINGS.get(progress, "") if status.use is None else USES[status.use.state],
        details=post.proposal.action.arguments.get("details", ()),
        code=post.matching_code(challenge) if is_open else "",
        deadline=challenge.deadline,
        device_url=approvals().devices_link(request.user),
        path=post.path,
        back=post.back,
        token=TOKEN,
        challenge=post.challenge,
    )


def show_connect(request: HttpRequest, pages: ApprovalPages) -> HttpResponseBase:
    """
    Show the link that binds this browser, to a user who has just proved who they are.

    A user with a device gets none: who knows only the password could answer as the user. Their
    device invites another one itself.
    """
    user: Any = request.user
    back = safe_next(request)
    context: dict[str, Any] = {
        "title": _("Connect this browser"),
        "asks_password": user.has_usable_password(),
        "back": back,
    }
    try:
        context["has_device"] = approvals().has_device(user)
        context["device_url"] = approvals().devices_link(user)
        if request.method == "POST" and not context["has_device"]:
            if is_proved(request):
                context["link"] = approvals().invite(user)
            else:
                context["is_refused"] = True
    except (cs.Refused, cs.Unavailable) as error:
        return pages.refuse(request, error, back)
    status = HTTPStatus.FORBIDDEN if context.get("is_refused") else HTTPStatus.OK
    response = pages.render(request, "connect", status, **context)
    # The link is a secret.
    response["Cache-Control"] = "no-store"
    return response


def is_proved(request: HttpRequest) -> bool:
    """Tell whether the user has given their password again, or has none and just logged in."""
    user: Any = request.user
    if user.has_usable_password():
        credentials = {user.USERNAME_FIELD: user.get_username()}
        proved = authenticate(request, **credentials, password=request.POST.get("password", ""))
        return proved is not None and proved.pk == user.pk
    if user.last_login is None:
        return False
    return bool(approvals().service.ports.clock.now() - user.last_login <= RECENT_LOGIN)


def safe_next(request: HttpRequest, default: str = "/") -> str:
    """Return the page of this site that *request* names to return to, or *default*."""
    page: str = request.POST.get(NEXT, request.GET.get(NEXT, ""))
    return page if is_ours(request, page) else default


def page_before(request: HttpRequest) -> str:
    """Return the page of this site from which *request* came, or its own."""
    parts = urlsplit(request.headers.get("Referer", ""))
    page = parts._replace(scheme="", netloc="").geturl()
    if parts.netloc == request.get_host() and is_ours(request, page):
        return page
    return str(request.get_full_path())


def is_ours(request: HttpRequest, page: str) -> bool:
    """Tell whether *page* is an address of this site, and not of another one."""
    hosts = {request.get_host()}
    return url_has_allowed_host_and_scheme(page, hosts, require_https=request.is_secure())


def own_pages() -> ApprovalPages:
    """Return the app's own pages, below `counterseal_django.urls`."""
    return ApprovalPages(
        folder="counterseal_django",
        context=dict,
        waiting_url=lambda challenge: reverse("counterseal:page_waiting", args=[challenge]),
        connect_url=reverse("counterseal:page_connect"),
    )


@outside_transactions
@never_cache
@csrf_protect
@login_required
@require_http_methods(["GET", "POST"])
def waiting(request: HttpRequest, challenge: object) -> HttpResponseBase:
    """Show the app's own waiting page."""
    return show_waiting(request, challenge, own_pages())


@outside_transactions
@sensitive_post_parameters("password")
@csrf_protect
@login_required
@require_http_methods(["GET", "POST"])
def connect(request: HttpRequest) -> HttpResponseBase:
    """Show the app's own connecting page."""
    return show_connect(request, own_pages())
