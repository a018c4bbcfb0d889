"""The client against a service over HTTP: every call, every fault, and no secret shown."""

import base64
import hashlib
import hmac
import logging
import pickle
import pkgutil
import re
import ssl
import threading
from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace

import pytest
import trustme
from http_message_signatures import HTTPMessageVerifier, HTTPSignatureKeyResolver, algorithms

import counterseal as cs
import counterseal_client
from counterseal.device import SoftwareDevice
from counterseal.errors import InvalidField
from counterseal.models import (
    Button,
    ChallengeState,
    HtmlContent,
    Pair,
    PairsContent,
    RequestContext,
)
from counterseal.models.guid import mint
from counterseal.wire.link import read_link
from counterseal_client import (
    AskedTooOften,
    BadReply,
    Client,
    Declined,
    EvidenceRefused,
    Finished,
    NoAlternativeMet,
    NotFound,
    NotSent,
    Overloaded,
    ReplyLost,
    RequestRefused,
    TooSlow,
    Unauthorised,
    Unfit,
    Unreachable,
    require_approved,
)
from counterseal_http import Guard

PATIENCE = timedelta(seconds=240)
NOBODY = mint(3, bytes(15))


@pytest.fixture
def phone(service, client):
    return service.bound(client.bind("zoe"))


def keys_sent(service):
    return [http_request.headers.get("idempotency-key") for http_request in service.requests]


class TestTheWholeWay:
    def test_from_an_invitation_to_an_approval(self, service, client):
        invitation = client.bind("zoe", user_info="since 2020")
        link = read_link(invitation.link(display_name="Zoë's account"))
        assert (link.token, link.account) == (invitation.token, invitation.account)
        assert (link.app_space_name, link.display_name) == ("Example app", "Zoë's account")
        assert invitation.expires_at > service.world.clock.now()
        phone = service.bound(invitation)
        assert isinstance(phone.device, SoftwareDevice)

        pending_request = client.ask("zoe", "Pay 10 EUR to Adam & Söhne?", transaction_id="order-7")
        assert client.status(pending_request).state is ChallengeState.PENDING
        thread = threading.Thread(target=lambda: phone.answer(phone.fetch(pending_request.guid)))
        thread.start()
        reply = client.wait(pending_request, PATIENCE)
        thread.join()

        approval = require_approved(reply, pending_request, service.trust)
        assert (approval.account_id, approval.transaction_id, approval.strong) == (
            "zoe",
            "order-7",
            True,
        )

    def test_with_a_code(self, service, client, phone):
        pending_request = client.ask("zoe", "Log in?", show_code=True)
        phone.answer(phone.fetch(pending_request.guid), code=pending_request.code)
        assert require_approved(client.status(pending_request), pending_request, service.trust)

    def test_with_its_context(self, service, client, phone):
        context = RequestContext(ip_address="192.0.2.17", place="Bern")
        pending_request = client.ask("zoe", "Log in?", context=context)
        phone.answer(phone.fetch(pending_request.guid))
        assert require_approved(client.status(pending_request), pending_request, service.trust)
        stored = pending_request.dump()
        for changed in (
            stored.replace("Bern", "Rome"),
            stored.replace('\\"place\\":', '\\"browser\\":'),
        ):
            assert changed != stored
            other = type(pending_request).load(changed)
            with pytest.raises(EvidenceRefused, match="display: context"):
                require_approved(client.status(pending_request), other, service.trust)

    @pytest.mark.parametrize("duration", ["5m", "300s", "300", 300, timedelta(minutes=5)])
    def test_with_a_duration(self, client, phone, duration):
        pending_request = client.ask("zoe", "Log in?", duration=duration)
        assert pending_request.expires_at - pending_request.issued_at == timedelta(minutes=5)

    def test_to_one_device(self, service, client, phone):
        tablet = service.world.bind("zoe")
        pending_request = client.ask("zoe", "Log in?", device=tablet.guid)
        assert phone.pending() == ()
        tablet.answer(tablet.fetch(pending_request.guid))
        assert require_approved(client.status(pending_request), pending_request, service.trust)
        with pytest.raises(InvalidField, match="deviceGuid"):
            client.ask("zoe", "Log in?", device="the tablet")

    @pytest.mark.parametrize(
        "content",
        [
            "<html>plain</html>",
            HtmlContent(html="<html><b>Pay</b>"),
            PairsContent(title="Pay", pairs=(Pair(key="to", value="Zoë"),)),
        ],
    )
    def test_with_all_that_a_question_may_hold(self, service, client, phone, content):
        pending_request = client.ask(
            "zoe",
            content,
            buttons=[
                Button(title="Yes", strong=True, approving=True, style='{"color":"green"}'),
                Button(title="No", strong=False),
            ],
            duration=timedelta(seconds=90),
            callback="https://shop.example/done",
            additional_info={"template": True, "n": 1.5},
            notification_title="Shop",
            notification_body="A question",
            show_notification=False,
        )
        assert pending_request.expires_at - pending_request.issued_at == timedelta(seconds=90)
        phone.answer(phone.fetch(pending_request.guid))
        assert require_approved(client.status(pending_request), pending_request, service.trust)

    def test_of_a_request_that_is_taken_back(self, client, phone):
        pending_request = client.ask("zoe", "Log in?")
        client.cancel(pending_request)
        assert client.wait(pending_request, PATIENCE).state is ChallengeState.CANCELLED
        with pytest.raises(Finished):
            client.cancel(pending_request.guid)

    def test_of_a_device_that_is_revoked(self, client, phone):
        (device,) = client.devices("zoe")
        assert (device.guid, device.name, device.state.value) == (phone.guid, "A phone", "ACTIVE")
        client.revoke_device(device.guid)
        client.revoke_device(device.guid)
        assert client.devices("zoe")[0].state.value == "REVOKED"
        with pytest.raises(Unreachable):
            client.ask("zoe", "Log in?")

    def test_of_an_account(self, client):
        invitation = client.bind("zoe / ä&b", user_info="since 2020")
        account = client.account("zoe / ä&b")
        assert (account.account, account.user_info) == (invitation.account, "since 2020")
        with pytest.raises(Unreachable):
            client.account("nobody")


