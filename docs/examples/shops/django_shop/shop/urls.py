"""The shop's pages."""

from django.urls import path

from shop import views

urlpatterns = [
    path("", views.home, name="home"),
    path("login", views.log_in),
    path("devices", views.add_device),
    path("orders", views.buy),
    path("orders/<str:order_id>", views.show_order, name="order"),
]
