"""schemathesis reads the description that is served, and tries everything that follows from it."""

import re
from base64 import urlsafe_b64encode
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from io import BytesIO
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import schemathesis
from hypothesis import settings
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished
from schemathesis.openapi.checks import RejectedPositiveData
from schemathesis.transport.wsgi import WSGITransport

import counterseal as cs
from counterseal import Refused
from counterseal.credentials.documents import write_cx1
from counterseal.device import own_comparison_code
from counterseal.models import OPERATOR, Action, BindingState, CallbackType, Origin, Scheme
from counterseal_testing import APP_RETURN, FakeModel, FakePasskey
from counterseal_testing.pictures import build_png
from counterseal_testing.service import CALLBACK, PIN
from counterseal_web import ADMIN_API, OPERATIONS
from counterseal_web.calls import PATH_SAFE
from counterseal_web.messages import FORM, JOSE

pytestmark = pytest.mark.one_face

schemathesis.serializer.alias(JOSE, "text/plain")  # a text, sent as it is

BASE = "https://service.example"
PROOF = "a proof, made when it is known for what"
SIGNED = "a signature, made when it is known of what"
EXAMPLES = max(4, settings.default.max_examples // 10)
"""Of each operation, besides the cases that its description leads to; 100 if `thorough`."""

DOMAIN = "shop.example"
USER_INFO = '{"name":"zoe","displayName":"Zoe"}'
MOMENT = timedelta(milliseconds=20)
SOCKETS = ("max_redirects", "verify", "cert", "proxies")

UNSAID = {
    "callback_forbidden": "",  # the allow-list is the origin's
    "action_type_unknown": "",  # the types are the operator's
    "arguments_differ": "",  # what was approved
    "callback_uncallable": "",  # what may be called is the operator's
    "code_demanded": "",
    "key_reused": "",  # what was sent before
    "keys_incomplete": "",  # one key of each role
    "unfit_key": "",  # on the curve
    "domain_forbidden": "",  # the allow-list is the origin's
    "not_possessed": "",  # signatures
    "invalid_field": (
        r"beyond 2\*\*53|surrogate|control character"  # I-JSON: in any member
        r"|not a field's name|given twice|nested|both a|empty segment|an index|a list with"
        r"|^action\b|^arguments\b"  # what each type of actions takes; bytes of UTF-8
        r"|^detail: longer than"  # bytes of UTF-8
        r"|^buttons\[\d+\]"  # JSON inside of a text
        r"|^buttons: (none is|all are|not \d)"  # together, and the policy's
        r"|: (not within|more than|longer than) "  # the policy's
        r"|^keys\[\d+\]\.(jwk|credentialId)"  # what belongs to each type of key
        r"|^(companyGuid|appSpaceGuid|allCompanies): "  # one of them, by the role
        r"|^verifiedName: (a control|spaces|not composed|no letter|looks like)"  # Unicode
        r"|^adminGuid: revoked, or its time is over"  # what was done before
        r"|^idp(\.|:)"  # what addresses, scopes and a secret have to be together
        r"|^brandInfo\.logo"  # a PNG in base64
        r"|^jwks\b"  # a JWK Set, and what belongs to each type of key
        r"|^notificationEndpoint: the mode"  # together with `mode`
        r"|^passkeys\."  # origins within the relying party id
        r"|^policy\.\w+: (looser than|\w+ would be)"  # what the levels above say
        r"|^policy\.\w+: not a whole number"  # 60.0 is an integer to JSON Schema
        r"|^logout_token: refused"  # a signature
        r"|^userInfo\b|^credential\b"  # JSON inside of a text; one spelling of base64url
        r"|^callbackUrl: not a domain"  # by `callbackType`
        r"|^overlap: negative, or longer"  # the policy's
        r"|^deviceGuid: not an active device"  # devices come and go
        r"|^after: not what an? (earlier )?page"  # an opaque position
        r"|^actor: longer than"  # bytes of UTF-8
        r"|^(since|until): not a time"  # the days of each month
    ),
}
"""Refusals of what fits the schema, by what no schema can say; the detail matches."""

UNSAID_OF_FORMS = r"^(additionalInfo|buttons|content|context|duration)\b|: not a known member"
"""Brackets: OpenAPI does not know them, and schemathesis writes them otherwise."""


class Prover:
    """Around the application: puts fresh evidence in the places of `PROOF` and `SIGNED`."""

    def __init__(self, app, world):
        self.app = app
        self.world = world
        self.phone = world.bind("user-42")
        self.admin = world.credentials.create_admin("An admin", all_companies=True)
        self.next_moment = 0

    def revive(self):
        (binding,) = self.world.ports.store.get(self.phone.guid)
        if binding.state is not BindingState.ACTIVE:
            with suppress(Refused):
                self.phone = self.world.bind("user-42")
        (account,) = self.world.ports.store.get(self.phone.device.bond.account)
        if account.locked_at is not None and account.erased_at is None:
            self.world.accounts.unlock(account.guid, by=OPERATOR)

    def __call__(self, environ, start_response):
        if environ.get("HTTP_COUNTERSEAL_PROOF") == PROOF:
            self.revive()
            call = self.phone.device.signed_call(*next_moment(environ))
            environ["HTTP_COUNTERSEAL_PROOF"] = call.proof
        if environ.get("HTTP_AUTHORIZATION") == SIGNED:
            environ["HTTP_AUTHORIZATION"] = self.signed(*next_moment(environ))
        return self.app(environ, start_response)

    def signed(self, method, uri, body):
        (stored_admin,) = self.world.ports.store.get(self.admin.guid)
        if not stored_admin.credentials:
            self.admin = self.world.credentials.create_admin("The next admin", all_companies=True)
        self.next_moment += 1
        return write_cx1(
            self.admin.secret,
            method=method,
            uri=uri,
            milliseconds=int(self.world.clock.now().timestamp() * 1000) + self.next_moment,
            guid=self.admin.guid,
            body=body,
        )


def next_moment(environ):
    """Return what is proven or signed: method, address and body."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = BytesIO(body)
    path = quote(environ["PATH_INFO"].encode("latin-1"), safe=PATH_SAFE)
    query = environ["QUERY_STRING"]
    return environ["REQUEST_METHOD"], f"{BASE}{path}{'?' if query else ''}{query}", body


@pytest.fixture
def known_values(kit, world, shop):
    """What names something, by what it is called; by operation, where that one needs its own."""
    world.bind("user-43")
    device = world.bind("user-42").guid  # another than the one that calls
    requests = [kit.ask(shop).json["guid"] for _ in range(3)]
    space = world.new_app_space("Staff", idp=world.idp.settings())
    begun = world.logins.redirect(space.guid, APP_RETURN)
    register_passkey(world, "user-44")
    (state,) = parse_qs(urlsplit(begun.url).query)["state"]
    new = world.complete(world.bind("user-45").invite(), world.phone())
    code = own_comparison_code(new.device, pin=PIN)
    approved = {name: approved_action(world, name) for name in ("consume", "withdraw", "report")}
    world.actions.consume(world.origin, approved["report"], {})
    branded = world.administration.edit_app_space(world.app_space.guid, logo=build_png())
    return {
        "logo": {"app_space": [branded.guid], "logo": [branded.logo_digest]},
        "accountByGuid": {"guid": [world.accounts.get(world.origin, "user-42").guid]},
        "revokeAccount": {"accountId": ["user-43"]},
        "getAction": {"guid": [approved["consume"]]},
        "consumeAction": {"requestGuid": [approved["consume"]], "arguments": [{}]},
        "withdrawAction": {"requestGuid": [approved["withdraw"]]},
        "reportAction": {
            "requestGuid": [approved["report"]],
            "outcome": ["executed"],
            "detail": ["done"],
        },
        "confirmDevice": {"deviceGuid": [new.guid], "comparisonCode": [code]},
        "redirect": {"appSpaceGuid": [space.guid], "redirectUri": [APP_RETURN]},
        "comeBack": {"state": [state]},
        "accountId": ["user-42"],
        "bindPasskey": {"userInfo": [USER_INFO], "domain": [DOMAIN], "accountId": ["user-44"]},
        "authenticateByPasskey": {"domain": [DOMAIN], "accountId": ["user-44"]},
        "after": [world.account_events.read(world.origin).next],
        "requestGuid": requests,
        "deviceGuid": [device],
        "replaces": [device],
        "guid": requests,
    }


def approved_action(world, resource):
    """Return a request whose action a person has approved."""
    phone = world.bind(f"user-{resource}")
    content = Action(type="tool-call", resource=resource, arguments={})
    challenge = world.ask(f"user-{resource}", content).challenge
    phone.answer(challenge)
    return challenge.guid


def register_passkey(world, account_id):
    allow = world.administration.allow_callback
    allowing = allow(world.origin.origin.guid, DOMAIN, kind=CallbackType.DOMAIN)
    party = world.renewed(world.origin)
    assert party.origin == allowing
    started = world.ceremonies.start_registration(party, account_id, DOMAIN)
    passkey = FakePasskey(rp_id=DOMAIN, origin=f"https://{DOMAIN}")
    response = FakeModel(attestation="none").create(passkey, started.challenge)
    world.ceremonies.register(party, account_id, response)


@pytest.fixture
def known_to_admins(world):
    """The same for administrators; what they end is there for that alone."""
    calm, still, *ends = (world.bind(f"user-{number}") for number in range(51, 56))
    world.devices.suspend(still.guid, by=OPERATOR)
    ended, emptied, erased = (each.device.bond for each in ends)
    calm.answer(calm.fetch(world.ask("user-51", "Pay?", callback=CALLBACK).challenge.guid))
    world.sender.script(410)
    deliveries = world.deliver()
    origin = world.origin.origin
    other = world.new_origin(world.app_space, "Another shop").origin
    invitation = world.invitations.invite(world.origin, "user-56")
    other = world.administration.allow_callback(other.guid, "https://shop.example/more")
    person = world.credentials.create_person("A person", all_companies=True).guid
    link = cs.Sessions(world.ports, world.policy).create_link(person, by=OPERATOR)
    world.credentials.issue(other.guid, Scheme.HMAC)
    other = world.administration.get(other.guid, Origin)
    return {
        "company": [world.company.guid],
        "app_space": [world.app_space.guid],
        "origin": [origin.guid],
        "callback": [origin.entries[0].guid],
        "admin": [world.credentials.create_admin("Spare", all_companies=True).guid],
        "account": [calm.device.bond.account],
        "device": [calm.guid],
        "delivery": deliveries,
        "accountId": ["user-51"],
        "after": [urlsafe_b64encode(b"auser-51").decode()],  # what a page would return
        "companyGuid": [world.company.guid],
        "appSpaceGuid": [world.app_space.guid],
        "session": [link.session.guid],
        "searchAudit": {
            "after": [chained_log(world).search(limit=1, by=OPERATOR).after],
            "subject": [calm.guid],
            "event": ["challenge."],
        },
        "newLink": {"admin": [person]},
        "getSessions": {"admin": [person]},
        "deleteCallback": {"origin": [other.guid], "callback": [other.entries[0].guid]},
        "revokeKey": {
            "origin": [other.guid],
            "key": [other.credential_guid(other.credentials[0])],
        },
        "registerClient": {"mode": ["ping"], "notificationEndpoint": [CALLBACK], "jwks": [None]},
        "newCallback": {"callbackUrl": ["https://shop.example/again"], "callbackType": [1]},
        "resumeDevice": {"account": [still.device.bond.account], "device": [still.guid]},
        "endDevice": {"account": [ended.account], "device": [ended.device]},
        "renewInvitation": {
            "account": [invitation.account.guid],
            "device": [invitation.binding],
        },
        "revokeDevices": {"account": [emptied.account]},
        "eraseAccount": {"account": [erased.account]},
    }


def chained_log(world):
    chain = cs.AuditChain(world.ports, world.policy)
    while chain.chain():
        pass
    chain.sign()
    return cs.AuditLog(world.ports, world.policy)


@pytest.fixture
def in_process(monkeypatch):
    """Let schemathesis send without sockets."""
    send = WSGITransport.send

    def send_in_process(self, case, **kwargs):
        # Some checks hand on what is meant for sockets, and then it is dropped for sessions only.
        return send(
            self, case, **{name: value for name, value in kwargs.items() if name not in SOCKETS}
        )

    monkeypatch.setattr(WSGITransport, "send", send_in_process)


@pytest.fixture
def describe(kit, world, shop, in_process):
    """Read the description that is served to callers who know what there is."""

    def describe(known_values, **settings):
        app = kit.application(world.ports, wait_limit=MOMENT, beat_every=MOMENT, **settings)
        app = Prover(app, world)
        config = SchemathesisConfig.from_dict(
            {"seed": 1, "request-timeout": 0.2, "generation": {"max-examples": EXAMPLES}}
        )
        schema = schemathesis.openapi.from_wsgi("/openapi.json", app, config=config)

        @schema.auth(refresh_interval=None)
        class Authentication:
            def get(self, case, context):
                if "device" in case.operation.tags:
                    return {"Counterseal-Proof": PROOF}
                return {"Authorization": SIGNED} if "admin" in case.operation.tags else shop.headers

            def set(self, case, data, context):
                case.headers.update(data)

        @schema.hook
        def map_case(context, case):
            # Made up, nearly all would name nothing.
            if case.meta is not None and case.meta.generation.mode.is_positive:
                names = known_values | known_values.get(operation_of(case), {})
                for values in (case.body, case.query, case.path_parameters):
                    for name in names.keys() & values if isinstance(values, dict) else ():
                        values[name] = names[name][len(str(values[name])) % len(names[name])]
            return case

        @schema.hook
        def filter_failure(context, failure, case, response):
            return not (isinstance(failure, RejectedPositiveData) and unsaid(case, response.json()))

        return schema

    return describe


def operation_of(case):
    return case.operation.definition.raw["operationId"]


def unsaid(case, problem):
    pattern, detail = UNSAID.get(problem["code"]), problem.get("detail", "")
    if pattern and case.media_type == FORM:
        pattern = f"{pattern}|{UNSAID_OF_FORMS}"
        members = case.body if isinstance(case.body, dict) else {}
        # A form has no null: it is the text "null" there.
        if members.get(detail.partition(":")[0], detail) is None:
            return True
    return pattern is not None and re.search(pattern, detail) is not None


def tried(schema):
    """Try everything, and return the statuses of each operation."""
    failures, errors, phases, statuses = [], [], Counter(), {}
    for event in from_schema(schema).execute():
        if isinstance(event, NonFatalError | FatalError):
            errors.append(event)
        elif isinstance(event, ScenarioFinished):
            phases[event.phase.value] += len(event.recorder.cases)
            for guid, interaction in event.recorder.interactions.items():
                operation = operation_of(event.recorder.cases[guid].value)
                statuses.setdefault(operation, set()).add(interaction.response.status_code)
            failures += [
                (
                    event.recorder.label,
                    check.name,
                    str(check.failure_info.failure),
                    event.recorder.cases[guid].value.as_curl_command(),
                    event.recorder.interactions[guid].response.content,
                )
                for guid, checks in event.recorder.checks.items()
                for check in checks
                if check.failure_info is not None
            ]
    assert not errors
    assert not failures, "\n".join(map(str, failures))
    assert all(phases[phase] for phase in ("coverage", "fuzzing", "stateful")), phases
    return statuses


def dull(statuses):
    """Return the operations that never succeeded: whoever never gets in has tried nothing."""
    return {name for name, codes in statuses.items() if not any(code < 400 for code in codes)}


@pytest.mark.timeout(900)  # if `thorough`, on a busy machine
@pytest.mark.filterwarnings("ignore:Generating overly large repr")
def test_schemathesis_finds_no_answer_that_is_not_described(describe, known_values):
    statuses = tried(describe(known_values))
    # schemathesis leaves out what it has read the description from.
    assert set(statuses) == {each.id for each in OPERATIONS} - {"describe"}
    signed = {"answerRequest", "disownRequest", "finishBind", "lookAtInvitation", "rotateKeys"}
    signed |= {"registerPasskey", "finishAuthentication", "decideOnDevice"}
    assert dull(statuses) <= signed | {"authenticate", "logOut"}, statuses


@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore:Generating overly large repr")
def test_schemathesis_finds_no_answer_to_administrators_that_is_not_described(
    describe, known_to_admins
):
    statuses = tried(describe(known_to_admins, administration=True).include(tag="admin"))
    assert set(statuses) == {each.id for each in ADMIN_API}
    assert not dull(statuses), statuses