class TestEachAttempt:
    def test_is_signed_afresh(self, service, client):
        for _ in range(5):  # within one millisecond of a clock that stands still
            client.bind("zoe")
        header_name = "signature" if service.scheme == "signature" else "authorization"
        headers = [http_request.headers[header_name] for http_request in service.requests]
        assert len(set(headers)) == (1 if service.scheme == "basic" else 5)

    def test_is_signed_as_the_scheme_says(self, serve):
        service = serve("hmac")
        with service.client() as client:
            client.bind("zoe")
        (http_request,) = service.requests
        _, middle, signature = http_request.headers["authorization"].split(",")
        guid, milliseconds = middle.split("/")
        text = f"PUT{service.url}/api/account/bind{milliseconds}{guid}".encode() + http_request.body
        mac = hmac.new(service.key.encode(), text, hashlib.sha256).digest()
        assert base64.b64encode(mac).decode() == signature

    def test_is_signed_as_rfc_9421_says(self, serve):
        """By another library, over all that counts."""
        service = serve("signature")
        with service.client() as client:
            client.bind("zoe", idempotency_key="phone 1")
        (http_request,) = service.requests

        class Keys(HTTPSignatureKeyResolver):
            def resolve_public_key(self, key_id):
                return service.key.encode()

        verifier = HTTPMessageVerifier(
            signature_algorithm=algorithms.HMAC_SHA256, key_resolver=Keys()
        )
        verifier.validate_created_and_expires = lambda *_, **__: None  # the world has its own clock
        message = SimpleNamespace(
            method=http_request.method,
            url=service.url + http_request.path,
            headers=http_request.headers,
        )
        (result,) = verifier.verify(message, expect_tag="counterseal", body=http_request.body)
        assert result.parameters["keyid"] == service.world.origin.origin.guid
        assert len(bytes.fromhex(result.nonce)) == 16
        covered = [name.strip('"') for name in result.covered_components]
        assert covered[:-1] == [
            "@method",
            "@target-uri",
            "content-digest",
            "content-type",
            "idempotency-key",
        ]
        assert "authorization" not in http_request.headers

    @pytest.mark.parametrize("scheme", ["basic", "signature"])
    def test_is_not_tried_again_where_it_was_no_replay(self, serve, faults, scheme):
        service = serve(scheme)
        service.script.append(faults.say(401, {"code": "unauthorized"}))
        with service.client() as client, pytest.raises(Unauthorised):
            client.bind("zoe")
        assert len(service.requests) == 1

    def test_is_tried_once_more_where_it_may_have_been_a_replay(self, serve, faults):
        service = serve("hmac")
        service.script.append(faults.say(401, {"code": "unauthorized"}))
        with service.client() as client:
            assert client.bind("zoe")
            service.script.extend([faults.say(401, {"code": "unauthorized"})] * 2)
            with pytest.raises(Unauthorised):
                client.bind("zoe")

    def test_carries_an_idempotency_key(self, service, client, phone):
        client.ask("zoe", "Log in?")
        client.ask("zoe", "Log in?", idempotency_key="order-7")
        *_, fresh, own = keys_sent(service)
        assert len(fresh) == 32
        assert own == "order-7"

    @pytest.mark.parametrize("fault", ["lose", "unavailable", "in_progress"])
    def test_is_repeated_with_the_same_key(self, service, client, phone, faults, fault):
        action = {
            "lose": faults.lose,
            "unavailable": faults.say(503, {"code": "unavailable"}, {"retry-after": "1"}),
            "in_progress": faults.say(409, {"code": "key_in_progress"}),
        }[fault]
        service.script.extend([action, action])
        pending_request = client.ask("zoe", "Log in?")

        *_, first, second, third = keys_sent(service)
        assert first == second == third
        assert [each.guid for each in phone.pending()] == [pending_request.guid]

    def test_waits_for_the_end_of_a_dead_call_with_its_key(self, service, phone, faults):
        slept = []

        def busy(seconds):
            return faults.say(409, {"code": "key_in_progress"}, {"retry-after": str(seconds)})

        service.script.extend([faults.lose, busy(1), busy(1), busy(26)])
        with service.client(sleep=slept.append) as client:
            pending_request = client.ask("zoe", "Log in?")
        *_, first, second, third, fourth, fifth = keys_sent(service)
        assert len({first, second, third, fourth, fifth}) == 1
        assert sum(slept) >= 28
        assert [each.guid for each in phone.pending()] == [pending_request.guid]

    def test_does_not_wait_for_ever_for_a_call_with_its_key(self, service, phone, faults):
        slept = []
        busy = faults.say(409, {"code": "key_in_progress"}, {"retry-after": "20"})
        service.script.extend([busy] * 3)
        with service.client(sleep=slept.append) as client, pytest.raises(RequestRefused) as caught:
            client.ask("zoe", "Log in?")
        assert caught.value.problem == "key_in_progress"
        assert slept == [20, 20]

    def test_repeats_the_code_too(self, service, client, phone, faults):
        service.script.append(faults.lose)
        pending_request = client.ask("zoe", "Log in?", show_code=True)
        phone.answer(phone.fetch(pending_request.guid), code=pending_request.code)
        assert require_approved(client.status(pending_request), pending_request, service.trust)

    def test_is_not_the_fourth(self, service, client, phone, faults):
        service.script.extend([faults.lose] * 3)
        before = len(service.requests)
        with pytest.raises(ReplyLost):
            client.ask("zoe", "Log in?")
        assert len(service.requests) == before + 3

    def test_is_the_last_if_retry_after_is_long(self, service, client, faults):
        service.script.append(faults.say(503, None, {"retry-after": "60"}))
        with pytest.raises(Overloaded) as caught:
            client.bind("zoe")
        assert caught.value.retry_after == timedelta(seconds=60)
        assert len(service.requests) == 1

    def test_that_ended_it_and_whose_reply_was_lost_is_enough(self, service, client, phone, faults):
        pending_request = client.ask("zoe", "Log in?")
        service.script.append(faults.lose)
        client.cancel(pending_request)
        assert client.status(pending_request).state is ChallengeState.CANCELLED

    def test_whose_reply_was_lost_says_so_after_one_that_was_not_sent(self, client):
        failures = iter([ReplyLost("reset"), NotSent("refused"), Finished("wrong_state", 409)])

        def attempt():
            raise next(failures)

        with pytest.raises(Finished) as caught:
            client._calls.connection.repeat(attempt)
        assert caught.value.repeated

    def test_that_came_too_late_is_refused(self, service, client, phone, faults):
        pending_request = client.ask("zoe", "Log in?")

        def lose_and_answer(service, handler, http_request):
            phone.answer(phone.fetch(pending_request.guid))
            handler.close_connection = True

        service.script.append(lose_and_answer)
        with pytest.raises(Finished):
            client.cancel(pending_request)
        assert client.status(pending_request).approved

    @pytest.mark.parametrize("key", ["", " ", "a\nb: c", "ä", "x" * 257, " x", "x "])
    def test_has_no_key_that_a_header_cannot_hold(self, service, client, key):
        for call in (
            lambda: client.ask("zoe", "Log in?", idempotency_key=key),
            lambda: client.bind("zoe", idempotency_key=key),
        ):
            with pytest.raises(Unfit):
                call()
        assert service.requests == []


