"""`counterseal verify`: what holds is told, what was changed is refused in one line."""

import json
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from counterseal import jwks_document, keys
from counterseal.errors import ReceiptChanged
from counterseal.models import Action, Algorithm
from counterseal_demo.approval_demo.questions import read
from counterseal_demo.approval_demo.service import set_up
from counterseal_server import receipts
from counterseal_testing import FakeService

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.fixture(scope="module")
def file(output):
    """Return the bytes of the demo's receipt file."""
    return f"{output['receipt']}\n".encode()


def changed(result):
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    return line


def unusable(result):
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    return line


def claims_of(token):
    return keys.read(token, limit=receipts.RECEIPT_FILE_LIMIT).claimed


def sealed(claims, key):
    return keys.sign(key, typ="counterseal-receipt+jwt", claims=claims)


def jwk(key):
    (document,) = jwks_document([key.public])["keys"]
    return {name: value for name, value in document.items() if name != "use"}


def test_a_proven_receipt(run, output, saved_folder):
    result = run("verify", saved_folder / "receipt.txt", "--jwks", saved_folder / "jwks.json")
    assert (result.exit_code, result.stderr) == (0, "")
    claims = claims_of(output["receipt"])
    for part in (
        "issuer proven",
        "Pay for your order?",
        "10.00 EUR",
        "ANSWERED, approved",
        "[0] Pay",
        claims["at"],
        claims["device"],
        "strong key, ES256",
        claims["key"]["kid"],
        claims["history"][1]["thumbprint"],
        "1 of this account",
        "none: it is the first",
    ):
        assert part in result.stdout


def test_the_thumbprint_that_is_printed_proves_the_receipt(run, saved_folder):
    result = run("verify", saved_folder / "receipt.txt", "--json")
    issuer = json.loads(result.stdout)["issuer"]
    assert issuer["proven"] is False
    output = run("verify", saved_folder / "receipt.txt")
    assert "consistent, issuer unproven" in output.stdout
    assert issuer["thumbprint"] in output.stdout
    proven = run(
        "verify", saved_folder / "receipt.txt", "--thumbprint", issuer["thumbprint"], "--json"
    )
    assert json.loads(proven.stdout)["issuer"] == {**issuer, "proven": True}


def test_the_json_is_what_it_says(run, output, saved_folder):
    result = run(
        "verify", saved_folder / "receipt.txt", "--jwks", saved_folder / "jwks.json", "--json"
    )
    document = json.loads(result.stdout)
    claims = claims_of(output["receipt"])
    assert document["display"] == output["display"]
    assert document["at"] == claims["at"]
    assert (document["outcome"], document["approved"]) == ("ANSWERED", True)
    assert (document["button"], document["title"]) == (0, "Pay")
    assert (document["number"], document["previous"]) == (1, "")
    assert document["key"]["role"] == "strong"
    assert document["key"]["kid"] in {key["kid"] for key in output["keys"]["keys"]}


def test_a_disown_is_shown_as_one(run):
    service = set_up(read(None), Algorithm.EDDSA)
    exchange = service.ask(read(None))
    token = service.device.disown(exchange.challenge.display)
    ended = service.answers.disown(exchange.call(token))
    result = run("verify", "-", stdin=ended.outcome.receipt)
    assert "DISOWNED, not approved" in result.stdout
    assert 'none: "this was not me"' in result.stdout
    assert "device key, EdDSA" in result.stdout
    assert "possession of the key" in result.stdout
    assert "knowledge" not in result.stdout


def test_a_second_receipt_names_the_first(run):
    service = set_up(read(None), Algorithm.ES256)
    first, second = (
        service.answers.answer(exchange.call(exchange.press(0))).outcome.receipt
        for exchange in [service.ask(read(None)) for _ in range(2)]
    )
    one, two = (
        json.loads(run("verify", "-", "--json", stdin=token).stdout) for token in (first, second)
    )
    assert (two["number"], two["previous"]) == (2, one["hash"])
    assert one["hash"] in run("verify", "-", stdin=second).stdout


def test_a_refusal_is_shown_as_one(run, tmp_path):
    run("demo", "--answer", "1", "--save", tmp_path)
    result = run("verify", tmp_path / "receipt.txt")
    assert "ANSWERED, not approved" in result.stdout
    assert "device key, ES256" in result.stdout


def test_standard_input_and_no_line_end(run, output):
    assert run("verify", "-", stdin=output["receipt"].encode()).exit_code == 0


def test_every_byte_counts(file):
    # Without a trusted key, which is the weaker judge.
    for position, byte in enumerate(file):
        other = ALPHABET[(ALPHABET.find(byte) + 1) % len(ALPHABET)]
        forged = file[:position] + bytes([other]) + file[position + 1 :]
        with pytest.raises(ReceiptChanged):
            receipts.check_receipt(forged)


@given(data=st.data())
def test_every_byte_counts_whatever_it_becomes(file, data):
    position = data.draw(st.integers(0, len(file) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != file[position]))
    with pytest.raises(ReceiptChanged):
        receipts.check_receipt(file[:position] + bytes([byte]) + file[position + 1 :])


