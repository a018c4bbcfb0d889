"""Approvals for coroutines: the verbs in threads, and a lifespan that ends the waits."""

import asyncio
import inspect
import threading
from datetime import timedelta

import pytest

from counterseal.errors import InvalidField, SettingDiffers
from counterseal.models import ChallengeState, UseState
from counterseal.wire.link import read_link
from counterseal_asgi import AsyncApprovals, Service, Settings
from counterseal_testing import FakeService
from counterseal_web import Approvals

PATIENCE = 60
BASE = "https://service.example"
NAMES = {"company": "Example", "app_space": "Example shop", "origin": "Web shop"}
QUESTION = {"accountId": "zoe", "content": "Pay 10 EUR?"}
ACTION = {"type": "tool-call", "resource": "send_mail", "arguments": {"copies": 2}}


class Case:
    """A program with a service in its own process, and zoe's phone."""

    def __init__(self, **names):
        self.world = FakeService()
        settings = Settings(public_url=BASE, app_url=f"{BASE}/app", look_every=timedelta(minutes=5))
        self.service = Service(self.world.ports, self.world.policy, settings)
        self.approvals = AsyncApprovals(self.service, "example.com/shop", **NAMES | names)

    async def bind(self):
        link = read_link(await self.approvals.invite("zoe"))
        assert link.app == f"{BASE}/app"
        phone = self.world.phone(pin="2580")
        enrolment = phone.device.enrolment(link.token, link.app_space, pin="2580")
        phone.device.complete_binding(self.world.enrolments.complete(enrolment))
        return phone


def run(main):
    async def within_patience():
        async with asyncio.timeout(PATIENCE):
            return await main

    return asyncio.run(within_patience())


def test_it_has_the_verbs_of_approvals_with_the_same_parameters():
    def verbs(kind):
        return {
            name: list(inspect.signature(verb).parameters)
            for name, verb in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    asynchronous = verbs(AsyncApprovals)
    assert verbs(Approvals).items() <= asynchronous.items()
    assert asynchronous.keys() - verbs(Approvals).keys() == {"lifespan", "run", "wait"}


def test_a_question_is_asked_awaited_and_approved():
    case = Case()

    async def main():
        approvals = case.approvals
        assert await approvals.has_device("zoe") is False
        phone = await case.bind()
        assert await approvals.has_device("zoe") is True
        issued = await approvals.ask(QUESTION, idempotency_key="order-1")
        guid = issued.challenge.guid
        waiting = asyncio.create_task(approvals.wait(guid, timedelta(seconds=PATIENCE)))
        await approvals.run(lambda: phone.answer(phone.fetch(guid)))
        assert (await waiting).approved
        assert (await approvals.status(guid)).approved
        assert (await approvals.wait(guid, timedelta(0))).approved

    run(main())


def test_an_action_is_used_and_reported_and_the_rest_expires():
    case = Case()

    async def main():
        approvals = case.approvals
        phone = await case.bind()
        guid = (await approvals.ask({"accountId": "zoe", "action": ACTION})).challenge.guid
        phone.answer(phone.fetch(guid))
        await approvals.consume(guid, {"copies": 2})
        use = await approvals.report(guid, UseState.EXECUTED)
        assert use.state is UseState.EXECUTED
        cancelled = (await approvals.ask(QUESTION)).challenge.guid
        assert (await approvals.cancel(cancelled)).state is ChallengeState.CANCELLED
        expiring = (await approvals.ask(QUESTION)).challenge.guid
        case.world.clock.advance(timedelta(days=1))
        await approvals.expire()
        assert (await approvals.status(expiring)).state is ChallengeState.EXPIRED

    run(main())


def test_a_verb_runs_in_another_thread_and_raises_its_own_error():
    case = Case()

    async def main():
        assert await case.approvals.run(threading.get_ident) != threading.get_ident()
        with pytest.raises(InvalidField):
            await case.approvals.ask(QUESTION | {"unknown": 1})
        # It stands in `Depends` of FastAPI.
        assert await case.approvals() is case.approvals

    run(main())


def test_the_lifespan_creates_the_origin_and_ends_the_waits():
    case = Case()

    async def main():
        async with case.approvals.lifespan():
            party = await case.approvals.load_party()
            await case.bind()
            guid = (await case.approvals.ask(QUESTION)).challenge.guid
            wait = case.approvals.wait(guid, timedelta(hours=1))
            waiting = asyncio.create_task(wait)
            while not case.world.ports.wake._waiting:  # noqa: ASYNC110 (no event for it)
                await asyncio.sleep(0)
        assert not (await waiting).approved
        return party

    assert run(main()).origin.name == "Web shop"


def test_a_process_whose_settings_differ_does_not_start():
    case = Case()
    case.service.administration(by=case.world.administration.by).ensure_tenancy(
        "example.com/shop", **NAMES
    )

    async def main():
        other = AsyncApprovals(case.service, "example.com/shop", **NAMES | {"company": "Other"})
        async with other.lifespan():
            pytest.fail("it started")

    with pytest.raises(SettingDiffers):
        run(main())
