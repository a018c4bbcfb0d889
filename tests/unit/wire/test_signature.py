"""Message signatures: by RFC 9421's own example, by another library, by hand, and by whatever."""

import base64
import hashlib
import hmac
import re
from types import SimpleNamespace

import pytest
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    InvalidSignature,
    algorithms,
)
from hypothesis import given
from hypothesis import strategies as st
from readers import enough_is_read, mostly_sound, read_or_refuse

from counterseal import keys
from counterseal.credentials.documents import (
    FIELDS,
    content_digest,
    fields_of,
    message_mac,
    read_signature,
    signature_base,
    write_signature,
)
from counterseal.errors import CredentialRefused
from counterseal.models.guid import mint

GUID = mint(3, bytes(15))
SECRET = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
URI = "https://auth.example.com/api/request/add?a=1&b=2"
NONCE = "0123456789abcdefghijkl"
CREATED = 1618884473
BODY = b'{"accountId":"alice"}'
JSON = ("Content-Type", "application/json")
KEYED = ("Idempotency-Key", "order-7")

nonces = st.text("ABCabc019+/_-=", min_size=22, max_size=128)
values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)


def signed_headers(headers=(), **changes):
    message = {
        "guid": GUID,
        "method": "POST",
        "uri": URI,
        "body": BODY,
        "created": CREATED,
        "nonce": NONCE,
    }
    return dict(write_signature(SECRET, headers=headers, **message | changes))


def read(headers_, headers=(), body=BODY):
    return read_signature(fields_of([*headers, *headers_.items()]), body)


class Keys(HTTPSignatureKeyResolver):
    def resolve_public_key(self, key_id):
        return SECRET.encode()

    resolve_private_key = resolve_public_key


def library(kind):
    return kind(signature_algorithm=algorithms.HMAC_SHA256, key_resolver=Keys())


def message(headers, method="POST", uri=URI):
    return SimpleNamespace(method=method, url=uri, headers=dict(headers))


class TestTheRfc:
    def test_appendix_b_2_5(self):
        """The published example of `hmac-sha256`: its base, and its signature."""
        key = base64.b64decode(
            "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="
        )
        parameters = (
            '("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"'
        )
        base = signature_base(
            [
                ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
                ("@authority", "example.com"),
                ("content-type", "application/json"),
            ],
            parameters,
        )
        assert base.decode() == (
            '"date": Tue, 20 Apr 2021 02:07:55 GMT\n'
            '"@authority": example.com\n'
            '"content-type": application/json\n'
            f'"@signature-params": {parameters}'
        )
        signature = base64.b64encode(keys.mac(key, base)).decode()
        assert signature == "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8="

    def test_of_the_digest(self):
        """RFC 9530, appendix D: the bodies of its examples."""
        assert content_digest(b'{"hello": "world"}') == (
            "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"
        )
        assert content_digest(b"") == "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"


class TestAnotherLibrary:
    @given(
        st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]),
        st.binary(max_size=200),
        st.lists(st.sampled_from([JSON, KEYED]), unique=True),
        nonces,
        st.integers(0, 10**11),
    )
    def test_verifies_what_we_write(self, method, body, headers, nonce, created):
        signed = signed_headers(headers, method=method, body=body, nonce=nonce, created=created)
        verifier = library(HTTPMessageVerifier)
        verifier.validate_created_and_expires = lambda *_, **__: None
        (result,) = verifier.verify(
            message([*headers, *signed.items()], method), expect_tag="counterseal", body=body
        )
        covered = [str(name).strip('"') for name in result.covered_components]
        assert covered[:3] == ["@method", "@target-uri", "content-digest"]
        assert sorted(covered[3:-1]) == sorted(name.lower() for name, _ in headers)
        assert result.parameters["nonce"] == nonce
        assert result.parameters["keyid"] == GUID

    def test_refuses_what_was_changed(self):
        """So that the test above can fail."""
        signed = signed_headers()
        verifier = library(HTTPMessageVerifier)
        verifier.validate_created_and_expires = lambda *_, **__: None
        with pytest.raises(InvalidSignature):
            verifier.verify(message(signed, "PUT"), expect_tag="counterseal")

    @given(st.lists(st.sampled_from([JSON, KEYED]), unique=True), nonces, st.binary(max_size=200))
    def test_writes_what_we_verify(self, headers, nonce, body):
        covered = ["content-type", "idempotency-key"]
        there = {name.lower() for name, _ in headers}
        request = message([*headers, ("Content-Digest", content_digest(body))])
        library(HTTPMessageSigner).sign(
            request,
            key_id=GUID,
            nonce=nonce,
            tag="counterseal",
            label="counterseal",
            include_alg=True,
            use_existing_digest=True,
            covered_component_ids=(
                "@method",
                "@target-uri",
                "content-digest",
                *(name for name in covered if name in there),
            ),
        )
        fields = fields_of(request.headers.items())
        claimed = read_signature(fields, body)
        assert (claimed.guid, claimed.nonce) == (GUID, nonce)
        signature = message_mac(
            SECRET, method="POST", uri=URI, fields=fields, parameters=claimed.parameters
        )
        assert signature == claimed.signature