class TestARefusal:
    def test_is_not_repeated(self, service, client):
        with pytest.raises(Unreachable) as caught:
            client.ask("nobody", "Log in?")
        assert (caught.value.problem, caught.value.status) == ("unreachable", 404)
        assert len(service.requests) == 1

    def test_of_a_wrong_key(self, service):
        key = base64.b64encode(bytes(32)).decode()
        settings = {"scheme": service.scheme, "clock": service.world.clock}
        with (
            Client(service.url, service.world.origin.origin.guid, key, **settings) as client,
            pytest.raises(Unauthorised),
        ):
            client.bind("zoe")

    def test_of_another_scheme(self, serve):
        service = serve("hmac")
        with service.client(scheme="basic") as client, pytest.raises(Unauthorised):
            client.bind("zoe")

    def test_of_asking_too_often(self, service, client, phone):
        with pytest.raises(AskedTooOften) as caught:
            [client.ask("zoe", "Log in?") for _ in range(9)]
        assert caught.value.problem in {"too_many_pending", "too_often"}

    def test_names_the_field(self, service, client, phone):
        with pytest.raises(RequestRefused) as caught:
            client.ask("zoe", "x" * 20_000)
        assert caught.value.problem == "invalid_field"
        assert caught.value.field

    @pytest.mark.parametrize(
        ("detail", "expected"),
        [
            ("too long, by 3", "too long, by 3"),
            ("a\x1b[2Jb\u202ec\n", "a\\x1b[2Jb\\u202ec\\n"),
            ("x" * 10_000, "x" * 256 + "…"),
            ("", None),
            (7, None),
            (None, None),
        ],
    )
    def test_keeps_what_the_service_says_to_people(self, service, client, faults, detail, expected):
        service.script.append(faults.say(400, {"code": "invalid_field", "detail": detail}))
        with pytest.raises(RequestRefused) as caught:
            client.bind("zoe")
        assert caught.value.detail == expected
        assert str(caught.value) == "the service says invalid_field (400)"

    @pytest.mark.parametrize(
        ("value", "expected"), [("6f1d-2", "6f1d-2"), ("a b", None), (7, None)]
    )
    def test_keeps_the_id_of_the_request(self, service, client, faults, value, expected):
        service.script.append(faults.say(400, {"code": "invalid_field", "requestId": value}))
        with pytest.raises(RequestRefused) as caught:
            client.bind("zoe")
        assert caught.value.request_id == expected

    def test_of_another_call_under_the_same_key(self, client, phone):
        client.ask("zoe", "Log in?", idempotency_key="k")
        with pytest.raises(RequestRefused) as caught:
            client.ask("zoe", "Pay?", idempotency_key="k")
        assert caught.value.problem == "key_reused"

    def test_of_what_is_not_there(self, client):
        for call in (client.status, client.cancel, client.revoke_device):
            with pytest.raises(NotFound):
                call(NOBODY)
        with pytest.raises(NotFound):
            client.wait(NOBODY, PATIENCE)

    @pytest.mark.parametrize("body", [b"", b"<html>", b'{"code":7}', b'["x"]', b'{"code":"A b"}'])
    def test_may_be_no_problem_document(self, service, client, faults, body):
        service.script.append(faults.say(418, body=body))
        with pytest.raises(RequestRefused) as caught:
            client.bind("zoe")
        assert (caught.value.problem, caught.value.status) == ("unknown", 418)

    @pytest.mark.parametrize(
        ("call", "name"),
        [
            (lambda one: one.ask("zoe", {"text": "Pay?"}), "content"),
            (lambda one: one.ask("zoe", "Pay?", buttons=["Yes", "No"]), "buttons[0]"),
            (lambda one: one.ask("zoe", "Pay?", buttons=2), "buttons"),
            (lambda one: one.ask("zoe", "Pay?", duration=[60]), "duration"),
            (lambda one: one.ask("zoe", "Pay?", idempotency_key=7), "idempotency_key"),
            (lambda one: one.wait(NOBODY, 5), "timeout"),
            (lambda one: one.wait(7, PATIENCE), "request"),
            (lambda one: one.status(None), "request"),
            (lambda one: one.cancel(7), "request"),
            (lambda one: one.bind(7), "account_id"),
            (lambda one: one.devices(7), "account_id"),
            (lambda one: one.account(None), "account_id"),
            (lambda one: one.revoke_device(7), "device"),
            (lambda _: Client("http://localhost", NOBODY, b"key"), "key"),
            (lambda _: Client("http://localhost", NOBODY, "key", timeout=10), "timeout"),
        ],
    )
    def test_of_an_argument_of_another_type_names_it(self, service, client, call, name):
        with pytest.raises(Unfit, match=f"^{re.escape(name)}: .*, and not "):
            call(client)
        assert not service.requests

    def test_of_our_own_comes_before_anything_is_sent(self, service, client):
        for content, more in (
            ("", {}),
            ("\ud800", {}),
            ("Pay?", {"duration": timedelta(seconds=1.5)}),
            ("Pay?", {"duration": timedelta(days=12_000)}),
            ("Pay?", {"duration": "5 minutes"}),
            ("Pay?", {"duration": -1}),
            ("Pay?", {"duration": True}),
            ("Pay?", {"additional_info": [1]}),
            ("Pay?", {"buttons": [Button(title="", strong=True)]}),
        ):
            with pytest.raises(InvalidField):
                client.ask("zoe", content, **more)
        with pytest.raises(Unfit):
            client.status("no GUID")
        for account_id in ("\ud800", "x" * 9000):
            for call in (client.devices, client.account):
                with pytest.raises(Unfit):
                    call(account_id)
        assert service.requests == []


