"""S34: a whole history, and no secret of it in any text that a log could hold."""

import logging
import traceback
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest

from counterseal.credentials.decisions.authentication import SignedRequest
from counterseal.credentials.documents import write_basic, write_cx1, write_signature
from counterseal.errors import CountersealError
from counterseal.models import AddressKind, Button, HtmlContent, PushAddress, Scheme
from counterseal_testing.identity import APP_RETURN

URI = "https://auth.example.com/api/request/add"


class Canaries:
    """Texts that must not turn up, and everything in which they could."""

    def __init__(self, service):
        self.service = service
        self.secrets = {}
        self.texts = []
        self.errors = []

    def hatch(self, name):
        """Return a text that stands for something that only its parties may know."""
        return self.hide(name, f"canary-{name}-{len(self.secrets)}")

    def hide(self, name, secret):
        self.secrets[name] = secret
        return secret

    def record(self, *things):
        """Write *things* as a log line or a debugger would."""
        self.texts += [f"{thing!r} {thing}" for thing in things]
        return things[0] if len(things) == 1 else things

    def refuse(self, call, *args, **kwargs):
        with pytest.raises(CountersealError) as caught:
            call(*args, **kwargs)
        self.errors.append(caught.value)
        self.texts += traceback.format_exception_only(caught.value)
        cause = caught.value
        while cause := cause.__cause__ or (
            None if cause.__suppress_context__ else cause.__context__
        ):
            self.texts += traceback.format_exception_only(cause)

    def leaks(self):
        everything = "\n".join(
            self.texts
            + [repr(record) for record in self.service.records().values()]
            + [repr(event) for event in self.service.events]
        )
        return [name for name, secret in self.secrets.items() if secret in everything]


@pytest.fixture
def history(service, caplog):
    """Whatever can be done is done, right and wrong."""
    canaries = Canaries(service)
    with caplog.at_level(logging.NOTSET):
        tenancy(service, canaries)
        phone = binding(service, canaries)
        asking(service, canaries, phone)
        logging_in(service, canaries)
        delivering(service, canaries)
    canaries.texts += [record.getMessage() for record in caplog.records]
    return canaries


def tenancy(service, canaries):
    guid = service.origin.origin.guid
    for scheme in (Scheme.BASIC, Scheme.HMAC):
        issued = canaries.record(service.credentials.issue(guid, scheme))
        canaries.hide(f"{scheme.value} secret", issued.secret)
        if scheme is Scheme.BASIC:
            header = write_basic(issued.secret, guid=guid)
        else:
            header = write_cx1(
                issued.secret,
                method="POST",
                uri=URI,
                milliseconds=int(service.clock.now().timestamp() * 1000),
                guid=guid,
                body=b"body",
            )
        canaries.hide(f"{scheme.value} header", header.rpartition(",")[2])
        request = SignedRequest(method="POST", uri=URI, body=b"body", authorization=header)
        canaries.record(request, service.authentication.authenticate(request))
        if scheme is Scheme.HMAC:
            canaries.refuse(service.authentication.authenticate, request)
        wrong = attrs.evolve(request, authorization=header.replace(header[-9], "*", 1))
        canaries.refuse(service.authentication.authenticate, wrong)
    issued = canaries.record(service.credentials.issue(guid, Scheme.SIGNATURE))
    canaries.hide("signature secret", issued.secret)
    message = {"method": "POST", "uri": URI, "body": b"body"}
    headers = write_signature(
        issued.secret,
        created=int(service.clock.now().timestamp()),
        guid=guid,
        nonce=canaries.hatch("signed-nonce-0123456789"),
        **message,
    )
    canaries.hide("signature", headers[-1][1])
    request = SignedRequest(**message, headers=headers)
    canaries.record(request, service.authentication.authenticate(request))
    canaries.refuse(service.authentication.authenticate, request)
    canaries.hide("webhook secret", service.credentials.issue_webhook_key(guid))
    admin = canaries.record(service.credentials.create_admin("root", all_companies=True))
    canaries.hide("admin secret", admin.secret)
    callback = f"https://shop.example/{canaries.hatch('callback')}"
    canaries.record(service.administration.allow_callback(guid, callback))
    service.origin = service.renewed(service.origin)
    service.callback = callback


def binding(service, canaries):
    invitation = service.invitations.invite(
        service.origin, "alice", user_info=canaries.hatch("user info")
    )
    canaries.record(invitation)
    canaries.hide("session token", invitation.token.partition(".")[2])
    push = PushAddress(kind=AddressKind.RELAY, value=canaries.hatch("push address"))
    phone = service.phone(pin=canaries.hatch("pin"))
    enrolment = phone.device.enrolment(
        invitation.token, service.app_space.guid, pin=phone.pin, addresses=(push,)
    )
    canaries.hide("possession", enrolment.keys[0].proof)
    bound = service.enrolments.complete(enrolment)
    canaries.record(enrolment, bound, push)
    phone.device.complete_binding(bound)
    canaries.record(phone, phone.device)
    thief = service.phone().device
    canaries.refuse(
        service.enrolments.complete,
        thief.enrolment(invitation.token, service.app_space.guid, pin="0000"),
    )
    canaries.refuse(
        service.enrolments.complete, attrs.evolve(enrolment, token=invitation.token + "x")
    )
    proven = phone.call("/x")
    canaries.hide("proof", proven.proof)
    canaries.record(proven, service.devices.authenticate(proven))
    canaries.refuse(service.devices.authenticate, proven)
    canaries.record(phone.rotate())
    return phone