class TestOurs:
    def test_is_written_as_documented(self):
        signed = signed_headers([KEYED, ("Accept", "*/*"), JSON])
        assert signed["content-digest"] == content_digest(BODY)
        assert signed["signature-input"] == (
            'counterseal=("@method" "@target-uri" "content-digest" "content-type"'
            f' "idempotency-key");created={CREATED};keyid="{GUID}";nonce="{NONCE}"'
            ';alg="hmac-sha256";tag="counterseal"'
        )
        base = (
            f'"@method": POST\n"@target-uri": {URI}\n'
            f'"content-digest": {content_digest(BODY)}\n'
            '"content-type": application/json\n"idempotency-key": order-7\n'
            f'"@signature-params": {signed["signature-input"].removeprefix("counterseal=")}'
        )
        mac = hmac.digest(SECRET.encode(), base.encode(), hashlib.sha256)
        assert signed["signature"] == f"counterseal=:{base64.b64encode(mac).decode()}:"

    @given(st.lists(st.tuples(st.sampled_from([*FIELDS, "Accept", "x"]), values), max_size=4))
    def test_is_read_as_it_was_written_or_not_written(self, headers):
        names = [name for name, _ in headers]
        ours = [*headers]
        try:
            signed = signed_headers(ours)
        except CredentialRefused:
            assert len({*names, "content-digest"} & FIELDS) < len(
                [name for name in [*names, "content-digest"] if name in FIELDS]
            )
            return
        covered = [pair for pair in headers if pair[0] not in signed]
        claimed = read(signed, covered)
        assert (claimed.guid, claimed.created, claimed.nonce) == (GUID, CREATED, NONCE)

    def test_shows_neither_nonce_nor_signature(self):
        text = repr(read(signed_headers()))
        assert GUID in text
        assert NONCE not in text
        assert "signature" not in text

    @given(st.data())
    def test_no_two_messages_are_signed_alike(self, data):
        """What is signed gives back every part of the message."""
        covered = data.draw(st.lists(st.sampled_from(["content-type", "idempotency-key"])))
        draw = {name: data.draw(values).strip() for name in covered}
        uri = f"https://a.example/{data.draw(values.map(str.strip))}"
        signed = signed_headers(draw.items(), uri=uri)
        parameters = signed["signature-input"].removeprefix("counterseal=")
        fields = {**draw, "content-digest": signed["content-digest"]}
        components = [("@method", "POST"), ("@target-uri", uri)] + [
            (name, fields[name])
            for name in ("content-digest", "content-type", "idempotency-key")
            if name in fields
        ]
        lines = signature_base(components, parameters).decode().split("\n")
        parsed = dict(re.fullmatch(r'"([^"]+)": (.*)', line).groups() for line in lines)
        assert parsed == dict(components) | {"@signature-params": parameters}


SOUND = signed_headers()
INPUT, SIGNATURE = SOUND["signature-input"], SOUND["signature"]


def but(name, *change):
    return SOUND | {name: SOUND[name].replace(*change, 1)}


