"""
URLs: the HTTP API and the browser device.

    urlpatterns = [path("auth/", include("counterseal_django.urls")), ...]
"""

from __future__ import annotations

import re
from typing import Any

from django.apps import apps
from django.urls import include, path, re_path

from counterseal_django import views
from counterseal_web import OPERATIONS
from counterseal_web.application import PREFIXES
from counterseal_web.messages import EVENTS

app_name = "counterseal"

WAITING = sorted(
    {
        (prefix + operation.path).removeprefix("/")
        for operation in OPERATIONS
        for prefix in PREFIXES
        if "wait" in operation.query or operation.media_type == EVENTS
    }
)
"""The paths of calls that may wait; those of devices are under no prefix, where nothing waits."""

_WAITING = "|".join(re.sub(r"\\{\w+\\}", "[^/]{36}", re.escape(path)) for path in WAITING)


def _page_patterns() -> list[Any]:
    """Return the URLs of the pages of approvals, which know the user from Django's sessions."""
    if not apps.is_installed("django.contrib.auth"):
        return []
    return [path("page/", include("counterseal_django.page_urls"))]


urlpatterns = [
    *_page_patterns(),
    re_path(r"^app(?P<path>(?:/.*)?)\Z", views.app, name="app"),
    re_path(rf"^(?P<path>{_WAITING})\Z", views.waiting_api, name="waiting"),
    # The last one: it answers everything else below the prefix.
    re_path(r"^(?P<path>(?s:.*))\Z", views.api, name="api"),
]
