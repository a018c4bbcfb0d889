"""The project's pages, and Counterseal's."""

from django.contrib import admin
from django.urls import include, path

from shop import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("auth/", include("counterseal_django.urls")),
    path("invite/", views.invite),
    path("ask/", views.ask),
    path("state/<guid>/", views.show_state),
    path("threads/", views.count_threads),
]
