"""
The story: one service in this process, from its first company to the last revocation.

It is the same in every run: time stands still between requests, luck follows from a seed, and
keys are Ed25519, whose signatures have no luck in them.
A new call is played by one more line in the act that it belongs to.
"""

import hashlib
from datetime import timedelta
from unittest import mock

import attrs
from exchanges import acting, answering, asking, browsing, entering, refusing, stalling, tenancy
from exchanges.cast import by_cx1
from exchanges.recorder import PUBLIC, Exchange, Recorder
from flask import Flask
from werkzeug.test import Client

from counterseal import keys
from counterseal.models import Algorithm, Delivery
from counterseal_flask import admin_blueprint, device_blueprint, service_blueprint
from counterseal_testing import FakeService
from counterseal_web import ADMIN_API, OPERATIONS, Application, Request, Service, Settings

CALLS = (*OPERATIONS, *ADMIN_API)


def from_its_name(_, *, kid):
    """Make the key that belongs to *kid*; for a story, and for nothing else."""
    secret = hashlib.sha256(kid.encode()).digest()
    return keys.private_key(secret, kid=kid, algorithm=Algorithm.EDDSA)


@attrs.frozen(kw_only=True)
class Told:
    """What happened: requests that came, and callbacks that left."""

    exchanges: tuple[Exchange, ...]
    deliveries: tuple[Delivery, ...]


def in_flask(service):
    """Return an application that serves *service*."""
    app = Flask("auth")
    for blueprint in (service_blueprint, device_blueprint, admin_blueprint):
        app.register_blueprint(blueprint(service))
    return app


def play(face=in_flask):
    """
    Play the story.

    Args:
        face: Returns a WSGI callable that serves a service.
    """
    with mock.patch.object(keys, "generate", from_its_name):
        return _told(face)


def _told(face):
    world = FakeService()
    settings = Settings(
        public_url=PUBLIC, administration=True, look_every=timedelta(milliseconds=1)
    )
    service = Service(world.ports, world.policy, settings)
    application, operations = Application(service), {each.id: each for each in CALLS}

    def find(method, path):
        return operations.get(application.find_operation(Request(method=method, path=path)))

    recorder = Recorder(Client(face(service)), find, world.clock)
    first = world.credentials.create_admin("First administrator", all_companies=True)
    desk = by_cx1(recorder, first.guid, first.secret)
    places = tenancy.build(desk)
    shop = asking.open_shop(recorder, places)
    phone = answering.bind(recorder, shop, world)
    asking.ask(shop, phone)
    answering.answer(shop, phone, world)
    answering.look_after(phone)
    refusing.refuse(recorder, shop, phone, world)
    tenancy.deliver_again(desk, places)
    account = tenancy.help_a_user(desk, shop, places)
    answering.unbind(recorder, shop, world)
    answering.change_phones(recorder, shop, world)
    browsing.register(shop)
    acting.act(recorder, shop, world)
    asking.catch_up(shop, world)
    asking.look_after(shop, phone)
    answering.lock(recorder, shop, world)
    tenancy.look_after(recorder, desk, places, world.entropy)
    tenancy.say_goodbye(desk, account)
    tenancy.narrow_the_policy(desk, places)
    entering.log_in(recorder, world, entering.set_up(desk, places.company, world))
    tenancy.read_the_log(desk, places, world)
    stalling.stall(recorder)
    return Told(
        exchanges=tuple(recorder.exchanges),
        deliveries=tuple(attempt.delivery for attempt in world.sender.attempts),
    )


if __name__ == "__main__":
    for exchange in play().exchanges:
        print(exchange.status, exchange.method, exchange.target)
