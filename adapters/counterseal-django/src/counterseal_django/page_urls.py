"""URLs of the pages of approvals; `counterseal_django.urls` includes them."""

from __future__ import annotations

from django.urls import path

from counterseal_django.approval_pages import connect, waiting
from counterseal_django.page_files import page_file
from counterseal_django.step_up import step_up

urlpatterns = [
    path("approval/<uuid:challenge>/", waiting, name="page_waiting"),
    path("connect/", connect, name="page_connect"),
    path("step-up/", step_up, name="page_step_up"),
    path("files/<str:name>", page_file, name="page_file"),
]