class TestAReplyIsNotBelieved:
    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_if_it_leads_elsewhere(self, service, client, faults, status):
        service.script.append(faults.say(status, None, {"location": f"{service.url}/api/x"}))
        with pytest.raises(BadReply):
            client.bind("zoe")
        assert len(service.requests) == 1

    @pytest.mark.parametrize(
        "body", [b"", b"<html>", b"[]", b"{}", b'{"sessionToken":1}', b'{"a":1,"a":1}']
    )
    def test_if_it_is_none(self, service, client, faults, body):
        for call in (lambda: client.bind("zoe"), lambda: client.account("zoe")):
            service.script.append(faults.say(200, body=body))
            with pytest.raises(BadReply):
                call()
        service.script.append(faults.say(200, body=body or b"{}"))
        if body != b"[]":
            with pytest.raises(BadReply):
                client.devices("zoe")

    def test_if_it_is_endless(self, service, client, faults):
        service.script.extend([faults.say(200, body=b" " * 3_000_000)] * 3)
        with pytest.raises(ReplyLost):
            client.bind("zoe")

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("content", "Log out?"),
            ("accountId", "adam"),
            ("requestOriginGuid", NOBODY),
            ("appSpaceGuid", NOBODY),
            ("transactionId", "order-8"),
            ("buttons", []),
            ("additionalInfo", {}),
            ("guid", "x"),
            ("state", "DONE"),
            ("status", "ANSWERED"),
            ("approved", 1),
        ],
    )
    def test_if_it_is_about_another_question(self, service, client, phone, faults, name, value):  # noqa: PLR0917
        service.script.append(faults.changed(**{name: value}))
        with pytest.raises(BadReply):
            client.ask("zoe", "Log in?", transaction_id="order-7")

    def test_if_it_holds_no_code_where_one_is_to_be_typed(self, service, client, phone, faults):
        service.script.append(faults.changed(code=...))
        with pytest.raises(BadReply, match="code"):
            client.ask("zoe", "Log in?", show_code=True)

    def test_if_it_is_about_another_request(self, service, client, phone, faults):
        pending_request, other = client.ask("zoe", "Log in?"), client.ask("zoe", "Log in?")
        for request in (pending_request, pending_request.guid):
            service.script.append(faults.changed(guid=other.guid))
            with pytest.raises(EvidenceRefused):
                client.status(request)

    def test_if_it_is_of_another_app_space(self, service, client, phone):
        with service.client(app_space=NOBODY) as stranger:
            for call in (lambda: stranger.bind("zoe"), lambda: stranger.ask("zoe", "Log in?")):
                with pytest.raises(BadReply, match="App Space"):
                    call()

    def test_if_the_token_has_the_shape_of_2019_it_is(self, service, client, faults):
        moment = "2030-01-01T00:05:00.000Z"
        token = {"guid": "a.b", "expiration": moment}
        service.script.append(faults.changed(sessionToken=token, sessionTokenExpiration=...))
        assert client.bind("zoe").token == "a.b"


