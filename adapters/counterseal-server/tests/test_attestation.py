"""Which passkeys browsers may register: the settings, the extra, and the verifier."""

import sys

import pytest

from counterseal.errors import AttestationRefused, InvalidField
from counterseal.models import PasskeyScope
from counterseal_server.attestation import PasskeyVerifier
from counterseal_server.configuration import settings
from counterseal_server.runtime import Runtime
from counterseal_testing import FakeModel, FakePasskey

MODEL = "00000000-0000-0000-0000-000000005eaf"
SCOPE = PasskeyScope(rp_id="shop.example", origins=("https://shop.example",))
CHALLENGE = bytes(32)


@pytest.fixture
def configured(tmp_path):
    def configure(text=""):
        file = tmp_path / "counterseal.toml"
        file.write_text(text)
        return settings({"data": str(tmp_path / "data")}, {}, file)

    return configure


@pytest.fixture
def verifier(configured):
    return lambda text="": PasskeyVerifier(configured(text))


@pytest.fixture
def vendor(tmp_path):
    """A vendor, and the settings that trust its root certificate."""
    model = FakeModel()
    root = tmp_path / "root.pem"
    root.write_bytes(model.root)
    return model, f'[passkey_roots]\npacked = ["{root}"]\n'


@pytest.fixture
def passkey():
    return FakePasskey(rp_id=SCOPE.rp_id, origin=SCOPE.origins[0])


def registered(verifier, model, passkey):
    response = model.create(passkey, CHALLENGE)
    return verifier.verify(response, scope=SCOPE, challenge=CHALLENGE)


def test_by_default_all_models_may_be_registered(verifier, passkey):
    passkey_verifier = verifier()
    passkey_verifier.open()
    assert passkey_verifier.conveyance() == "none"
    assert (
        registered(passkey_verifier, FakeModel(attestation="none"), passkey).passkey.aaguid is None
    )


def test_roots_prove_models(verifier, vendor, passkey):
    model, roots = vendor
    passkey_verifier = verifier(roots)
    passkey_verifier.open()
    assert passkey_verifier.conveyance() == "direct"
    assert registered(passkey_verifier, model, passkey).passkey.aaguid == MODEL
    registered(passkey_verifier, FakeModel(attestation="none"), passkey)


def test_only_allowed_models_may_be_registered(verifier, vendor, passkey):
    model, roots = vendor
    passkey_verifier = verifier(f'passkey_models = ["{MODEL}"]\n{roots}')
    assert registered(passkey_verifier, model, passkey).passkey.aaguid == MODEL
    other = verifier(f'passkey_models = ["{MODEL.replace("5eaf", "0001")}"]\n{roots}')
    for refusing, refused_model in (
        (passkey_verifier, FakeModel(attestation="none")),
        (other, model),
    ):
        with pytest.raises(AttestationRefused):
            registered(refusing, refused_model, passkey)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (f'passkey_models = ["{MODEL.upper()}"]', "passkey_models"),
        ('passkey_models = ["a phone"]', "passkey_models"),
        ("passkey_models = 7", "config: passkey_models"),
        ('passkey_roots = ["root.pem"]', "config: passkey_roots"),
        ('[passkey_roots]\npacked = "root.pem"', "config: passkey_roots.packed"),
        ('[passkey_roots]\npacked = ["/nowhere.pem"]', "passkey_roots"),
        (f'[passkey_roots]\npacked = ["{__file__}"]', "passkey_roots"),
        ("[passkey_roots]\nsafetynet = []", "passkey_roots"),
    ],
)
def test_a_setting_that_does_not_fit_fails_at_the_start(verifier, text, field):
    with pytest.raises(InvalidField) as refused:
        verifier(text).open()
    assert refused.value.field == field


def test_the_environment_names_models(tmp_path):
    environment = {"COUNTERSEAL_PASSKEY_MODELS": f"{MODEL}, {MODEL}"}
    assert settings({"data": str(tmp_path)}, environment).passkey_models == (MODEL, MODEL)
    with pytest.raises(InvalidField, match="only the file"):
        settings({"data": str(tmp_path)}, {"COUNTERSEAL_PASSKEY_ROOTS": "root.pem"})


@pytest.mark.parametrize("field", ["passkey_models", "passkey_roots"])
def test_the_extra_is_named_where_a_setting_needs_it(verifier, vendor, monkeypatch, field):
    monkeypatch.setitem(sys.modules, "counterseal_webauthn", None)
    text = {"passkey_models": f'passkey_models = ["{MODEL}"]', "passkey_roots": vendor[1]}[field]
    with pytest.raises(InvalidField, match=r"counterseal-server\[webauthn\]") as refused:
        verifier(text).open()
    assert refused.value.field == field


def test_without_the_extra_nothing_is_registered_and_the_log_says_why(
    verifier, passkey, monkeypatch, caplog
):
    monkeypatch.setitem(sys.modules, "counterseal_webauthn", None)
    passkey_verifier = verifier()
    passkey_verifier.open()
    with pytest.raises(AttestationRefused):
        passkey_verifier.conveyance()
    with pytest.raises(AttestationRefused):
        registered(passkey_verifier, FakeModel(attestation="none"), passkey)
    assert "needs counterseal-server[webauthn]" in caplog.text


def test_the_runtime_has_the_verifier(configured):
    with Runtime(configured()) as runtime:
        assert runtime.ports.attestation.conveyance() == "none"
