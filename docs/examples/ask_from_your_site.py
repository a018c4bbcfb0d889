"""An origin's site in Flask: the password is right, and the person confirms on their phone."""

import logging
import os
import threading
from datetime import timedelta

import attrs
from flask import Flask, abort, request, session
from werkzeug.serving import make_server

from counterseal import jwks_document
from counterseal.models import DeliveryOutcome, Scheme
from counterseal.testing import FakeService
from counterseal.wire.link import read_link
from counterseal_client import (
    AnyOf,
    ByAccount,
    CallbackRefused,
    Client,
    EvidenceRefused,
    PendingRequest,
    StrongKey,
    Trust,
    Within,
    is_approved,
    require_approved,
    verify_callback,
)
from counterseal_flask import Settings, create_blueprints

CALLBACK = "https://shop.example/done"  # on the origin's allow-list


def create_shop(client, trust, secrets, clock):
    shop = Flask("shop")
    shop.secret_key = os.urandom(32)
    let_bind(shop, client)
    pending_requests, approvals = {}, {}  # tables of your database

    @shop.post("/password")
    def password():
        # Your own log-in goes here. From now on the session, and only it, says who this is.
        session["account_id"] = {"open sesame": "user-42"}[request.form["password"]]
        return "", 204

    # The ten lines
    @shop.post("/confirm")
    def confirm():
        pending_request = client.ask(
            session["account_id"], "Log in to the shop?", show_code=True, callback=CALLBACK
        )
        pending_requests[pending_request.guid] = pending_request.dump()
        session["request"] = pending_request.guid
        return f"Type {pending_request.code} into your phone."

    @shop.post("/done")
    def done():
        callback = verify_callback(request.headers, request.get_data(), secrets, now=clock.now())
        reply = callback.request
        text = pending_requests.get(reply.guid)
        if text is not None:  # else it is not ours, or an earlier callback ended it
            approvals[reply.guid] = is_approved(reply, PendingRequest.load(text), trust)
            del pending_requests[reply.guid]
        return "", 204

    @shop.get("/")
    def home():
        guid = session.get("request")
        if guid in pending_requests:
            return "Look at your phone.", 202
        approval = approvals.pop(guid, None)  # for once
        if approval is None or approval.account_id != session["account_id"]:
            abort(403)
        session["logged_in"] = approval.account_id
        return "Welcome."

    # What is no callback of the service
    @shop.errorhandler(CallbackRefused)
    def no_callback(_):
        return "", 400

    @shop.errorhandler(EvidenceRefused)
    def alarm(refusal):
        shop.logger.error("a callback proves nothing: %s", refusal.what)
        return "", 400

    return shop


# Bind a phone
def let_bind(shop, client):
    @shop.post("/phone")
    def phone():
        if "account_id" not in session:
            abort(403)
        return client.bind(session["account_id"]).link()  # shown as a QR code


# Without a callback
def let_confirm(client, trust, account_id):
    pending_request = client.ask(account_id, "Log in to the shop?")
    reply = client.wait(pending_request, timedelta(seconds=50))
    return require_approved(reply, pending_request, trust)


# With requirements of your own
def let_release(client, trust, manager, order):
    pending_request = client.ask(manager, f"Release order {order}?", idempotency_key=order)
    reply = client.wait(pending_request, timedelta(seconds=50))
    requirements = (
        StrongKey(),
        Within(timedelta(minutes=1)),
        AnyOf(ByAccount("manager-1"), ByAccount("manager-2")),
    )
    return require_approved(reply, pending_request, trust, requirements=requirements)


# The service, in this process


class Posting:
    """Delivers callbacks to the shop; a service that runs on its own uses HTTP."""

    def __init__(self):
        self.shop = None

    def require_callable(self, url):
        pass

    def send(self, delivery):
        response = self.shop.test_client().post(
            "/done", data=delivery.body, headers=list(delivery.headers)
        )
        return DeliveryOutcome(status=response.status_code)


def service():
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # calls would stand between the prints
    posting = Posting()
    world = FakeService(adapters=lambda ports: attrs.evolve(ports, sender=posting))
    auth = Flask("auth")
    server = make_server("127.0.0.1", 0, auth, threaded=True)
    url = f"http://127.0.0.1:{server.port}"
    for blueprint in create_blueprints(world.ports, world.policy, Settings(public_url=url)):
        auth.register_blueprint(blueprint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return world, posting, server, url


def a_shop(world, url):
    origin = world.origin.origin.guid
    key = world.credentials.issue(origin, Scheme.HMAC).secret
    secret = world.credentials.issue_webhook_key(origin)
    client = Client(
        url, origin, key, scheme="hmac", app_space=world.app_space.guid, clock=world.clock
    )
    trust = Trust.jwks(jwks_document(world.ports.signer.jwks()))
    return client, create_shop(client, trust, [secret], world.clock)


def a_phone(world, link):
    """Bind a phone by what the site shows, and return it."""
    bind, phone = read_link(link), world.phone()
    enrolment = phone.device.enrolment(bind.token, bind.app_space, pin=phone.pin)
    phone.device.complete_binding(world.enrolments.complete(enrolment))
    return phone


# A walk through it


def main():
    world, posting, server, url = service()
    client, posting.shop = a_shop(world, url)
    browser = posting.shop.test_client()
    browser.post("/password", data={"password": "open sesame"})
    phone = a_phone(world, browser.post("/phone").text)
    page = browser.post("/confirm").text
    print(page)
    print(browser.get("/").text)
    (waiting,) = phone.pending()
    phone.answer(phone.fetch(waiting.guid), code=page.split()[1])
    world.clock.advance(timedelta(seconds=1))
    world.deliver()
    print(browser.get("/").text)
    client.close()
    server.shutdown()


if __name__ == "__main__":
    main()