@given(data=st.data())
def test_nothing_can_be_put_in_or_taken_out(file, data):
    position = data.draw(st.integers(0, len(file)))
    with pytest.raises(ReceiptChanged):
        receipts.check_receipt(
            file[:position] + bytes([data.draw(st.integers(0, 255))]) + file[position:]
        )
    length = data.draw(st.integers(0, len(file) - 2))
    with pytest.raises(ReceiptChanged):
        receipts.check_receipt(file[:length] + file[length + 1 :])


@pytest.mark.parametrize("trusted", [True, False], ids=["jwks", "no jwks"])
def test_a_changed_receipt_on_the_command_line(run, saved_folder, file, trusted):
    options = ["--jwks", saved_folder / "jwks.json"] if trusted else []
    positions = {*range(0, len(file), 150), *range(len(file) - 5, len(file))}
    for position in sorted(positions):
        forged = bytes([*file[:position], file[position] ^ 1, *file[position + 1 :]])
        (saved_folder / "receipt.txt").write_bytes(forged)
        line = changed(run("verify", saved_folder / "receipt.txt", *options))
        assert line.startswith(("receipt: receipt_changed: ", "receipt: issuer_untrusted: "))


@pytest.mark.parametrize(
    "data", [b"", b"\n", b".", b"..", b"a.b.c", b"\xff" * 10, b"{}", b"x" * 1_048_577]
)
def test_what_is_no_receipt(run, data):
    assert changed(run("verify", "-", stdin=data)).startswith("receipt: receipt_changed: ")


def test_a_whole_receipt_with_fresh_keys(run, saved_folder, tmp_path):
    # Another service, as real as the first: consistent, and not to be trusted.
    run("demo", "--save", tmp_path / "forged")
    forged = tmp_path / "forged" / "receipt.txt"
    assert "consistent, issuer unproven" in run("verify", forged).stdout
    line = changed(run("verify", forged, "--jwks", saved_folder / "jwks.json"))
    assert line == "receipt: issuer_untrusted: it is signed by a key that is not trusted"
    own = json.loads(run("verify", saved_folder / "receipt.txt", "--json").stdout)["issuer"][
        "thumbprint"
    ]
    assert changed(run("verify", forged, "--thumbprint", own)) == line


def test_forged_receipts_in_the_service_s_name(run, output, saved_folder):
    claims = claims_of(output["receipt"])
    forger = keys.generate(Algorithm.ES256, kid=claims["issuer"]["kid"])
    changes = {"approved": False, "number": 2, "previous": "x" * 43}
    own_key = sealed({**claims, **changes, "issuer": jwk(forger)}, forger)
    stolen_name = sealed({**claims, **changes}, forger)
    for token, code in ((own_key, "issuer_untrusted"), (stolen_name, "receipt_changed")):
        line = changed(run("verify", "-", "--jwks", saved_folder / "jwks.json", stdin=token))
        assert line.startswith(f"receipt: {code}: ")


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("approved", False),
        ("outcome", "DISOWNED"),
        ("role", "device"),
        ("at", "2099-01-01T00:00:00.000Z"),
        ("number", 0),
        ("previous", "x" * 43),
        ("device", "2b4c0d6e-1111-8222-8333-444455556666"),
        ("display", "{}"),
        ("answer", "a.b.c"),
        ("history", []),
    ],
)
def test_a_signer_cannot_contradict_the_device(run, output, claim, value):
    forger = keys.generate(Algorithm.ES256, kid="forger")
    claims = {**claims_of(output["receipt"]), "issuer": jwk(forger), claim: value}
    assert "receipt_changed" in changed(run("verify", "-", stdin=sealed(claims, forger)))


def test_a_signer_s_strange_document_is_refused(run, output):
    # The device that signs is the forger's too: only its shape is not ours.
    service = keys.generate(Algorithm.ES256, kid="service")
    phone = keys.generate(Algorithm.ES256, kid="phone")
    claims = claims_of(output["receipt"])
    document = json.loads(claims["display"])
    document["content"] = {"\x1b[2J": "\u202e"}
    claims["display"] = rfc8785.dumps(document).decode()
    answer = {
        **claims_of(claims["answer"]),
        "display": keys.digest(claims["display"].encode()),
    }
    claims |= {
        "issuer": jwk(service),
        "key": jwk(phone),
        "answer": keys.sign(phone, typ="counterseal-answer+jwt", claims=answer),
        "history": [{"at": claims["at"], "role": "strong", "thumbprint": phone.public.thumbprint}],
    }
    result = run("verify", "-", stdin=sealed(claims, service))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "jwks"),
        ("{", "jwks"),
        ("[]", "jwks"),
        ("{}", "jwks"),
        ('{"keys": []}', "jwks"),
        ('{"keys": {}}', "jwks"),
        ('{"keys": [5]}', "jwks.keys[0]"),
        ('{"keys": [{"kid": "a", "alg": "none", "kty": "EC"}]}', "jwks"),
        ('{"keys": [{"kid": "a", "alg": "ES256", "kty": "EC", "crv": "P-256"}]}', "jwks.keys[0].x"),
        ('{"keys": [{"kty": "oct", "k": "AAAA"}]}', "jwks.keys[0].kid"),
    ],
)
def test_bad_key_sets(run, saved_folder, text, field):
    (saved_folder / "bad.json").write_text(text)
    line = unusable(
        run("verify", saved_folder / "receipt.txt", "--jwks", saved_folder / "bad.json")
    )
    assert line.startswith(f"{field}: ")


