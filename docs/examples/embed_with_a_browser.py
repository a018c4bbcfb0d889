"""The API and the device in the browser as one WSGI application, and a user who is asked."""

from wsgiref.util import setup_testing_defaults

import counterseal as cs
from counterseal.memory import memory_ports
from counterseal_pwa import MOUNT, Pages
from counterseal_web import Approvals, Service, Settings
from counterseal_web.wsgi import WsgiApplication

ports, policy = memory_ports(), cs.STANDARD  # yours: adapters that store
URL = "https://shop.example/auth"  # configured, and never taken from a Host header
service = Service(ports, policy, Settings(public_url=URL, app_url=URL + MOUNT))
application = WsgiApplication(service, pages=Pages())  # mount it under /auth

approvals = Approvals(
    service,
    "example.com/shop",  # your own name for it, which never changes
    company="Example",
    app_space="Bank",
    origin="Web shop",
)
link = approvals.invite("user-42")  # the account id comes from your session
if approvals.has_device("user-42"):
    approvals.ask({"accountId": "user-42", "content": "Pay 10 EUR to Zoë?"})

# A browser that follows the link gets the page of the app.
environ = {"SCRIPT_NAME": "/auth", "PATH_INFO": f"{MOUNT}/"}
setup_testing_defaults(environ)
(page,) = application(environ, lambda status, headers: print(status, len(headers), "headers"))
print(link.partition("?")[0], len(page), "bytes")
