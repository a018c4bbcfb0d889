"""CX1 and Basic: the two headers of an origin, by vectors, by hand, and by whatever comes."""

import base64
import hashlib
import hmac
import json
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from readers import enough_is_read, mostly_sound, read_or_refuse

from counterseal.credentials.documents import (
    BasicHeader,
    Cx1Header,
    cx1_mac,
    read_basic,
    read_cx1,
    write_basic,
    write_cx1,
)
from counterseal.errors import CredentialRefused
from counterseal.models import guid

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "cx1-hmac.json").read_text("utf-8"))
HEADER = VECTORS["documented_header_to_parse"]
GUID, TIME, SECRET = VECTORS["guid"], VECTORS["timestamp_ms"], VECTORS["secret_text"]
ID = guid.mint(7, bytes(15))


def request(vector):
    return {
        "method": vector["method"],
        "uri": vector["uri"],
        "guid": GUID,
        "body": vector["body"].encode(),
    }


def b64(data):
    return base64.b64encode(data).decode()


class TestCx1:
    @pytest.mark.parametrize("vector", VECTORS["valid"], ids=lambda vector: vector["method"])
    def test_signs_as_the_vectors_say(self, vector):
        signature = cx1_mac(SECRET, milliseconds=str(TIME), **request(vector))
        assert b64(signature) == vector["signature"]
        header = write_cx1(SECRET, milliseconds=TIME, **request(vector))
        assert header == f"CX1-HMAC-SHA256,{GUID}/{TIME},{vector['signature']}"
        assert read_cx1(header).signature == signature

    @pytest.mark.parametrize("vector", VECTORS["invalid"], ids=lambda vector: vector["why"])
    def test_does_not_sign_what_others_got_wrong(self, vector):
        signature = cx1_mac(SECRET, milliseconds=str(TIME), **request(vector))
        assert b64(signature) != vector["signature"]

    def test_signs_the_joined_pieces_and_of_a_get_no_body(self):
        for method, body in (("GET", b""), ("POST", b"body"), ("DELETE", b""), ("get", b"body")):
            signed = f"{method}https://x/?a=ü123{ID}".encode() + body
            assert (
                cx1_mac(
                    "secret",
                    method=method,
                    uri="https://x/?a=ü",
                    milliseconds="123",
                    guid=ID,
                    body=body,
                )
                == hmac.new(b"secret", signed, hashlib.sha256).digest()
            )
        two = [
            cx1_mac("secret", method="GET", uri="u", milliseconds="1", guid=ID, body=body)
            for body in (b"", b"unsigned")
        ]
        assert two[0] == two[1]

    @pytest.mark.parametrize(
        "change",
        [
            {"method": "POST"},
            {"uri": "https://x/y?a=2&z=1"},
            {"uri": "http://x/y?z=1&a=2"},
            {"milliseconds": "0123"},
            {"milliseconds": "124"},
            {"body": b"{} "},
            {"body": b""},
            {"guid": guid.mint(8, bytes(15))},
            {"secret": "secreT"},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_signs_otherwise_whatever_changes(self, change):
        sound = {
            "secret": "secret",
            "method": "PUT",
            "uri": "https://x/y?z=1&a=2",
            "milliseconds": "123",
            "guid": ID,
            "body": b"{}",
        }
        macs = [
            cx1_mac(arguments.pop("secret"), **arguments)
            for arguments in (sound | {}, sound | change)
        ]
        assert macs[0] != macs[1]

    def test_reads_the_documented_header(self):
        assert read_cx1(HEADER) == Cx1Header(
            guid="306e8e0e-ee83-4bff-b1ff-8847931d83ec",
            milliseconds="1547654144951",
            signature=base64.b64decode("ec9vkJcJFfSfdXXdwdglqP113Ov1F9S2BjhLxMsLHQo="),
        )
        assert len(read_cx1(HEADER).signature) == 32

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "CX1-HMAC-SHA256",
            HEADER + " ",
            " " + HEADER,
            HEADER + "\n",
            HEADER.lower(),
            HEADER.replace("CX1-HMAC-SHA256", "CX1-HMAC-SHA512"),
            HEADER.replace("CX1-HMAC-SHA256,", "CX1-HMAC-SHA256 "),
            HEADER.replace(",", ", "),
            HEADER.replace("/1547654144951", "//1547654144951"),
            HEADER.replace("/1547654144951,", ","),
            HEADER.replace("1547654144951", "-1547654144951"),
            HEADER.replace("1547654144951", "+1547654144951"),
            HEADER.replace("1547654144951", "1547654144951.0"),
            HEADER.replace("1547654144951", "1.5e12"),
            HEADER.replace("1547654144951", "0x16859"),
            HEADER.replace("1547654144951", ""),
            HEADER.replace("1547654144951", "1" * 16),
            HEADER.replace("1547654144951", "01547654144951"),  # the end of an address before it
            HEADER.replace("1547654144951", "00"),
            HEADER.replace("1547654144951", "١٥٤٧٦٥٤١٤٤٩٥١"),
            HEADER.replace("306e8e0e", "306E8E0E"),
            HEADER.replace("306e8e0e-", "306e8e0e"),
            HEADER.replace("306e8e0e", "306e8e0g"),
            HEADER.replace("306e8e0e", "{306e8e0e"),
            HEADER.removesuffix("="),
            HEADER + "=",
            HEADER.replace("HQo=", "HQp="),  # the same bytes, spelled otherwise
            HEADER.replace("HQo=", "HQ=="),
            HEADER.replace("HQo=", "HQo-"),
            HEADER.replace("ec9v", "ec9_"),
            HEADER.replace("ec9v", "ec9 "),
            HEADER + "," + HEADER,
            f"Authorization: {HEADER}",
        ],
    )
    def test_refuses_any_other_spelling(self, header):
        with pytest.raises(CredentialRefused):
            read_cx1(header)

    @given(st.integers(0, len(HEADER)), st.integers(0, 3), st.text(max_size=3))
    def test_reads_a_changed_header_only_as_what_would_be_written(self, index, cut, inserted):
        header = HEADER[:index] + inserted + HEADER[index + cut :]
        try:
            parsed = read_cx1(header)
        except CredentialRefused:
            return
        assert (
            header == f"CX1-HMAC-SHA256,{parsed.guid}/{parsed.milliseconds},{b64(parsed.signature)}"
        )

    @given(st.text() | st.text("CX1-HMAC-SHA256,/=0123456789abcdef-+"))
    def test_refuses_or_reads_whatever_comes(self, header):
        with pytest.raises(CredentialRefused):
            read_cx1(header)

    def test_shows_no_signature(self):
        assert "signature" not in repr(read_cx1(HEADER))