def test_the_demo_s_whole_json_is_no_key_set(run, output, saved_folder):
    (saved_folder / "demo.json").write_text(json.dumps(output))
    line = unusable(
        run("verify", saved_folder / "receipt.txt", "--jwks", saved_folder / "demo.json")
    )
    assert line == "jwks: not a JWK Set"


@pytest.mark.parametrize("text", ["", "abc", "x" * 44, "+" * 43, "x" * 42 + "\n"])
def test_bad_thumbprints(run, saved_folder, text):
    line = unusable(run("verify", saved_folder / "receipt.txt", "--thumbprint", text))
    assert line.startswith("thumbprint: ")


def test_files_that_are_not_there(run, saved_folder):
    assert unusable(run("verify", saved_folder / "none")).startswith("receipt: cannot read ")
    line = unusable(run("verify", saved_folder / "receipt.txt", "--jwks", saved_folder / "none"))
    assert line.startswith("jwks: cannot read ")


def test_two_kinds_of_trust_are_one_too_many(run, saved_folder):
    options = ["--jwks", saved_folder / "jwks.json", "--thumbprint", "x" * 43]
    assert unusable(run("verify", saved_folder / "receipt.txt", *options)).startswith(
        "thumbprint: "
    )


def test_a_receipt_of_a_passkey_says_what_its_assertion_proves(run, tmp_path):
    vectors = Path(__file__).parents[3] / "tests" / "vectors"
    (vector, *_) = json.loads((vectors / "passkey.json").read_text())["receipts"]
    trusted = json.loads((vectors / "receipt.json").read_text())["trusted"]
    (tmp_path / "jwks.json").write_text(json.dumps(trusted))
    (tmp_path / "receipt.txt").write_text(vector["token"])
    result = run("verify", tmp_path / "receipt.txt", "--jwks", tmp_path / "jwks.json")
    assert (result.exit_code, result.stderr) == (0, "")
    for part in (
        "issuer proven",
        "strong key, WA-ES256",
        "user verified, on https://auth.example.com; may be copied to other devices",
        "possession of the key; knowledge or inherence, unknown which",
    ):
        assert part in " ".join(result.stdout.split())
    output = run("verify", tmp_path / "receipt.txt", "--json")
    document = json.loads(output.stdout)
    assert document["factors"] == ["possession", "knowledge-or-inherence"]
    assert document["passkey"] == {
        "origin": "https://auth.example.com",
        "userVerified": True,
        "backupEligible": True,
        "backedUp": True,
    }


class TestUseReceipts:
    """The receipt of the use of an approved action is verified by the same command."""

    @pytest.fixture
    def used(self, tmp_path):
        """Write a use receipt, its approval and the keys; return their folder."""
        service = FakeService()
        phone, arguments = service.bind("alice"), {"to": "zoe@example.com"}
        action = Action(type="tool-call", resource="send_mail", arguments=arguments)
        challenge = service.ask("alice", action).challenge
        answered = phone.answer(challenge)
        used = service.actions.consume(service.origin, challenge.guid, arguments)
        (tmp_path / "approval.txt").write_text(answered.outcome.receipt)
        (tmp_path / "use.txt").write_text(f"{used.use.receipt}\n")
        document = jwks_document(service.ports.signer.jwks())
        (tmp_path / "jwks.json").write_text(json.dumps(document))
        return tmp_path

    def test_a_person_reads_what_was_used(self, run, used):
        result = run("verify", used / "use.txt", "--jwks", used / "jwks.json")

        assert (result.exit_code, result.stderr) == (0, "")
        for part in ("tool-call", "as approved", "issuer proven", "What was used"):
            assert part in result.stdout

    def test_the_json_names_the_approval(self, run, used):
        result = run("verify", used / "use.txt", "--jwks", used / "jwks.json", "--json")
        approval = run("verify", used / "approval.txt", "--json")
        document = json.loads(result.stdout)

        assert document["issuer"]["proven"]
        assert document["arguments"] == "matched"
        assert document["approval"] == json.loads(approval.stdout)["hash"]
        assert document["action"] == json.loads(approval.stdout)["display"]["action"]["digest"]

    def test_one_that_was_changed_is_refused(self, run, used):
        header, claims, signature = (used / "use.txt").read_text().split(".")
        (used / "use.txt").write_text(f"{header}.{claims[:-1]}.{signature}")

        assert changed(run("verify", used / "use.txt")).startswith("receipt: receipt_changed")

    def test_one_of_another_service_is_untrusted(self, run, used, saved_folder):
        result = run("verify", used / "use.txt", "--jwks", saved_folder / "jwks.json")
        assert "issuer_untrusted" in changed(result)