class TestTime:
    @pytest.mark.parametrize("fault", ["hang", "drip"])
    def test_is_bounded(self, service, faults, fault):
        service.script.extend([getattr(faults, fault)] * 3)
        # It comes back, as the service never does.
        with service.client(timeout=timedelta(seconds=0.1)) as client, pytest.raises(ReplyLost):
            client.bind("zoe")

    def test_of_waiting_is_bounded_too(self, service, client, phone):
        pending_request = client.ask("zoe", "Log in?")
        assert not client.wait(pending_request, timedelta(seconds=1)).finished
        assert f"/api/request/getRequest?requestGuid={pending_request.guid}&wait=1" in [
            http_request.path for http_request in service.requests
        ]

    def test_of_waiting_outlives_faults(self, service, client, phone, faults):
        pending_request = client.ask("zoe", "Log in?")
        service.script.extend([faults.lose, faults.say(502), faults.say(429), faults.say(200)])
        phone.answer(phone.fetch(pending_request.guid))
        assert client.wait(pending_request, PATIENCE).approved


class TestNothingGoesElsewhere:
    def test_through_a_proxy(self, service, client, monkeypatch):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        with service.client() as fresh:
            assert fresh.bind("zoe")

    def test_to_a_server_whose_certificate_does_not_fit(self, serve):
        authority, stranger = trustme.CA(), trustme.CA()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(tls)
        service = serve("basic", tls=tls)
        trusting = ssl.create_default_context()
        authority.configure_trust(trusting)
        other = ssl.create_default_context()
        stranger.configure_trust(other)
        with service.client(tls=trusting) as client:
            assert client.bind("zoe")
        for context in (other, None):
            with service.client(tls=context) as client, pytest.raises(NotSent):
                client.bind("zoe")
        with (
            service.client(
                tls=trusting, url=service.url.replace("localhost", "127.0.0.1")
            ) as client,
            pytest.raises(NotSent),
        ):
            client.bind("zoe")

    def test_where_nobody_listens(self, service):
        service.close()
        with service.client() as client, pytest.raises(NotSent):
            client.bind("zoe")
        service._server.server_close()

    @pytest.mark.parametrize(
        "url",
        [
            "http://auth.example.com",
            "ftp://auth.example.com",
            "https://user@auth.example.com",
            "https://auth.example.com?x=1",
            "https://auth.example.com#x",
            "https://169.254.169.254",
            "auth.example.com",
            "https://auth.example.com:x",
            "",
        ],
    )
    def test_or_to_an_address_that_is_none(self, url):
        with pytest.raises(Unfit):
            Client(url, NOBODY, "k" * 32)

    def test_unless_the_program_says_so(self):
        Client("http://auth.example.com", NOBODY, "k" * 32, allow_http=True).close()
        with pytest.raises(Unfit):
            Client("https://10.0.0.1", NOBODY, "k" * 32, guard=Guard())

    @pytest.mark.parametrize("end", ["", "/", "/api", "/api/"])
    def test_and_the_address_may_end_as_it_likes(self, serve, end):
        service = serve("hmac")
        with service.client(url=service.url + end) as client:
            assert client.bind("zoe")

    @pytest.mark.parametrize(
        "change",
        [
            {"origin": "x"},
            {"key": ""},
            {"key": "k" * 32 + "\n"},
            {"key": None},
            {"scheme": "bearer"},
            {"timeout": timedelta(0)},
            {"app_space": "x"},
        ],
        ids=str,
    )
    def test_nor_with_a_configuration_that_cannot_work(self, change):
        settings = {"origin": NOBODY, "key": "k" * 32} | change
        with pytest.raises(Unfit) as caught:
            Client("https://auth.example.com", **settings)
        assert "kkk" not in str(caught.value)


