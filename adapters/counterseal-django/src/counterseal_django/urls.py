"""
URLs: the HTTP API and the browser device.

    urlpatterns = [path("auth/", include("counterseal_django.urls")), ...]
"""

from __future__ import annotations

from django.urls import re_path

from counterseal_django import views

app_name = "counterseal"

urlpatterns = [
    re_path(r"^app(?P<path>(?:/.*)?)\Z", views.app, name="app"),
    # The last one: it answers everything else below the prefix.
    re_path(r"^(?P<path>(?s:.*))\Z", views.api, name="api"),
]