MALFORMED = {
    "another label": but("signature-input", "counterseal=(", "sig1=("),
    "another label of the signature": but("signature", "counterseal=", "sig1="),
    "a second signature": SOUND
    | {"signature-input": f"{INPUT}, b{INPUT}", "signature": f"{SIGNATURE}, b{SIGNATURE}"},
    "a second input": SOUND | {"signature-input": f"{INPUT}, b{INPUT}"},
    "the input twice": SOUND | {"signature-input": f"{INPUT},{INPUT}"},
    "the signature twice": SOUND | {"signature": f"{SIGNATURE}, {SIGNATURE}"},
    "no component": but("signature-input", '"@method" "@target-uri" "content-digest"', ""),
    "without the method": but("signature-input", '"@method" ', ""),
    "without the address": but("signature-input", '"@target-uri" ', ""),
    "without the digest": but("signature-input", ' "content-digest"', ""),
    "another order": but("signature-input", '"@method" "@target-uri"', '"@target-uri" "@method"'),
    "a component more": but("signature-input", '"content-digest")', '"content-digest" "date")'),
    "a component twice": but("signature-input", '"@method" ', '"@method" "@method" '),
    "a component that is not there": but(
        "signature-input", '"content-digest")', '"content-digest" "content-type")'
    ),
    "the path for the address": but("signature-input", '"@target-uri"', '"@path"'),
    "a component with a parameter": but("signature-input", '"@method"', '"@method";req'),
    "two spaces": but("signature-input", '"@method" ', '"@method"  '),
    "upper case": but("signature-input", '"content-digest"', '"Content-Digest"'),
    "no time": but("signature-input", f";created={CREATED}", ""),
    "no key": but("signature-input", f';keyid="{GUID}"', ""),
    "no nonce": but("signature-input", f';nonce="{NONCE}"', ""),
    "no algorithm": but("signature-input", ';alg="hmac-sha256"', ""),
    "no tag": but("signature-input", ';tag="counterseal"', ""),
    "an end": SOUND | {"signature-input": f"{INPUT};expires=1618884999"},
    "a parameter more": SOUND | {"signature-input": f"{INPUT};x=1"},
    "a parameter without a value": SOUND | {"signature-input": f"{INPUT};x"},
    "a parameter twice": SOUND | {"signature-input": f"{INPUT};created={CREATED}"},
    "one twice and one missing": but("signature-input", ';tag="counterseal"', ';alg="hmac-sha256"'),
    "a space before a parameter": but("signature-input", ";created", "; created"),
    "a time that is a text": but("signature-input", str(CREATED), f'"{CREATED}"'),
    "a time with a fraction": but("signature-input", str(CREATED), f"{CREATED}.0"),
    "a time below zero": but("signature-input", str(CREATED), f"-{CREATED}"),
    "a time with a zero before it": but("signature-input", str(CREATED), f"0{CREATED}"),
    "a time of many digits": but("signature-input", str(CREATED), "1" * 13),
    "a key that is no GUID": but("signature-input", GUID, "shop"),
    "a key in upper case": but("signature-input", GUID, "A" * 36),
    "a token for a text": but("signature-input", f'"{NONCE}"', NONCE),
    "a short nonce": but("signature-input", NONCE, NONCE[:21]),
    "a long nonce": but("signature-input", NONCE, "a" * 129),
    "a nonce of other characters": but("signature-input", NONCE, "ä" * 22),
    "a nonce with a quoted quote": but("signature-input", NONCE, NONCE + '\\"'),
    "another algorithm": but("signature-input", "hmac-sha256", "rsa-v1_5-sha256"),
    "an algorithm in upper case": but("signature-input", "hmac-sha256", "HMAC-SHA256"),
    "another tag": but("signature-input", 'tag="counterseal"', 'tag="webhook"'),
    "no signature": {name: SOUND[name] for name in ("content-digest", "signature-input")},
    "no input": {name: SOUND[name] for name in ("content-digest", "signature")},
    "no digest": {name: SOUND[name] for name in ("signature-input", "signature")},
    "an empty signature": SOUND | {"signature": "counterseal=::"},
    "a signature that is a text": but("signature", "counterseal=:", 'counterseal=":'),
    "a signature with a parameter": SOUND | {"signature": f"{SIGNATURE};x"},
    "a signature of 31 bytes": SOUND
    | {"signature": f"counterseal=:{base64.b64encode(bytes(31)).decode()}:"},
    "a signature with bits left over": SOUND | {"signature": f"counterseal=:{'A' * 42}B=:"},
    "a signature in base64url": SOUND | {"signature": f"counterseal=:{'-' * 43}=:"},
    "a digest of another body": SOUND | {"content-digest": content_digest(b"")},
    "a digest by another algorithm": but("content-digest", "sha-256", "sha-512"),
    "two digests": but("content-digest", "sha-256", "sha-512=:AA==:, sha-256"),
    "a digest with a parameter": SOUND | {"content-digest": SOUND["content-digest"] + ";x"},
    "a digest without padding": but("content-digest", "=:", ":"),
}


