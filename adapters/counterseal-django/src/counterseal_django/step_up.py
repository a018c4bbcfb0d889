"""
Step-up: pages that open only with an approval of this log-in that is not too old.

    @step_up_required(within=timedelta(minutes=10))
    def export(request): ...

    MIDDLEWARE += ["counterseal_django.step_up.StepUpMiddleware"]  # every page, once per log-in

A user who has none is led to a page with one button, which asks their device about the log-in. The
session has the time of the approval until it ends, or until the user logs in again.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlencode

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.contrib.auth import user_logged_in, user_logged_out
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

from counterseal_django.approval_pages import NEXT, own_pages, safe_next
from counterseal_django.approval_required import SAFE_METHODS, approval_required
from counterseal_django.pending_posts import cancel_posts
from counterseal_django.wiring import approvals

SESSION_KEY = "counterseal_step_up"
LOG_IN = "login"
"""The type of the action that the user approves."""

BROWSER_LENGTH = 256
"""Characters that a device shows of what the browser calls itself."""

APP_NAME = "counterseal"
"""Of the URLs that stay open: the device API, the browser device and the pages of approvals."""

View = TypeVar("View", bound=Callable[..., Any])


def has_stepped_up(request: HttpRequest, within: timedelta | None) -> bool:
    """
    Tell whether the user of *request* has approved this log-in.

    Args:
        request: Its session has the time of the approval.
        within: How long ago at most; None for whenever it was.
    """
    record = request.session.get(SESSION_KEY)
    if record is None or record["user"] != str(request.user.pk):
        return False
    if within is None:
        return True
    approved_at = datetime.fromisoformat(record["at"])
    return bool(approvals().service.ports.clock.now() - approved_at <= within)


def step_up_required(*, within: timedelta) -> Callable[[View], View]:
    """
    Let a view run only for a logged-in user who has approved the log-in a short while ago.

    Others are led to the page that asks for it, and back. A form that was sent is not sent again.

    Args:
        within: How old the approval may be.
    """

    def decorate(view: View) -> View:
        if iscoroutinefunction(view):

            @functools.wraps(view)
            async def checked_later(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
                refusal = await sync_to_async(_redirect)(request, within)
                return refusal or await view(request, *args, **kwargs)

            return checked_later  # type: ignore[return-value]

        @functools.wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            return _redirect(request, within) or view(request, *args, **kwargs)

        return checked  # type: ignore[return-value]

    return decorate


class StepUpMiddleware(MiddlewareMixin):
    """
    Opens no page to a logged-in user before they have approved this log-in on their device.

    Put it behind `AuthenticationMiddleware`. A subclass says for whom, and for how long: for staff
    only, for one.

    Attributes:
        within: How old the approval may be; None for as old as the log-in.
        open_names: The names of URLs that stay open, besides those of Counterseal.
    """

    within: timedelta | None = None
    open_names: frozenset[str | None] = frozenset({"logout"})

    def is_required(self, request: HttpRequest) -> bool:
        """Tell whether the user of *request* needs an approval; by default, if logged in."""
        return bool(request.user.is_authenticated)

    def process_view(
        self, request: HttpRequest, _view: object, _args: object, _kwargs: object
    ) -> HttpResponseBase | None:
        """Lead a user without an approval to the page that asks for it."""
        match = request.resolver_match
        is_open = match is not None and (
            APP_NAME in match.app_names or match.url_name in self.open_names
        )
        if is_open or not self.is_required(request):
            return None
        return _redirect(request, self.within)


def browser_of(request: HttpRequest) -> dict[str, str]:
    """Return what a device shows of the browser that logs in."""
    name = request.headers.get("User-Agent", "").strip()[:BROWSER_LENGTH].strip()
    return {"browser": name} if name else {}


@never_cache
@csrf_protect
@login_required
@require_http_methods(["GET", "POST"])
@approval_required(
    lambda _request: _("Go on with this log-in"),
    type=LOG_IN,
    resource=lambda request: request.get_host(),
    arguments=browser_of,
)
def step_up(request: HttpRequest) -> HttpResponseBase:
    """Ask for the approval of a log-in, and record it."""
    following = safe_next(request)
    if request.method in SAFE_METHODS:
        return own_pages().render(request, "step_up", title=_("Confirm that it is you"), back="/")
    now = approvals().service.ports.clock.now()
    request.session[SESSION_KEY] = {"at": now.isoformat(), "user": str(request.user.pk)}
    return HttpResponseRedirect(following)


def _redirect(request: HttpRequest, within: timedelta | None) -> HttpResponseBase | None:
    """Return where *request* has to go before its page opens; None if that is done."""
    path = request.get_full_path() if request.method in SAFE_METHODS else "/"
    if not request.user.is_authenticated:
        return redirect_to_login(path)
    if has_stepped_up(request, within):
        return None
    return HttpResponseRedirect(f"{reverse('counterseal:page_step_up')}?{urlencode({NEXT: path})}")


def begin_log_in(request: HttpRequest | None = None, user: Any = None, **_kwargs: Any) -> None:
    """Forget the approval of an earlier log-in, and cancel its question, if one still waits."""
    if request is not None and hasattr(request, "session"):
        request.session.pop(SESSION_KEY, None)
        cancel_posts(request, user, LOG_IN)


def end_log_in(request: HttpRequest | None = None, user: Any = None, **_kwargs: Any) -> None:
    """Cancel what waits in the session of a user who logs out: nobody can go on with it."""
    if user is not None and request is not None and hasattr(request, "session"):
        cancel_posts(request, user)


user_logged_in.connect(begin_log_in, dispatch_uid="counterseal_django.begin_log_in")
user_logged_out.connect(end_log_in, dispatch_uid="counterseal_django.end_log_in")
