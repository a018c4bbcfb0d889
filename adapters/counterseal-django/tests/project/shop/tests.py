"""Tests as a project writes them; `manage.py test` runs them."""

from types import SimpleNamespace

from django.conf import settings
from django.db import connections, transaction
from django.test import LiveServerTestCase, TestCase, TransactionTestCase

import counterseal as cs
from counterseal.testing import FakeService
from counterseal_django import StoreInTransaction, StoreOutsideTest, approvals
from counterseal_django.testing import ApprovalsMixin, fake_approvals, store_for_test
from shop.models import Customer

USER = SimpleNamespace(pk=42)


def ask():
    current = approvals()
    question = cs.read_question({"accountId": "42", "content": "Pay?"})
    return current.service.challenges.issue(current.party, question).challenge.guid


class InATestCase(TestCase):
    """What a `TestCase` does is rolled back."""

    def test_the_store_is_refused_and_the_error_says_what_to_use(self):
        with self.assertRaisesRegex(StoreOutsideTest, "TransactionTestCase.*FakeService"):
            approvals()
        with self.assertRaisesRegex(StoreOutsideTest, "TransactionTestCase"), store_for_test():
            pass

    def test_a_page_is_refused_too(self):
        with self.assertRaises(StoreOutsideTest):
            self.client.get("/auth/.well-known/jwks.json")

    async def test_a_page_that_waits_is_refused_too(self):
        with self.assertRaises(StoreOutsideTest):
            await self.async_client.get("/auth/device/requests")

    def test_a_fake_needs_no_database(self):
        fake = FakeService()
        phone = fake.bind("42")
        with fake_approvals(fake) as current, transaction.atomic():
            Customer.objects.create(name="Zoe")
            self.assertTrue(current.has_device(USER))
            guid = ask()
            phone.answer(phone.fetch(guid))
            self.assertTrue(approvals().service.challenges.status(fake.origin, guid).approved)

    def test_the_mixin_is_refused(self):
        with self.assertRaisesRegex(StoreOutsideTest, "TransactionTestCase"):
            type("Mixed", (ApprovalsMixin, TestCase), {}).setUpClass()


class WithoutTheMixin(TransactionTestCase):
    """Nothing would empty the store."""

    def test_the_store_is_refused(self):
        with self.assertRaisesRegex(StoreOutsideTest, "ApprovalsMixin"):
            approvals()


class WithTheMixin(ApprovalsMixin, TransactionTestCase):
    """Each test finds an empty store, in the database of the test runner."""

    def count_records(self):
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT count(*) FROM counterseal_records")
            return cursor.fetchone()[0]

    def use_the_store(self):
        self.assertFalse(approvals().has_device(USER))
        before = self.count_records()
        approvals().invite(USER)
        self.assertEqual(before, 3)  # the company, the App Space and the origin
        self.assertGreater(self.count_records(), before)

    def test_the_store_is_empty(self):
        self.use_the_store()

    def test_it_is_empty_again(self):
        self.use_the_store()

    def test_the_keys_are_not_the_projects(self):
        self.assertNotEqual(settings.COUNTERSEAL["KEYS"].parent, settings.FOLDER)
        self.assertTrue((settings.COUNTERSEAL["KEYS"] / "signing.json").exists())

    def test_a_call_within_atomic(self):
        with transaction.atomic():
            Customer.objects.create(name="Zoe")
            if connections["default"].vendor == "sqlite":
                with self.assertRaisesRegex(StoreInTransaction, "before or after `atomic`"):
                    approvals().invite(USER)
            else:
                approvals().invite(USER)
                transaction.set_rollback(True)
        count = len(approvals().service.accounts.list_devices(approvals().party, "42"))
        self.assertEqual(count, connections["default"].vendor == "postgresql")


class Served(ApprovalsMixin, LiveServerTestCase):
    """A server in a thread of the test has the same store."""

    def test_it_serves_the_keys(self):
        reply = self.client.get("/auth/.well-known/jwks.json")
        keys = approvals().service.ports.signer.jwks()
        self.assertEqual(reply.json(), cs.jwks_document(keys))
