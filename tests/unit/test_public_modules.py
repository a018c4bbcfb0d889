"""Adapters import the modules that are listed here; any other is private to the core."""

import sys
from pathlib import Path

import grimp
import pytest

pytestmark = pytest.mark.one_python

ADAPTERS = Path(__file__).parents[2] / "adapters"

DRIVEN = (
    "fcm",
    "http",
    "keys",
    "oidc",
    "otel",
    "records",
    "redis",
    "relay",
    "sql",
    "webauthn",
    "webpush",
)
"""Adapters behind the ports: records, errors and bytes on the wire are enough for them."""

DRIVING = (
    *("aap", "asgi", "ciba", "client", "demo", "django", "flask", "keycloak"),
    *("mcp", "portal", "pwa", "server", "testing", "web"),
)
"""Packages that call the use cases, through the face of the package."""

FOR_DRIVEN = frozenset(
    f"counterseal.{name}"
    for name in [
        "_stub",
        "errors",
        "ijson",
        "invariants",
        "kinds",
        "models",
        "models.audit_log",
        "models.guid",
        "models.record",
        "models.sealing",
        "observed_store",
        "ports",
        "slots",
        "challenges.documents.messages",
        "outbox.documents",
    ]
)
FOR_DRIVING = FOR_DRIVEN | {
    "counterseal",
    *(
        f"counterseal.{name}"
        for name in [
            "device",
            "memory",
            "models.ciba",
            "models.clients",
            "models.document_hosts",
            "models.passkeys",
            "narrowing",
            "policy",
            "challenges.documents.action",
            "approvals.documents",
            "audit.documents",
            "ceremonies.documents",
            "wire.members",
            "bindings.documents.confirmation",
            "credentials.documents",
            "bindings.documents.device",
            "challenges.documents.display",
            "bindings.documents.enrolment",
            "events.documents",
            "wire.link",
            "wire.members",
            "accounts.documents",
            "wire.problem",
            "challenges.documents.question",
            "challenges.documents.receipt",
            "wire.recognition",
            "tenancy.documents",
            "credentials.documents",
            "wire.telemetry",
            "wire.visible",
        ]
    ),
}

KEYS = "counterseal.keys"
EXCEPTIONS = {
    ("counterseal_webpush.vapid", KEYS): "a push service knows us by a key",
    (
        "counterseal_webpush.vapid",
        "counterseal.keys.jws",
    ): "a device verifies the key of its push service",
    ("counterseal_client.ciba", KEYS): "a CIBA client has a signing key",
    ("counterseal_client.client_authentication", KEYS): "it signs with that key",
    ("counterseal_client.id_token", KEYS): "it verifies an ID token",
    ("counterseal_client.ping", KEYS): "it compares the token of a ping",
    ("counterseal_demo.device_cli.push_receiver", KEYS): "a device decrypts what is pushed",
    ("counterseal_demo.device_cli.attachments", KEYS): "a device compares a document's hash",
    ("counterseal_django.site_actions", "counterseal.actions"): "it registers a type of actions",
    **dict.fromkeys(
        [
            ("counterseal_http.devices", "counterseal.device"),
            ("counterseal_http.devices", "counterseal.bindings.documents.device"),
            ("counterseal_http.devices", "counterseal.wire.members"),
            ("counterseal_http.devices", "counterseal.wire.problem"),
        ],
        "it makes the calls of devices, which stand on no port",
    ),
    ("counterseal_keycloak.bearers", KEYS): "a realm's token is verified by a key of the realm",
    ("counterseal_keys.sealer", KEYS): "a Sealer encrypts",
    ("counterseal_keys.signer", KEYS): "a Signer signs",
    (
        "counterseal_keys.signer",
        "counterseal.bindings.documents.enrolment",
    ): "a prepared key signs nothing else",
    ("counterseal_keys.signing_keys", KEYS): "it loads signing keys",
    (
        "counterseal_keys.signing_keys",
        "counterseal.wire.members",
    ): "its file has times, and unknown members are refused",
    ("counterseal_portal.passkeys", KEYS): "what a browser is given is base64url",
    ("counterseal_portal.visitors", KEYS): "the token of a form is a MAC of the cookie",
    ("counterseal_redis.wake", "counterseal.memory"): "it wakes this process",
    ("counterseal_server.display", "counterseal.actions"): "it knows the labels of claims",
    ("counterseal_server.receipts", KEYS): "the type of a receipt is in its header",
    (
        "counterseal_server.receipts",
        "counterseal.approvals.documents",
    ): "that of a use receipt",
    **dict.fromkeys(
        [
            (
                "counterseal_sql.own_data.approval_request",
                "counterseal.challenges.documents.question",
            ),
            *(
                (f"counterseal_sql.own_data.{module}", "counterseal")
                for module in ("async_requests", "requests", "service", "steps")
            ),
            ("counterseal_sql.own_data.service", "counterseal.approvals.documents"),
            ("counterseal_sql.own_data.service", "counterseal.challenges.documents.action"),
        ],
        "it calls the use cases for a program that is an origin",
    ),
    **dict.fromkeys(
        [
            *(
                (f"counterseal_testing.{module}", KEYS)
                for module in (
                    "histories.answers",
                    "histories.attacks",
                    "histories.devices",
                    "histories.model",
                    "histories.new_devices",
                )
            ),
            ("counterseal_testing.histories.answers", "counterseal.challenges.documents.answer"),
            ("counterseal_testing.histories.attacks", "counterseal.challenges.documents.answer"),
            ("counterseal_testing.histories.attacks", "counterseal.bindings.documents.proof"),
        ],
        "attackers sign and alter tokens",
    ),
    **dict.fromkeys(
        [
            ("counterseal_testing.histories.actors", KEYS),
            ("counterseal_testing.histories.actors", "counterseal.device.ports"),
            ("counterseal_testing.histories.actors", "counterseal.device.pin"),
            ("counterseal_testing.histories.actors", "counterseal.keys.passkeys"),
        ],
        "its devices store keys in each way",
    ),
    **dict.fromkeys(
        [
            ("counterseal_testing.attestation", KEYS),
            ("counterseal_testing.attestation", "counterseal.keys.passkeys"),
            ("counterseal_testing.authenticator", KEYS),
            ("counterseal_testing.authenticator", "counterseal.keys.passkeys"),
            ("counterseal_testing.authenticator", "counterseal.keys.public"),
            ("counterseal_testing.contracts.attestation", KEYS),
            ("counterseal_testing.contracts.attestation", "counterseal.keys.passkeys"),
        ],
        "an authenticator writes what the core reads",
    ),
    **dict.fromkeys(
        [
            ("counterseal_testing.contracts.record_factory", "counterseal.accounts.records"),
            ("counterseal_testing.contracts.record_factory", "counterseal.approvals.records"),
            ("counterseal_testing.contracts.record_factory", "counterseal.models.events"),
            ("counterseal_testing.contracts.record_factory", "counterseal.tenancy.records"),
        ],
        "a record that others lead to has a GUID that is derived",
    ),
    (
        "counterseal_testing.contracts.audit_chain",
        "counterseal.audit.rules",
    ): "a chain is as the core would extend it",
    (
        "counterseal_testing.contracts.audit_tampering",
        "counterseal.audit.rules",
    ): "it compares what the core finds in a changed chain",
    ("counterseal_testing.contracts.signer", "counterseal.keys.jws"): "a signature is verified",
    ("counterseal_testing.service", KEYS): "a passkey of tests may be a signing key",
    (
        "counterseal_testing.service",
        "counterseal.challenges.decisions.issuing",
    ): "it hands on what a capability asks for",
    (
        "counterseal_testing.strategies",
        "counterseal._input_limits",
    ): "it draws what a person can see",
}
"""Imports beside the list, and why: of keys, only keys may touch cryptography."""


