"""An origin's site in Flask: the password is right, and the person confirms on their phone."""

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
    Asked,
    CallbackRefused,
    Client,
    EvidenceRefused,
    Trust,
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
    asked, outcomes = {}, {}  # tables of your database

    @shop.post("/password")
    def password():
        # Your own log-in goes here. From now on the session, and only it, says who this is.
        session["account_id"] = {"open sesame": "user-42"}[request.form["password"]]
        return "", 204

    # The ten lines
    @shop.post("/confirm")
    def confirm():
        question = client.ask(
            session["account_id"], "Log in to the shop?", show_code=True, callback=CALLBACK
        )
        asked[question.guid] = question.dump()
        session["request"] = question.guid
        return f"Type {question.code} into your phone."

    @shop.post("/done")
    def done():
        got = verify_callback(request.headers, request.get_data(), secrets, now=clock.now())
        kept = asked.get(got.request.guid)
        if kept is not None:  # else it is not ours, or was dealt with already
            outcomes[got.request.guid] = is_approved(got.request, Asked.load(kept), trust)
            del asked[got.request.guid]
        return "", 204

    @shop.get("/")
    def home():
        guid = session.get("request")
        if guid in asked:
            return "Look at your phone.", 202
        approval = outcomes.pop(guid, None)  # for once
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
    asked = client.ask(account_id, "Log in to the shop?")
    told = client.wait(asked, timedelta(seconds=50))
    return require_approved(told, asked, trust)


# The service, in this process


class Posting:
    """Delivers callbacks to the shop; a service that runs on its own uses HTTP."""

    def __init__(self):
        self.shop = None

    def require_callable(self, url):
        pass

    def send(self, delivery):
        sent = self.shop.test_client().post(
            "/done", data=delivery.body, headers=list(delivery.headers)
        )
        return DeliveryOutcome(status=sent.status_code)


def service():
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
    read, phone = read_link(link), world.phone()
    enrolment = phone.device.enrolment(read.token, read.app_space, pin=phone.pin)
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
