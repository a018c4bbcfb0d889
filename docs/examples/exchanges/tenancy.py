"""What an administrator does: companies, App Spaces, origins, secrets, allow-lists, users."""

from base64 import b64encode

import attrs
from exchanges.cast import by_cx1, by_signature

from counterseal import AuditChain
from counterseal_testing.pictures import build_png

ROOT = "/admin/api"
DAY = 86_400


@attrs.frozen(kw_only=True)
class Slots:
    """What was made, as its path."""

    company: str
    app_space: str
    origin: str
    key: str

    @property
    def origin_guid(self):
        return self.origin.rpartition("/")[2]


def _at(exchange):
    return f"{exchange.header('Location').partition(ROOT)[2]}"


def build(desk):
    """Make what an origin needs before it can ask."""
    company = ROOT + _at(
        desk.call(
            "A tenant.",
            "POST",
            f"{ROOT}/companies/new",
            {"name": "Example Ltd"},
        )
    )
    desk.call("", "GET", f"{ROOT}/companies")
    desk.call("", "GET", company)
    desk.call("", "PATCH", company, {"name": "Example and Sons"})
    desk.call(
        "Who the company is, as an operator has found out.",
        "POST",
        f"{company}/verifiedName",
        {"verifiedName": "Example and Sons Ltd, Utrecht"},
    )
    space = ROOT + _at(
        desk.call(
            "",
            "POST",
            f"{company}/appSpaces/new",
            {
                "idpType": "simple",
                "name": "Bank",
                "brandInfo": {
                    "url": "https://shop.example/logo.png",
                    "color": "#F0B700",
                },
                "useUniversalApp": True,
            },
        )
    )
    desk.call("", "GET", f"{company}/appSpaces")
    desk.call("", "GET", space)
    logo = b64encode(build_png("#226688")).decode()
    desk.call(
        "The logo is a PNG in base64.",
        "PATCH",
        space,
        {"brandInfo": {"color": "#226688", "logo": logo}, "html": "refuse"},
    )
    origin = ROOT + _at(
        desk.call(
            "An origin whose server was written for this service.",
            "POST",
            f"{space}/requestOrigins/new",
            {"name": "Web shop", "clients": "current"},
        )
    )
    issued = desk.call(
        "The secret is told here, and never again.",
        "POST",
        f"{origin}/keyManagement",
        {"keyType": "basic"},
    )
    desk.call("", "POST", f"{origin}/callbackSecret", {})
    desk.call(
        "A client that polls, and authenticates by its Basic secret.",
        "POST",
        f"{origin}/ciba",
        {"mode": "poll"},
    )
    desk.call("", "GET", f"{origin}/ciba")
    desk.call("", "DELETE", f"{origin}/ciba")
    entry = ROOT + _at(
        desk.call(
            "",
            "POST",
            f"{origin}/callbacks/new",
            {"callbackUrl": "https://shop.example/done"},
        )
    )
    desk.call(
        "A domain where passkeys of the origin's users are used.",
        "POST",
        f"{origin}/callbacks/new",
        {"callbackUrl": "shop.example", "callbackType": 2},
    )
    desk.call("", "GET", f"{origin}/callbacks")
    desk.call("", "GET", entry)
    desk.call("", "GET", f"{space}/requestOrigins")
    desk.call("", "GET", origin)
    desk.call(
        "Callbacks for answers only.",
        "PATCH",
        origin,
        {"callbackStates": ["ANSWERED", "DISOWNED"]},
    )
    desk.call(
        "Which events the origin hears of, and where they are sent.",
        "PATCH",
        origin,
        {"events": ["bound", "locked", "unlocked"], "eventsUrl": "https://shop.example/done"},
    )
    return Slots(company=company, app_space=space, origin=origin, key=issued.document["key"])


def help_a_user(desk, shop, places):
    """Find an account, and see to its devices."""
    shop.call("For a second phone.", "PUT", "/account/bind", {"accountId": "user-42"})
    accounts = f"{places.app_space}/accounts"
    found = desk.call("", "GET", f"{accounts}?accountId=user-42").document
    desk.call("", "GET", f"{accounts}/search?prefix=user-&limit=10")
    account = f"{accounts}/{found['privakeyId']}"
    desk.call("", "GET", f"{account}/requests")
    desk.call("", "POST", f"{account}/lock")
    desk.call("", "POST", f"{account}/unlock")
    active, invited = (each["guid"] for each in found["devices"])
    desk.call("The phone is lost, or only mislaid.", "POST", f"{account}/devices/{active}/suspend")
    desk.call("It lay under the sofa.", "POST", f"{account}/devices/{active}/resume")
    renewed = desk.call(
        "The user has lost the link to the second phone.",
        "POST",
        f"{account}/devices/{invited}/renew",
    ).document["device"]
    desk.call("", "POST", f"{account}/devices/{renewed}/revoke")
    desk.call("", "GET", account)
    return account


