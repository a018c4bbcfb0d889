"""Test log-ins: an administrator logs in at an App Space's Identity Provider, as a user would."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from counterseal import LoginTestResult
from counterseal.errors import (
    DeadlinePassed,
    IdentityUnavailable,
    NotFound,
    Refused,
    WrongState,
    WrongToken,
)
from counterseal.models import AppSpace, IdpSettings
from counterseal.wire.visible import Name
from counterseal_portal.answers import MOUNT, Answer, Step, page
from counterseal_portal.pages.app_spaces import CLIENT_AUTHS
from counterseal_portal.reach import app_space_of, app_space_step, app_space_trail
from counterseal_portal.refusals import log_refusal
from counterseal_portal.routes import COMPANY_ADMINS, Route
from counterseal_portal.visit import Visit
from counterseal_web.logins import RETURN

TEST = "/app-spaces/{app_space}/provider/test"
BACK = f"{TEST}/return"
PARAMETERS = ("state", "code", "iss", "error")
"""What `Logins.relay_response` sends a browser back with."""

PURPOSE = "portal test log-in"
"""Before the session's token, so that the secret of a test is no other secret."""

TITLE = "Test the log-in"

UNFINISHED: Mapping[type[Refused], str] = {
    WrongToken: "The test was begun in another session, for another App Space, or not here at all."
    " If you have logged in or confirmed that it is you since it was begun, begin it again.",
    WrongState: "The test is finished already, or its time is over.",
    DeadlinePassed: "The test took too long.",
}
"""Why a test cannot be finished; it says nothing of the settings."""

ADVICE: Mapping[str, str] = {
    "identity_unavailable": "Compare the issuer, the client id, the secret and how the service"
    " authenticates with what the provider has.",
    "seal_broken": "Enter the client secret again: the service cannot open the stored one.",
    "provider_error": "Compare the client id, the redirect URI and the scopes with what the"
    " provider has.",
    "idp_code_refused": "Compare the client id, the secret and the redirect URI with what the"
    " provider has.",
    "idp_response_issuer": "The provider names itself differently in its responses than the"
    " App Space does.",
    "idp_token_missing": "The client at the provider has to be one of OpenID Connect.",
    "idp_token_algorithm": "Add the algorithm with which the provider signs, or let it sign with"
    " one of those in the settings.",
    "idp_token_issuer": "The provider issues its tokens under another name than the issuer of the"
    " App Space.",
    "idp_token_audience": "Compare the client id with what the provider has.",
    "idp_token_expired": "Compare the clocks of the provider and of this service.",
    "idp_token_times": "Compare the clocks of the provider and of this service.",
    "idp_claim_missing": "Choose another claim as the account's id, or add the scope with which"
    " the provider sends it.",
    "idp_claim_unverified": "Choose a claim that users cannot change, such as sub.",
    "wrong_issuer": "The provider issues its tokens under another name than the issuer of the"
    " App Space.",
    "account_taken": "Another user of the provider has this id already. Choose a claim that is"
    " each user's own.",
    "account_locked": "The log-in itself works: the account of this user is locked.",
}
"""What an administrator can do, by the code of the refusal."""


def show_test(visit: Visit) -> Answer:
    """Show what a test log-in will ask the provider for."""
    app_space, idp = _provider(visit)
    return page(
        "login_test.html",
        title=TITLE,
        trail=_trail(visit, app_space),
        notice="",
        facts=(
            ("Issuer", idp.issuer),
            ("Client id", idp.client_id),
            ("How the service authenticates there", CLIENT_AUTHS[idp.client_auth]),
            ("Scopes", " ".join(idp.scopes)),
            ("Claim that is the account's id", idp.account_claim),
            ("Redirect URI", idp.redirect_uri or _service_return(visit)),
        ),
        returns_to_app=not idp.redirect_uri,
        action=_path(app_space),
        back=f"/app-spaces/{app_space.guid}",
    )


def begin_test(visit: Visit) -> Answer:
    """
    Begin a test log-in, and show the link to the provider.

    A form that ended at the provider would break the policy's `form-action`, and a link that
    began the test would change something by `GET`.
    """
    app_space, _ = _provider(visit)
    try:
        begun = visit.service.login_tests.begin(
            app_space.guid,
            app_return=_public_url(visit, f"{MOUNT}{_path(app_space)}/return"),
            service_return=_service_return(visit),
            secret=_secret(visit),
            by=visit.admin,
        )
    except IdentityUnavailable as failure:
        return _problem(visit, app_space, failure.code, str(failure))
    return page(
        "login_test_begun.html",
        title=TITLE,
        trail=_trail(visit, app_space),
        notice="",
        url=begun.url,
        deadline=begun.deadline,
        facts=(("Redirect URI", begun.redirect_uri),),
        back=_path(app_space),
    )


