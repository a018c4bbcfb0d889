"""What a phone does: finish its bind, show, answer, disown, and look after itself."""

from http import HTTPStatus

from exchanges import asking
from exchanges.cast import JSON, PIN, Handset, written

from counterseal.bindings.documents.confirmation import Choice, NewDevices
from counterseal.device import Bond, SoftwareDevice, own_comparison_code, sign_confirmation
from counterseal.models import AddressKind, PushAddress
from counterseal.wire.members import read_record
from counterseal.wire.recognition import logo_path

DONE = "https://shop.example/done"
PUSH = PushAddress(kind=AddressKind.WEBPUSH, value="https://push.example/a")
CHEAP = 2
"""Rounds of scrypt: nobody attacks this PIN."""


def bind(recorder, shop, world):
    """Bind a new phone to the shop's user."""
    invitation = asking.bound(
        shop,
        (
            "201, since the account is new; a second time it is 200.\n"
            "The reply has what a [bind link](../wire.md#bind-links) needs:"
            " the origin writes the link, and shows it to the user."
        ),
    )
    phone = Handset(
        recorder,
        SoftwareDevice.make(clock=world.clock, entropy=world.entropy, pin=PIN, cost=CHEAP),
    )
    recorder.send(
        "What the device has to know before it signs, if all it has is the token.",
        "POST",
        "/device/invitation",
        headers={"Content-Type": JSON},
        body=written({"token": invitation.document["sessionToken"]}),
    )
    got = recorder.send(
        "The body is on [the wire](../wire.md#binding).",
        "POST",
        "/device/bind",
        headers={"Content-Type": JSON},
        body=phone.enrolment(invitation.document, name="A phone", addresses=(PUSH,)),
    ).document
    phone.device.bond = read_record(Bond, got)
    return phone


def unbind(recorder, shop, world):
    """Bind another user's phone, and let it revoke itself."""
    invitation = shop.call(None, "PUT", "/account/bind", {"accountId": "user-43"}).document
    device = SoftwareDevice.make(clock=world.clock, entropy=world.entropy, pin=PIN, cost=CHEAP)
    phone = Handset(recorder, device)
    headers, body = {"Content-Type": JSON}, phone.enrolment(invitation)
    got = recorder.send(None, "POST", "/device/bind", headers=headers, body=body).document
    device.bond = read_record(Bond, got)
    phone.call("From now on, every call of the device is refused.", "DELETE", "/device")
    phone.call(
        "The device was revoked, here by itself; only a device that proves itself gets the reason.",
        "GET",
        "/device/requests",
    )
    device.complete_unbinding()


def lock(recorder, shop, world):
    """Bind another user's phone, and let it lock the account."""
    invitation = shop.call(None, "PUT", "/account/bind", {"accountId": "user-47"}).document
    phone = bind_silently(recorder, world, invitation)
    phone.call(
        "No device of the account answers or is asked any more, until an administrator unlocks it.",
        "POST",
        "/device/lock",
    )


def change_phones(recorder, shop, world):
    """Let a user's phone invite another one and add it, and the shop confirm a third."""
    invitation = shop.call(None, "PUT", "/account/bind", {"accountId": "user-44"}).document
    old = bind_silently(recorder, world, invitation)
    invited = old.call(
        "The new phone binds by the link, as by an origin's; its user moves from this phone.",
        "POST",
        "/device/invitations",
    ).document
    names = {"appSpaceGuid": invitation["appSpaceGuid"]}
    new = bind_silently(recorder, world, invited | names)
    new.call("The new phone does not count until it is confirmed.", "GET", "/device/status")
    listed = old.call(
        "The old phone computes the comparison code from these keys, and so does the new one.",
        "GET",
        "/device/confirmations",
    ).document
    (new_device,) = read_record(NewDevices, listed).confirmations
    token = sign_confirmation(old.device, new_device, Choice.ADD, pin=PIN)
    old.sign("`add`, by the strong key.", "/device/confirmations", token)
    third = bind_silently(
        recorder, world, old.call(None, "POST", "/device/invitations").document | names
    )
    shop.call(
        "The user reads out the code that the new phone shows.",
        "POST",
        "/device/confirm",
        {
            "deviceGuid": third.device.bond.device,
            "comparisonCode": own_comparison_code(third.device, pin=PIN),
        },
    )


def bind_silently(recorder, world, invitation):
    """Bind a phone, and leave that out of the pages."""
    device = SoftwareDevice.make(clock=world.clock, entropy=world.entropy, pin=PIN, cost=CHEAP)
    phone = Handset(recorder, device)
    headers, body = {"Content-Type": JSON}, phone.enrolment(invitation)
    got = recorder.send(None, "POST", "/device/bind", headers=headers, body=body).document
    device.bond = read_record(Bond, got)
    return phone


def answer(shop, phone, world):
    """Answer one question, disown another, and let the shop look."""
    asked = shop.recorder.last("addRequest", "order-1001").document
    waiting = phone.call("", "GET", "/device/requests").document["requests"]
    (guid,) = (held["guid"] for held in waiting)
    phone.call(
        "With `wait`; the device knows of no request yet, so that nothing has to be waited for.",
        "GET",
        "/device/requests?wait=20",
    )
    phone.call(
        "The list of now, and again whenever it is another.",
        "GET",
        "/device/requests/events",
        events=1,
    )
    shown = phone.call("", "GET", f"/device/requests/{guid}").document["display"]
    token = phone.device.answer(shown, 0, pin=PIN, code=asked["code"])

    def press():
        phone.sign("The first button, with the code, by the strong key.", "/device/answer", token)

    shop.call(
        "It begins with the state of now, and goes on while the phone answers.",
        "GET",
        f"/request/events?requestGuid={guid}",
        meanwhile=press,
    )
    shop.call(
        "With `wait`; it has ended, so that nothing has to be waited for.",
        "GET",
        f"/request/{guid}?wait=20",
    )
    world.deliver()
    other = shop.call(
        "A text, and no more: the buttons are *Approve* and *Reject*.",
        "POST",
        "/request/add",
        {"accountId": "user-42", "content": "Change the address of delivery?", "callback": DONE},
    ).document["guid"]
    shown = phone.call(None, "GET", f"/device/requests/{other}").document["display"]
    phone.sign("", "/device/disown", phone.device.disown(shown))
    phone.call("", "GET", "/device/history")
    world.sender.script(HTTPStatus.GONE)
    world.deliver()


def look_after(phone):
    """Tell and ask the service about the phone itself."""
    status = phone.call("", "GET", "/device/status").document
    path = logo_path(status["appSpace"], status["appSpaceLogo"])
    phone.recorder.send("", "GET", path, headers={})
    phone.call("", "PATCH", "/device", written({"name": "The old phone"}))
    phone.call(
        "",
        "POST",
        "/device/telemetry",
        written({"event": "REQUEST_VIEWED", "attributes": {"locale": "en"}}),
    )
    phone.call("", "GET", "/device/keys")
    rotation = phone.device.rotation(pin=PIN, new_pin=PIN)
    phone.call(
        "The body is on [the wire](../wire.md#rotation).",
        "POST",
        "/device/rotate",
        rotation.body,
    )
    phone.device.complete_rotation(rotation)
    phone.recorder.send("", "GET", "/.well-known/jwks.json", headers={})
