"""The shop's pages."""

import logging

import segno
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

import counterseal as cs
from counterseal.errors import AccountUnbound, AccountUnknown
from shop.approvals import PREFIX, approvals
from shop.models import Order, finish_order, place_order

log = logging.getLogger("shop")


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
    orders = Order.objects.filter(user=request.session["user"])
    return render(request, "home.html", {"orders": orders})


@require_POST
@never_cache
def add_device(request: HttpRequest) -> HttpResponse:
    # Yours: ask for the password again. Anyone with the link can approve for this user.
    link = approvals().invite(require_user(request))
    picture = segno.make(link).svg_data_uri(scale=4)
    address = settings.SHOP_URL + PREFIX
    return render(request, "device.html", {"link": link, "picture": picture, "address": address})


@require_POST
def buy(request: HttpRequest) -> HttpResponse:
    order, code = place_order(require_user(request), request.POST["item"])
    request.session["order"], request.session["code"] = order.id, code
    return redirect("order", order.id)


@require_GET
@never_cache
def show_order(request: HttpRequest, order_id: str) -> HttpResponse:
    order = get_object_or_404(Order, pk=order_id, user=require_user(request))
    if order.state == "waiting":
        finish_order(order)
    # The matching code is shown in the browser that placed the order, and nowhere else.
    code = request.session["code"] if request.session.get("order") == order.id else None
    return render(request, "order.html", {"order": order, "code": code})


class ShowRefusals:
    """Show a page for what Counterseal refuses."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_exception(self, request, error):
        match error:
            case AccountUnknown() | AccountUnbound():
                status, problem = 409, "First add a device."
            case cs.Refused():
                # `code` is for your log, and `public_code` for the page.
                log.warning("refused: %s", error.code)
                status, problem = 403, error.public_code
            case cs.Unavailable():
                log.error("unavailable: %s", error.code)
                status, problem = 503, "Try again in a minute."
            case _:
                return None
        return render(request, "problem.html", {"problem": problem}, status=status)
