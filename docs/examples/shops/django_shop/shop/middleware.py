"""What the shop's own pages have in common: headers, and a page for each refusal."""

import logging

from django.shortcuts import render

import counterseal as cs
from counterseal.errors import AccountUnbound, AccountUnknown

CSP = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)

log = logging.getLogger("shop")


class ShopPages:
    """Forbids what the shop's pages do not need, and shows what Counterseal refuses."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        # The browser device has a policy of its own.
        response.headers.setdefault("Content-Security-Policy", CSP)
        return response

    def process_exception(self, request, error):
        match error:
            case AccountUnknown() | AccountUnbound():
                problem = "First add a device: it is asked for your approval."
                context = {"problem": problem, "needs_device": True}
                return render(request, "problem.html", context, status=409)
            case cs.Refused():
                # `code` is for your log, and `public_code` for the page.
                log.warning("refused: %s", error.code)
                return render(request, "problem.html", {"problem": error.public_code}, status=403)
            case cs.Unavailable():
                log.error("unavailable: %s", error.code)
                problem = "Try again in a minute."
                return render(request, "problem.html", {"problem": problem}, status=503)
