"""schemathesis reads the description that is served, and tries everything that follows from it."""

from collections import Counter
from io import BytesIO
from urllib.parse import quote

import pytest
import schemathesis
from hypothesis import settings
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished

from counterseal_flask.incoming import PATH_SAFE

BASE = "https://service.example"
PROOF = "a proof, made when it is known for what"
EXAMPLES = max(10, settings.default.max_examples // 10)


class Prover:
    """Around the application: puts a fresh proof of a phone in the place of `PROOF`."""

    def __init__(self, app, phone):
        self.app = app
        self.phone = phone

    def __call__(self, environ, start_response):
        if environ.get("HTTP_COUNTERSEAL_PROOF") == PROOF:
            length = int(environ.get("CONTENT_LENGTH") or 0)
            body = environ["wsgi.input"].read(length)
            environ["wsgi.input"] = BytesIO(body)
            path = quote(environ["PATH_INFO"].encode("latin-1"), safe=PATH_SAFE)
            query = environ["QUERY_STRING"]
            call = self.phone.device.call(
                environ["REQUEST_METHOD"], f"{BASE}{path}{'?' if query else ''}{query}", body
            )
            environ["HTTP_COUNTERSEAL_PROOF"] = call.proof
        return self.app(environ, start_response)


@pytest.fixture
def description(app, shop, handset):
    app.wsgi_app = Prover(app.wsgi_app, handset.phone)
    config = SchemathesisConfig.from_dict({"seed": 1, "generation": {"max-examples": EXAMPLES}})
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app, config=config)

    @schema.auth()
    class Authentication:
        def get(self, case, context):
            if "device" in case.operation.tags:
                return {"Counterseal-Proof": PROOF}
            return shop.headers

        def set(self, case, data, context):
            case.headers.update(data)

    return schema


def test_schemathesis_finds_no_answer_that_is_not_described(description):
    failures, tried = {}, Counter()
    for event in from_schema(description).execute():
        if isinstance(event, NonFatalError | FatalError):
            print(event, vars(event) if hasattr(event,"__dict__") else "")
        if isinstance(event, ScenarioFinished):
            tried[event.phase] += len(event.recorder.cases)
            for checks in event.recorder.checks.values():
                for check in checks:
                    if check.failure_info is not None:
                        f = check.failure_info
                        failures.setdefault((check.name, event.recorder.label, f.failure.title), []).append(f"{f.failure.message}\n{f.code_sample}")
    print(tried)
    for k, v in failures.items():
        print(k, len(v), v[0][:900])
    assert not failures