def show_return(visit: Visit) -> Answer:
    """Show that the person is back; what the provider said is used by a form only."""
    app_space, _ = _provider(visit)
    return page(
        "login_test_return.html",
        title=TITLE,
        trail=_trail(visit, app_space),
        notice="",
        parameters=[(name, visit.query[name]) for name in PARAMETERS if name in visit.query],
        action=f"{_path(app_space)}/return",
        back=_path(app_space),
    )


def finish_test(visit: Visit) -> Answer:
    """Finish the test log-in, and show its result."""
    app_space, idp = _provider(visit)
    response = {name: values[0] for name, values in visit.body.items() if len(values) == 1}
    try:
        result = visit.service.login_tests.finish(
            app_space.guid, response, secret=_secret(visit), by=visit.admin
        )
    except (WrongToken, WrongState, DeadlinePassed) as refusal:
        log_refusal(refusal)
        return page(
            "login_test_result.html",
            HTTPStatus.FORBIDDEN,
            title="The test was not finished",
            trail=_trail(visit, app_space),
            notice="",
            text=UNFINISHED[type(refusal)],
            advice="",
            facts=(),
            back=_path(app_space),
        )
    if result.refusal:
        return _problem(visit, app_space, result.refusal, result.detail, times=result)
    return page(
        "login_test_result.html",
        title="The log-in works",
        trail=_trail(visit, app_space),
        notice="",
        text="The provider has proven who you are there, as it would for a user. No account was"
        " made, nobody was invited, and nothing was bound.",
        advice="",
        facts=(
            ("Issuer (iss)", result.issuer),
            ("Subject (sub)", result.subject),
            (f"Account's id (claim {idp.account_claim})", Name(result.account_id)),
            ("Session at the provider (sid)", result.session or "The provider names none"),
            ("Account", result.account or "There is none with this id yet"),
            *_times(result),
        ),
        back=_path(app_space),
    )


def _problem(
    visit: Visit,
    app_space: AppSpace,
    code: str,
    detail: str,
    *,
    times: LoginTestResult | None = None,
) -> Answer:
    return page(
        "login_test_result.html",
        title="The log-in does not work",
        trail=_trail(visit, app_space),
        notice="",
        text="With these settings, no user of the App Space could log in as you just did.",
        advice=ADVICE.get(code, ""),
        facts=(
            ("Refusal", detail),
            ("Code", code),
            *(() if times is None else _times(times)),
        ),
        back=_path(app_space),
    )


def _times(result: LoginTestResult) -> tuple[tuple[str, object], ...]:
    return (("Begun", result.began_at), ("Finished", result.ended_at))


def _provider(visit: Visit) -> tuple[AppSpace, IdpSettings]:
    app_space = app_space_of(visit)
    if app_space.idp is None:
        raise NotFound
    return app_space, app_space.idp


def _trail(visit: Visit, app_space: AppSpace) -> tuple[Step, ...]:
    return (*app_space_trail(visit, app_space), app_space_step(app_space))


def _path(app_space: AppSpace) -> str:
    return f"/app-spaces/{app_space.guid}/provider/test"


def _public_url(visit: Visit, path: str) -> str:
    return f"{visit.service.settings.public_url.rstrip('/')}{path}"


def _service_return(visit: Visit) -> str:
    return _public_url(visit, RETURN)


def _secret(visit: Visit) -> str:
    """Return what only this session has, so that no other one finishes its test."""
    token = "" if visit.visitor is None else visit.visitor.csrf_token
    return f"{PURPOSE} {token}"


LOGIN_TEST_ROUTES = (
    Route(
        id="app_space.provider_test",
        method="GET",
        path=TEST,
        handler=show_test,
        roles=COMPANY_ADMINS,
    ),
    Route(
        id="app_space.provider_test.do",
        method="POST",
        path=TEST,
        handler=begin_test,
        roles=COMPANY_ADMINS,
    ),
    Route(
        id="app_space.provider_return",
        method="GET",
        path=BACK,
        handler=show_return,
        query=PARAMETERS,
        roles=COMPANY_ADMINS,
    ),
    Route(
        id="app_space.provider_return.do",
        method="POST",
        path=BACK,
        handler=finish_test,
        fields=PARAMETERS,
        roles=COMPANY_ADMINS,
    ),
)
