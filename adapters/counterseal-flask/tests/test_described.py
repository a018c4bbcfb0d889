"""schemathesis reads the description that is served, and tries everything that follows from it."""

import re
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from io import BytesIO
from urllib.parse import quote

import pytest
import schemathesis
from hypothesis import settings
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished
from schemathesis.openapi.checks import RejectedPositiveData
from schemathesis.transport.wsgi import WSGITransport

from counterseal import Refused
from counterseal.models import BindingState
from counterseal_flask import OPERATIONS
from counterseal_flask.incoming import PATH_SAFE
from counterseal_flask.messages import FORM

BASE = "https://service.example"
PROOF = "a proof, made when it is known for what"
EXAMPLES = max(4, settings.default.max_examples // 10)
"""Of each operation, besides the cases that its description leads to; 100 if `thorough`."""

MOMENT = timedelta(milliseconds=20)
SOCKETS = ("max_redirects", "verify", "cert", "proxies")

UNSAID = {
    "callback_forbidden": "",  # the allow-list is the origin's
    "code_demanded": "",
    "key_reused": "",  # what was sent before
    "keys_incomplete": "",  # one key of each role
    "unfit_key": "",  # on the curve
    "not_possessed": "",  # signatures
    "invalid_field": (
        r"beyond 2\*\*53|surrogate|control character"  # I-JSON: in any member
        r"|not a field's name|given twice|nested|both a|empty segment|an index|a list with"
        r"|^buttons\[\d+\]"  # JSON inside of a text
        r"|^buttons: (none is|all are|not \d)"  # together, and the policy's
        r"|: (not within|more than|longer than) "  # the policy's
        r"|^keys\[\d+\]\.jwk"  # what belongs to each type of key
    ),
}
"""Refusals of what fits the schema, by what no schema can say; the detail matches."""

UNSAID_OF_FORMS = r"^(additionalInfo|buttons|content|duration)\b"
"""Brackets, and no null: OpenAPI does not know, and schemathesis writes them otherwise."""


class Prover:
    """Around the application: puts a fresh proof of a living phone in the place of `PROOF`."""

    def __init__(self, app, world):
        self.app = app
        self.world = world
        self.phone = world.bind("user-42")

    def revive(self):
        (binding,) = self.world.ports.store.get(self.phone.guid)
        if binding.state is not BindingState.ACTIVE:
            with suppress(Refused):
                self.phone = self.world.bind("user-42")

    def __call__(self, environ, start_response):
        if environ.get("HTTP_COUNTERSEAL_PROOF") == PROOF:
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = BytesIO(body)
            path = quote(environ["PATH_INFO"].encode("latin-1"), safe=PATH_SAFE)
            query = environ["QUERY_STRING"]
            uri = f"{BASE}{path}{'?' if query else ''}{query}"
            self.revive()
            call = self.phone.device.call(environ["REQUEST_METHOD"], uri, body)
            environ["HTTP_COUNTERSEAL_PROOF"] = call.proof
        return self.app(environ, start_response)


@pytest.fixture
def known(kit, world, shop):
    """What names something, by operation or else by what it is called there."""
    world.bind("user-43")
    device = world.bind("user-42").guid  # another than the one that calls
    asked = [kit.ask(shop).json["guid"] for _ in range(3)]
    return {
        "accountByGuid": [world.accounts.get(world.origin, "user-42").guid],
        "revokeAccount": ["user-43"],
        "accountId": ["user-42"],
        "requestGuid": asked,
        "deviceGuid": [device],
        "guid": asked,
    }


@pytest.fixture
def description(kit, world, shop, known, monkeypatch):
    app = kit.application(world.ports, wait_limit=MOMENT, beat_every=MOMENT)
    app.wsgi_app = Prover(app.wsgi_app, world)
    send = WSGITransport.send

    def sent(self, case, **kwargs):
        # Some checks hand on what is meant for sockets, and then it is dropped for sessions only.
        return send(
            self, case, **{name: value for name, value in kwargs.items() if name not in SOCKETS}
        )

    monkeypatch.setattr(WSGITransport, "send", sent)
    config = SchemathesisConfig.from_dict(
        {"seed": 1, "request-timeout": 0.2, "generation": {"max-examples": EXAMPLES}}
    )
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app, config=config)

    @schema.auth(refresh_interval=None)
    class Authentication:
        def get(self, case, context):
            device = "device" in case.operation.tags
            return {"Counterseal-Proof": PROOF} if device else shop.headers

        def set(self, case, data, context):
            case.headers.update(data)

    @schema.hook
    def map_case(context, case):
        # Made up, nearly all would name nothing.
        if case.meta is not None and case.meta.generation.mode.is_positive:
            for place in (case.body, case.query, case.path_parameters):
                for name in known.keys() & place if isinstance(place, dict) else ():
                    names = known.get(operation_of(case), known[name])
                    place[name] = names[len(str(place[name])) % len(names)]
        return case

    @schema.hook
    def filter_failure(context, failure, case, response):
        return not (isinstance(failure, RejectedPositiveData) and unsaid(case, response.json()))

    return schema


def operation_of(case):
    return case.operation.definition.raw["operationId"]


def unsaid(case, problem):
    pattern = UNSAID.get(problem["code"])
    if pattern and case.media_type == FORM:
        pattern = f"{pattern}|{UNSAID_OF_FORMS}"
    return pattern is not None and re.search(pattern, problem.get("detail", "")) is not None


@pytest.mark.timeout(900)  # if `thorough`, on a busy machine
@pytest.mark.filterwarnings("ignore:Generating overly large repr")
def test_schemathesis_finds_no_answer_that_is_not_described(description):
    found, errors, tried, statuses = [], [], Counter(), {}
    for event in from_schema(description).execute():
        if isinstance(event, NonFatalError | FatalError):
            errors.append(event)
        elif isinstance(event, ScenarioFinished):
            tried[event.phase.value] += len(event.recorder.cases)
            for guid, interaction in event.recorder.interactions.items():
                operation = operation_of(event.recorder.cases[guid].value)
                statuses.setdefault(operation, set()).add(interaction.response.status_code)
            found += [
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
    assert not found, "\n".join(map(str, found))
    assert all(tried[phase] for phase in ("coverage", "fuzzing", "stateful")), tried
    # schemathesis leaves out what it has read the description from.
    assert set(statuses) == {each.id for each in OPERATIONS} - {"describe"}
    # Whoever never gets in has tried nothing.
    signed = {"answerRequest", "disownRequest", "finishBind", "rotateKeys"}
    dull = {name for name, told in statuses.items() if not any(code < 300 for code in told)}
    assert dull <= signed, {name: statuses[name] for name in dull}
