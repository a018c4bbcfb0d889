"""Log-ins: an App Space with an Identity Provider, an app that binds by it, and a logout."""

from urllib.parse import urlencode

from exchanges.cast import FORM, JSON, written

from counterseal_testing import APP_RETURN

USER = "248289761001"


def set_up(desk, company, world):
    """Make an App Space with a provider, and edit it while it serves."""
    settings = world.idp.settings()
    made = desk.call(
        "An App Space whose users an Identity Provider knows.",
        "POST",
        f"{company}/appSpaces/new",
        {
            "name": "Staff",
            "idpType": "oidc",
            "idp": {
                "issuer": settings.issuer,
                "clientId": settings.client_id,
                "clientAuth": "client_secret_basic",
                "clientSecret": "the client's secret at the provider",
                "redirectUri": settings.redirect_uri,
                "returns": [APP_RETURN],
            },
        },
    ).document["appSpaceGuid"]
    desk.call(
        "What counts from the next log-in on; the secret stays as it is.",
        "PATCH",
        f"{company}/appSpaces/{made}",
        {"idp": {"scopes": ["openid", "offline_access"]}},
    )
    return made


def log_in(recorder, world, space):
    """Go through a log-in as an app, a browser and the provider do; then log out there."""

    def send(about, target, document):
        body = written(document)
        headers = {"Content-Type": JSON}
        return recorder.send(about, "POST", target, headers=headers, body=body)

    begun = send(
        "An app begins; `secret` is for itself alone.",
        "/device/login/redirect",
        {"appSpaceGuid": space, "redirectUri": APP_RETURN},
    ).document
    world.idp.admit(USER)
    back = world.idp.log_in(begun["url"], USER)
    query = urlencode({"state": back.state, "code": back.code, "iss": back.issuer})
    recorder.send(
        "The browser comes from the provider, and goes on to the app.",
        "GET",
        f"/device/login/return?{query}",
        headers={},
    )
    returned = {"state": back.state, "code": back.code, "iss": back.issuer}
    send(
        "Another app caught the return, and lacks the secret.",
        "/device/login/authenticate",
        returned | {"secret": "a guess"},
    )
    send(
        "The app has all three; it finishes with [its keys](../wire.md#binding), in place of one"
        " of `devices` if there are any and its user says so.",
        "/device/login/authenticate",
        returned | {"secret": begun["secret"]},
    )
    recorder.send(
        "The user logs out at the provider, which says so.",
        "POST",
        f"/device/login/logout/{space}",
        headers={"Content-Type": FORM},
        body=urlencode({"logout_token": world.idp.log_out(USER)}).encode(),
    )