@pytest.fixture(autouse=True)
def adapters_in_reach(monkeypatch):
    """Their sources, where the environment has the core alone."""
    for path in ADAPTERS.glob("*/src"):
        monkeypatch.syspath_prepend(path)


def imports(names, core="counterseal"):
    """Return which module of which adapter imports which module of the core."""
    adapters = [f"counterseal_{name}" for name in names]
    graph = grimp.build_graph(core, *adapters, cache_dir=None)
    return {
        (module, imported)
        for module in graph.modules
        if module.partition(".")[0] in adapters
        for imported in graph.find_modules_directly_imported_by(module)
        if imported.partition(".")[0] == core
    }


def private(pairs, public):
    """Return the imports of what is not *public*."""
    return {pair for pair in pairs if pair[1] not in public and pair not in EXCEPTIONS}


@pytest.mark.parametrize(("names", "public"), [(DRIVEN, FOR_DRIVEN), (DRIVING, FOR_DRIVING)])
def test_adapters_import_public_modules_only(names, public):
    assert private(imports(names), public) == set()


def test_every_adapter_is_listed():
    folders = {path.parent.name for path in ADAPTERS.glob("*/pyproject.toml")}
    assert {f"counterseal-{name}" for name in DRIVEN + DRIVING} == folders


def test_every_module_of_the_list_and_every_exception_is_needed():
    driven, driving = imports(DRIVEN), imports(DRIVING)
    assert {imported for _, imported in driven} >= FOR_DRIVEN
    assert {imported for _, imported in driving} | FOR_DRIVEN >= FOR_DRIVING
    assert driven | driving >= EXCEPTIONS.keys()


@pytest.mark.parametrize(
    "module",
    [
        "_plan",
        "_new",
        "new",
        "accounts.rules",
        "accounts.chart",
        "machines",
        "keys",
        "accounts.records",
    ],
)
def test_any_other_module_is_private(tmp_path, monkeypatch, module):
    planted = tmp_path / "counterseal_planted"
    planted.mkdir()
    (planted / "__init__.py").write_text(f"import counterseal.errors, counterseal.{module}\n")
    core = tmp_path / "counterseal"
    path = (core / module.replace(".", "/")).with_suffix(".py")
    path.parent.mkdir(parents=True)
    for name in ("__init__.py", "errors.py", path.relative_to(core), path.parent / "__init__.py"):
        (core / name).touch()
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.startswith("counterseal")]:
        monkeypatch.delitem(sys.modules, name)
    pairs = imports(("planted",))
    expected = {("counterseal_planted", f"counterseal.{module}")}
    assert private(pairs, FOR_DRIVEN) == private(pairs, FOR_DRIVING) == expected
