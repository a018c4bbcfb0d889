"""The pages of the office."""

from django.contrib import admin
from django.urls import include, path

from office import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("auth/", include("counterseal_django.urls")),
    path("rename/<int:pk>/", views.rename),
    path("promote/<int:pk>/", views.promote),
    path("pay/", views.pay),
    path("export/", views.export),
    path("export-later/", views.export_later),
    path("class/", views.ask_class),
    path("class-export/", views.export_class),
]