def asking(service, canaries, phone):
    members = {
        "buttons": (
            Button(
                title=canaries.hatch("button"),
                strong=True,
                style=canaries.hatch("style"),
                approving=True,
            ),
            Button(title="No", strong=False),
        ),
        "additional_info": {"note": canaries.hatch("additional info")},
        "transaction_id": canaries.hatch("transaction id"),
        "notification_title": canaries.hatch("notification title"),
        "notification_body": canaries.hatch("notification body"),
        "callback": service.callback,
        "show_code": True,
        "idempotency_key": canaries.hatch("idempotency key"),
    }
    content = HtmlContent(html=canaries.hatch("content"))
    issued = service.ask("alice", content, **members)
    canaries.record(issued, issued.challenge, content, *members["buttons"])
    canaries.hide("code", issued.code)
    notifications = service.notifications.due()
    canaries.record(
        *notifications, *(service.notifications.attempt(one.guid) for one in notifications)
    )
    canaries.record(*service.outbox.pushes)
    assert len(notifications) == len(service.outbox.pushes) == 1
    canaries.refuse(service.ask, "alice", "Another", **members)
    canaries.refuse(service.ask, "alice", content, **members | {"duration": timedelta(days=1)})
    canaries.refuse(service.ask, "alice", content, **members | {"callback": service.callback + "/"})
    canaries.refuse(service.ask, "nobody", content, **members | {"idempotency_key": None})

    fetched = canaries.record(phone.fetch(issued.challenge.guid))
    canaries.record(*phone.pending(), phone.pending())
    wrong_pin = attrs.evolve(phone, pin=canaries.hatch("wrong pin"))
    canaries.refuse(wrong_pin.answer, fetched, code=issued.code)
    canaries.refuse(phone.answer, fetched)
    wrong_code = canaries.hide("wrong code", "918273")
    canaries.refuse(phone.answer, fetched, code=wrong_code)
    token = service.signed(phone, fetched, code=issued.code)
    canaries.hide("answer", token)
    canaries.refuse(service.send, phone, token + "x")
    canaries.record(service.send(phone, token))
    canaries.refuse(phone.answer, fetched, code=issued.code)
    canaries.hide("receipt", service.stored(fetched.guid).outcome.receipt)
    canaries.record(service.challenges.status(service.origin, fetched.guid))


def logging_in(service, canaries):
    space = service.new_app_space("Staff", idp=service.idp.settings())
    service.idp.admit("carol")
    redirect = canaries.record(service.logins.redirect(space.guid, APP_RETURN))
    query = {name: value for name, (value,) in parse_qs(urlsplit(redirect.url).query).items()}
    canaries.hide("state", query["state"].partition(".")[2])
    canaries.hide("nonce", query["nonce"])
    canaries.hide("the app's secret", redirect.app_secret)
    back = service.idp.log_in(redirect.url, "carol")
    canaries.hide("authorization code", back.code)
    canaries.refuse(service.logins.authenticate, back.state + "x", back.code, redirect.app_secret)
    invitation = canaries.record(
        service.logins.authenticate(back.state, back.code, redirect.app_secret)
    )
    grant = service.ports.sealer.open(
        invitation.account.sealed_grant, f"grant:{invitation.account.guid}"
    )
    canaries.hide("grant", grant.decode())
    canaries.refuse(service.logins.authenticate, back.state, back.code, redirect.app_secret)


def delivering(service, canaries):
    service.sender.script(500)
    service.deliver()
    (attempt,) = service.sender.attempts
    canaries.record(attempt, attempt.delivery, *service.callback_records())
    canaries.hide("webhook signature", dict(attempt.delivery.headers)["webhook-signature"])


def test_s34_no_secret_in_any_text(history):
    assert len(history.secrets) >= 30
    assert len(history.errors) >= 15
    assert history.leaks() == []


def test_s34_a_canary_that_sings_is_heard(history):
    history.record(history.secrets["code"])
    assert history.leaks() == ["code"]


def test_s34_what_the_refused_side_may_see_is_one_word(history):
    for error in history.errors:
        assert getattr(error, "public_code", error.code).replace("_", "").isalpha()


def test_s34_no_secret_lies_open_in_the_store(history):
    """Not even where a repr leaves it out."""
    open_secrets = [
        "basic secret",
        "hmac secret",
        "webhook secret",
        "admin secret",
        "session token",
        "pin",
        "code",
        "state",
        "nonce",
        "grant",
        "idempotency key",
    ]
    stored = repr([attrs.asdict(record) for record in history.service.records().values()])
    for name in open_secrets:
        assert history.secrets[name] not in stored, name


def test_s34_the_core_logs_nothing(service, caplog):
    with caplog.at_level(logging.NOTSET):
        alice = service.bind("alice")
        alice.answer(service.ask("alice", "Pay?").challenge)
    assert caplog.records == []
