"""The shop's pages."""

import segno
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from counterseal_django import approvals
from shop.models import Order, finish_order, place_order


def require_user(request: HttpRequest) -> str:
    """Return who is logged in; only this may choose whose device is bound and who is asked."""
    if "user" not in request.session:
        raise PermissionDenied
    return request.session["user"]


@require_POST
def log_in(request: HttpRequest) -> HttpResponse:
    request.session["user"] = request.POST["user"]  # Yours: django.contrib.auth.
    return redirect("home")


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    if "user" not in request.session:
        return render(request, "login.html")
    user = request.session["user"]
    context = {
        "orders": Order.objects.filter(user=user),
        "has_device": approvals().has_device(user),
        "device_url": approvals().devices_link(user),
    }
    return render(request, "home.html", context)


@require_POST
@never_cache
def add_device(request: HttpRequest) -> HttpResponse:
    # Yours: ask for the password again. Anyone with the link can approve for this user.
    link = approvals().invite(require_user(request))
    picture = segno.make(link).svg_data_uri(scale=4)
    context = {"link": link, "picture": picture, "service_url": settings.COUNTERSEAL["URL"]}
    return render(request, "device.html", context)


@require_POST
def buy(request: HttpRequest) -> HttpResponse:
    order, code = place_order(require_user(request), request.POST["item"])
    request.session["order"], request.session["code"] = order.id, code
    return redirect("order", order.id)


@require_GET
@never_cache
def show_order(request: HttpRequest, order_id: str) -> HttpResponse:
    user = require_user(request)
    order = get_object_or_404(Order, pk=order_id, user=user)
    if order.state == "waiting":
        finish_order(order)
    # The matching code is shown in the browser that placed the order, and nowhere else.
    code = request.session["code"] if request.session.get("order") == order.id else None
    context = {"order": order, "code": code, "device_url": approvals().devices_link(user)}
    return render(request, "order.html", context)
