"""The shop's pages, and Counterseal under /auth."""

from django.urls import include, path
from django.views.generic import TemplateView

from shop import views

urlpatterns = [
    path("auth/", include("counterseal_django.urls")),
    path("", views.home, name="home"),
    path("login", views.log_in),
    path("devices", views.add_device),
    path("orders", views.buy),
    path("orders/<str:order_id>", views.show_order, name="order"),
    path("shop.css", TemplateView.as_view(template_name="shop.css", content_type="text/css")),
]