def test_no_secret_is_in_a_representation_an_error_or_a_log(service, client, faults, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    invitation = client.bind("zoe")
    phone = service.bound(invitation)
    pending_request = client.ask("zoe", "Log in?", show_code=True, additional_info="canary-info")
    errors = []
    for fault in (
        faults.lose,
        faults.hang,
        faults.say(503, {"code": "canary-code", "detail": service.key}),
        faults.say(400, {"code": service.key, "field": service.key + " canary"}),
        faults.changed(sessionToken=7),
    ):
        # More than a call has attempts: a late one of the fault before may take some.
        service.script.extend([fault] * 9)
        with (
            service.client(timeout=timedelta(seconds=0.1)) as hasty,
            pytest.raises(cs.CountersealError) as caught,
        ):
            hasty.bind("zoe")
        service.script.clear()
        errors += [str(caught.value), repr(caught.value)]
    phone.answer(phone.fetch(pending_request.guid), code=pending_request.code)
    reply = client.wait(pending_request, PATIENCE)
    approval = require_approved(reply, pending_request, service.trust)

    http_request = service.requests[0].headers
    header = http_request.get("authorization") or http_request["signature"]
    secrets = [
        service.key,
        header,
        invitation.token,
        pending_request.code,
        "canary",
        reply.receipt[-40:],
    ]
    out = capfd.readouterr()
    texts = [
        repr(each) for each in (client, invitation, pending_request, reply, approval, service.trust)
    ]
    for text in (*errors, *texts, caplog.text, out.out, out.err):
        assert not [secret for secret in secrets if secret in text]


def test_threads_may_share_a_client(service, client, phone):
    pending_request = client.ask("zoe", "Log in?")
    reply = []

    def poll():
        reply.append(client.status(pending_request))

    threads = [threading.Thread(target=poll) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.guid for each in reply] == [pending_request.guid] * 8


@pytest.mark.parametrize(
    "error",
    [
        RequestRefused("denied", 403, field="to", request_id="7", retry_after=timedelta(seconds=7)),
        Declined("no", disowned=True),
        NoAlternativeMet((TooSlow("late"),)),
    ],
    ids=lambda error: error.code,
)
def test_an_error_goes_to_another_process_as_it_is(error):
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301 (it is our own)
    assert (type(copied), str(copied)) == (type(error), str(error))
    assert {name: str(value) for name, value in vars(copied).items()} == {
        name: str(value) for name, value in vars(error).items()
    }


def test_one_module_has_every_error_that_a_program_catches():
    errors = {cs.CountersealError, cs.Misuse, cs.Refused, cs.Unavailable, InvalidField}
    for module in pkgutil.iter_modules(counterseal_client.__path__):
        names = vars(import_module(f"counterseal_client.{module.name}")).values()
        errors |= {
            name
            for name in names
            if isinstance(name, type)
            and issubclass(name, cs.CountersealError)
            and name.__module__.startswith("counterseal_client.")
        }
    assert counterseal_client.NotSent in errors
    for error in errors:
        assert getattr(counterseal_client, error.__name__) is error
