"""A user of the office's site, with a browser and a phone, and what they are asked."""

import asyncio
import html
import json
import re

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.contrib.auth.models import User
from django.db import connections
from django.test import AsyncClient, Client

from counterseal.device import SoftwareDevice
from counterseal.memory import memory_ports
from counterseal_django import approvals
from counterseal_django.pending_posts import TOKEN
from counterseal_testing import Phone

HOST = "office.example"
PASSWORD = "correct horse"
PIN = "1379"


class Page:
    """
    What the browser shows.

    Attributes:
        response: Django's.
        text: Of the page, without tags.
    """

    def __init__(self, response):
        self.response = response
        self.source = b"".join(response).decode()
        words = re.sub(r"<[^>]*>", " ", self.source)
        self.text = html.unescape(" ".join(words.split()))

    @property
    def status(self):
        return self.response.status_code

    @property
    def code(self):
        return re.search(r'id="counterseal-code">([^<]+)<', self.source)[1]


class Person:
    """
    A logged-in user with a browser and, once it is bound, a phone.

    Attributes:
        client: The browser.
        phone: None until it is bound.
    """

    def __init__(self, name, *, is_staff=True):
        self.user = User.objects.create_user(name, password=PASSWORD)
        self.user.is_staff = self.user.is_superuser = is_staff
        self.user.save()
        self.client = Client(headers={"host": HOST})
        self.client.force_login(self.user)
        self.phone = None

    def bind(self):
        """Bind a phone to the user."""
        current, ports = approvals(), memory_ports()
        service = current.service
        invitation = service.invitations.invite(current.party, current.account_id(self.user))
        device = SoftwareDevice.make(clock=ports.clock, entropy=ports.entropy, pin=PIN, cost=2)
        self.phone = Phone(
            answers=service.answers,
            devices=service.devices,
            confirmations=service.confirmations,
            device=device,
            pin=PIN,
        )
        enrolment = device.enrolment(invitation.token, invitation.app_space.guid, pin=PIN)
        device.complete_binding(service.enrolments.complete(enrolment))

    def get(self, path, **headers):
        return Page(self.client.get(path, headers=headers))

    def post(self, path, **data):
        return Page(self.client.post(path, data))

    def ask(self, path, **data):
        """Send a form; return the waiting page."""
        page = self.post(path, **data)
        assert page.status == 302, page.text
        return Question(self, path, page.response.url)

    def pending(self):
        """Return the only question on the phone, as it is displayed."""
        (challenge,) = self.phone.pending()
        return challenge

    def displayed(self):
        """Return the rows that the phone displays, without when the approval ends."""
        challenge = self.phone.fetch(self.pending().guid)
        rows = json.loads(challenge.display)["content"]["keys"]
        return [(row["key"], row["value"]) for row in rows][:-1]


def post_in_loop(person, path, data=None):
    """Send a form on an ASGI server, which has a thread of its own for each request."""
    client = AsyncClient(headers={"host": HOST})
    client.cookies = person.client.cookies

    async def post():
        async with ThreadSensitiveContext():
            response = await client.post(path, data)
            await sync_to_async(connections.close_all)()
            return response

    return asyncio.run(post())


class Question:
    """
    What a person was asked because they sent a form to *path*.

    Attributes:
        waiting_path: Where the waiting page is.
    """

    def __init__(self, person, path, waiting_path):
        self._person, self._path, self.waiting_path = person, path, waiting_path
        self.guid = waiting_path.rstrip("/").rpartition("/")[2]

    def page(self):
        return self._person.get(self.waiting_path)

    def answer(self, button):
        phone = self._person.phone
        code = self.page().code if button == 0 else None
        phone.answer(phone.fetch(self.guid), button, code=code)

    def approve(self):
        self.answer(0)

    def decline(self):
        self.answer(1)

    def go_on(self):
        """Send the form of the waiting page."""
        return self._person.post(self._path, **{TOKEN: self.guid})

    def status(self):
        current = approvals()
        return current.service.actions.status(current.party, self.guid)