class TestWhatIsNone:
    @pytest.mark.parametrize("signed", MALFORMED.values(), ids=MALFORMED.keys())
    def test_is_refused(self, signed):
        assert signed != SOUND
        with pytest.raises(CredentialRefused):
            read(signed)

    @pytest.mark.parametrize("name", sorted(FIELDS))
    @pytest.mark.parametrize("other", [str.lower, str.upper])
    def test_a_header_twice(self, name, other):
        pairs = [JSON, KEYED, *signed_headers([JSON, KEYED]).items()]
        (value,) = [value for each, value in pairs if each.lower() == name]
        assert read_signature(fields_of(pairs), BODY)
        with pytest.raises(CredentialRefused):
            fields_of([*pairs, (other(name), value)])

    @pytest.mark.parametrize("header", [JSON, KEYED])
    def test_a_header_that_was_added_or_taken_away(self, header):
        with pytest.raises(CredentialRefused):
            read(signed_headers(), [header])
        with pytest.raises(CredentialRefused):
            read(signed_headers([header]))
        assert read(signed_headers([header]), [header])

    @pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\n", "\x0ba", "ä", "\0", "a\tb", "\x7f"])
    def test_a_value_that_is_no_line(self, value):
        with pytest.raises(CredentialRefused):
            signed_headers([("idempotency-key", value)])

    def test_spaces_around_a_value_do_not_count(self):
        signed = signed_headers([JSON])
        spaced = {name: f" \t{value} " for name, value in signed.items()}
        assert read(spaced, [("content-type", " application/json ")]) == read(signed, [JSON])

    def test_nothing_else_around_a_value_goes(self):
        keyed = ("Idempotency-Key", "XX-7-XX")
        assert fields_of([keyed]) == {"idempotency-key": "XX-7-XX"}

    def test_without_a_body_the_digest_is_that_of_nothing(self):
        signed = write_signature(
            SECRET, guid=GUID, method="GET", uri=URI, created=CREATED, nonce=NONCE
        )
        assert read(dict(signed), body=b"").nonce == NONCE

    def test_the_order_of_the_parameters_is_free_and_signed(self):
        head, _, rest = INPUT.partition(";")
        turned = f"{head};{';'.join(reversed(rest.split(';')))}"
        claimed = read(SOUND | {"signature-input": turned})
        assert (claimed.guid, claimed.created, claimed.nonce) == (GUID, CREATED, NONCE)
        fields = fields_of(SOUND.items())
        mac = message_mac(
            SECRET, method="POST", uri=URI, fields=fields, parameters=claimed.parameters
        )
        assert mac != claimed.signature

    @enough_is_read
    @given(
        mostly_sound(
            st.builds(signed_headers, nonce=nonces, created=st.integers(1, 2**31)),
            st.dictionaries(st.sampled_from(sorted(FIELDS)), st.text() | st.sampled_from([INPUT])),
        ),
    )
    def test_whatever_comes_is_refused_by_name(self, headers):
        headers = {name: str(value) for name, value in headers.items()}
        claimed = read_or_refuse(
            lambda headers: read_signature(fields_of(headers.items()), BODY),
            headers,
            CredentialRefused,
        )
        if claimed is None:
            return
        assert headers["content-digest"].strip() == content_digest(BODY)
        assert len(claimed.signature) == 32

    @given(st.integers(0, len(INPUT) - 1), st.characters(max_codepoint=126))
    def test_no_other_character_goes_unnoticed(self, index, character):
        """Whatever one character becomes, it is refused or signed."""
        changed = INPUT[:index] + character + INPUT[index + 1 :]
        if changed == INPUT:
            return
        signed = SOUND | {"signature-input": changed}
        try:
            fields = fields_of(signed.items())
            claimed = read_signature(fields, BODY)
        except CredentialRefused:
            return
        mac = message_mac(
            SECRET, method="POST", uri=URI, fields=fields, parameters=claimed.parameters
        )
        # White space around the whole is not part of the value.
        assert mac != claimed.signature or changed.strip() == INPUT