class TestBasic:
    def test_is_written_as_the_vectors_credentials(self):
        assert write_basic(SECRET, guid=GUID) == (
            "Basic MzA2ZThlMGUtZWU4My00YmZmLWIxZmYtODg0NzkzMWQ4M2VjOk1ERXlNelExTmpjNE9XRmlZMl"
            "JsWmpBeE1qTTBOVFkzT0RsaFltTmtaV1k9"
        )

    @given(
        st.text(st.characters(codec="utf-8", exclude_characters=":"), min_size=1, max_size=40),
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=40),
    )
    def test_that_is_written_is_read_again(self, user, secret):
        header = write_basic(secret, guid=user)
        assert read_basic(header) == BasicHeader(guid=user, secret=secret)

    def test_may_have_colons_in_its_secret(self):
        assert read_basic("Basic " + b64(b"user:a:b:")).secret == "a:b:"

    @pytest.mark.parametrize("scheme", ["basic", "BASIC", "bAsIc"])
    def test_has_a_scheme_of_any_case(self, scheme):
        assert read_basic(f"{scheme} {b64(b'user:secret')}").guid == "user"

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "Basic",
            "Basic ",
            "Basic  " + b64(b"user:secret"),
            "Basic " + b64(b"user:secret") + " ",
            "Basic " + b64(b"user:secret") + "\n",
            "Basic\t" + b64(b"user:secret"),
            " Basic " + b64(b"user:secret"),
            "Bearer " + b64(b"user:secret"),
            "Ba\u017fic " + b64(b"user:secret"),  # a long s, whose capital is S
            "Basic " + b64(b"user:secret").rstrip("="),
            "Basic " + b64(b"user:secret") + "=",
            "Basic " + b64(b"user:secret!") + "====",
            "Basic " + b64(b"user:\xff\xfe").replace("/", "_"),
            "Basic " + b64(b"usersecret"),
            "Basic " + b64(b":secret"),
            "Basic " + b64(b"user:"),
            "Basic " + b64(b"user:\xff"),
            "Basic user:secret",
            "Basic ====",
            "Basic " + b64(b"user:secrets") + "=",
            "Basic " + b64(b"user:secret").replace("XQ=", "XR="),
            "Basic " + b64(b"user:" + b"s" * 1024),
        ],
    )
    def test_of_any_other_form_is_refused(self, header):
        with pytest.raises(CredentialRefused):
            read_basic(header)

    SOUND = st.builds(
        lambda name, secret: write_basic(secret, guid=name),
        st.text(st.characters(codec="utf-8", exclude_characters=":"), min_size=1, max_size=9),
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=9),
    )
    OTHER = st.binary(max_size=30).map(lambda data: f"Basic {b64(data)}") | st.text()

    @enough_is_read
    @given(mostly_sound(SOUND, OTHER))
    def test_of_whatever_comes_is_refused_or_read(self, header):
        parsed = read_or_refuse(read_basic, header, CredentialRefused)
        if parsed is not None:
            # The scheme may be of any case.
            scheme, space, credential = header.partition(" ")
            expected_header = f"{scheme.title()}{space}{credential}"
            assert write_basic(parsed.secret, guid=parsed.guid) == expected_header

    def test_shows_no_secret(self):
        assert "canary" not in repr(read_basic("Basic " + b64(b"user:canary")))

    def test_is_one_of_two_schemes_that_do_not_read_each_other(self):
        with pytest.raises(CredentialRefused):
            read_basic(HEADER)
        with pytest.raises(CredentialRefused):
            read_cx1(write_basic(SECRET, guid=GUID))

    def test_headers_are_frozen(self):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            read_cx1(HEADER).guid = ID