def deliver_again(desk, places):
    """Look why a callback did not arrive, and queue it again."""
    desk.call("", "GET", f"{ROOT}/deadDeliveries?since=2025-01-31T09:00:00Z")
    dead = desk.call("", "GET", f"{places.origin}/deadDeliveries?limit=10").document
    delivery = f"{places.origin}/deliveries/{dead[0]['deliveryGuid']}"
    desk.call("", "GET", delivery)
    desk.call("", "POST", f"{delivery}/requeue")


def narrow_the_policy(desk, places):
    """Be stricter than the service, and show who decided what."""
    desk.call(
        "The App Space narrows the policy: fewer guesses, and a shorter time to answer.",
        "PATCH",
        places.app_space,
        {"policy": {"code_limit": 2, "challenge_life": 90}},
    )
    desk.call("", "GET", f"{places.app_space}/policy?names=code_limit,challenge_life,strike_limit")
    desk.call(
        "The origin narrows it further; null takes a setting back.",
        "PATCH",
        places.origin,
        {"policy": {"challenge_life": 60, "invite_rate": None}},
    )
    desk.call("", "GET", f"{places.origin}/policy?names=code_limit,challenge_life")


def read_the_log(desk, places, world):
    """Search the audit log, and keep its head; a worker chains it."""
    chain = AuditChain(world.ports, world.policy)
    while chain.chain():
        pass
    chain.sign()
    space = places.app_space.rpartition("/")[2]
    desk.call(
        "What happened to accounts of one App Space.",
        "GET",
        f"{ROOT}/audit?appSpaceGuid={space}&event=account.&since=2030-01-01T00:00:00Z&limit=2",
    )
    desk.call("", "GET", f"{ROOT}/audit/head")
    desk.call("", "GET", f"{ROOT}/gauges?appSpaceGuid={space}")


def say_goodbye(desk, account):
    """End an account, and erase it."""
    desk.call("", "POST", f"{account}/revoke")
    desk.call("", "DELETE", account)


def look_after(recorder, desk, places, entropy):
    """Rotate, list and revoke."""
    issued = desk.call(
        "Changing the scheme ends the older secret at once; `overlap` is for one of the same.",
        "POST",
        f"{places.origin}/keyManagement",
        {"keyType": "hmac", "overlap": DAY},
    )
    by_cx1(recorder, places.origin_guid, issued.document["key"]).call(
        "An origin that signs by CX1, with the `/api` of older clients.",
        "GET",
        "/api/account/getAccount?accountId=user-42",
    )
    issued = desk.call(None, "POST", f"{places.origin}/keyManagement", {"keyType": "signature"})
    by_signature(recorder, places.origin_guid, issued.document["key"], entropy).call(
        "An origin that signs messages; the account is there, so that it is 200.",
        "PUT",
        "/account/bind",
        {"accountId": "user-42", "userInfo": "since 2030"},
        key="bind-7",
    )
    overlap = {"keyType": "signature", "overlap": DAY}
    desk.call(None, "POST", f"{places.origin}/keyManagement", overlap)
    entry = desk.call("", "GET", f"{places.origin}/callbacks").document[0]["callbackGuid"]
    desk.call("", "DELETE", f"{places.origin}/callbacks/{entry}")
    space = places.app_space.rpartition("/")[2]
    made = desk.call(
        "Somebody for one App Space, for thirty days.",
        "POST",
        f"{ROOT}/admins/new",
        {"name": "Night shift", "role": "app_space_admin", "appSpaceGuid": space, "life": 30 * DAY},
    )
    night = made.document
    admin = f"{ROOT}/admins/{night['adminGuid']}"
    desk.call("", "GET", f"{ROOT}/admins?appSpaceGuid={space}")
    desk.call("", "GET", admin)
    by_cx1(recorder, night["adminGuid"], night["key"]).call(
        "The role does not reach so far.", "PATCH", places.app_space, {"name": "Mine"}
    )
    desk.call("", "POST", f"{admin}/keyManagement", {"overlap": 3600})
    desk.call("", "DELETE", admin + "/keyManagement")
    person = desk.call(
        "A person has no key, and logs in to the portal.",
        "POST",
        f"{ROOT}/admins/newPerson",
        {"name": "Day shift", "role": "user_support", "appSpaceGuid": space},
    ).document
    person_path = f"{ROOT}/admins/{person['adminGuid']}"
    link = desk.call("", "POST", f"{person_path}/link").document
    desk.call("", "GET", f"{person_path}/sessions")
    desk.call("", "DELETE", f"{ROOT}/sessions/{link['sessionGuid']}")
    _, older_key = desk.call(None, "GET", places.origin).document["keys"]
    desk.call(
        "One that was rotated with overlap, before its end; `keys` of the origin names each.",
        "DELETE",
        f"{places.origin}/keyManagement/{older_key['keyGuid']}",
    )
    desk.call("", "DELETE", f"{places.origin}/keyManagement")
