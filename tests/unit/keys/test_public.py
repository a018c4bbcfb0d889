"""Public keys: what is bound, what is refused, and how a key is named."""

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from forged_tokens import JOSE_ALGORITHMS, SUPPORTED
from hypothesis import example, given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OKPKey, RSAKey

from counterseal.errors import InvalidField, UnfitKey
from counterseal.keys import generate, jwks_document, private_key, public_key, thumbprint_of
from counterseal.keys import trusted_keys as trusted
from counterseal.models import Algorithm

EVERY = frozenset(Algorithm)
IMPORT = {
    Algorithm.ES256: ECKey,
    Algorithm.EDDSA: OKPKey,
    Algorithm.PS256: RSAKey,
    Algorithm.RS256: RSAKey,
}


# FIPS 186-5: the order of P-256.
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def b64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def number(value):
    return b64(value.to_bytes((value.bit_length() + 7) // 8))


# RFC 7515, A.3.1.
EC = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    "kid": "ec-1",
    "alg": "ES256",
}
# RFC 8037, A.2, with its thumbprint from A.3.
OKP = {
    "kty": "OKP",
    "crv": "Ed25519",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    "kid": "okp-1",
    "alg": "EdDSA",
}
# RFC 7638, 3.1.
RSA = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuh"
    "DR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0"
    "h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91Cb"
    "OpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csF"
    "Cur-kEgU8awapJzKnqDKgw",
    "e": "AQAB",
    "kid": "2011-04-29",
    "alg": "RS256",
}
SOUND = [EC, OKP, RSA, RSA | {"alg": "PS256"}]


def unfit(jwk, algorithms=EVERY):
    with pytest.raises(UnfitKey) as caught:
        public_key(jwk, algorithms=algorithms)
    return str(caught.value)


def invalid(jwk, **changes):
    with pytest.raises(InvalidField) as caught:
        public_key(jwk, algorithms=EVERY, **changes)
    return caught.value.field


# What is bound


@pytest.mark.parametrize("jwk", SOUND, ids=lambda jwk: jwk["alg"])
def test_a_sound_key_is_pinned_to_its_algorithm(jwk):
    key = public_key(jwk, algorithms=EVERY)
    required = {name: jwk[name] for name in jwk if name not in ("kid", "alg")}

    assert key.kid == jwk["kid"]
    assert key.algorithm.value == jwk["alg"]
    assert key.jwk == json.dumps(required, sort_keys=True, separators=(",", ":"))


@pytest.mark.parametrize("jwk", SOUND, ids=lambda jwk: jwk["alg"])
def test_other_members_of_a_jwk_are_dropped(jwk):
    chatty = jwk | {"use": "sig", "key_ops": ["verify", "sign"]}

    assert public_key(chatty, algorithms=EVERY) == public_key(jwk, algorithms=EVERY)


@pytest.mark.parametrize("jwk", SOUND, ids=lambda jwk: jwk["alg"])
def test_the_thumbprint_is_rfc_7638_by_hand(jwk):
    key = public_key(jwk, algorithms=EVERY)

    assert key.thumbprint == b64(hashlib.sha256(key.jwk.encode()).digest())


def test_the_thumbprints_in_the_rfcs():
    rsa, okp = (public_key(jwk, algorithms=EVERY) for jwk in (RSA, OKP))

    assert rsa.thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    assert okp.thumbprint == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.parametrize(
    ("jwk", "field"), [({"kty": "EC2"}, "key.kty"), (OKP | {"x": 7}, "key.x"), ({}, "key.kty")]
)
def test_a_thumbprint_without_a_member_names_it(jwk, field):
    with pytest.raises(InvalidField) as refusal:
        thumbprint_of(jwk)
    assert refusal.value.field == field


def test_joserfc_reads_every_key_and_names_it_the_same(signers):
    for algorithm in JOSE_ALGORITHMS:
        signer = signers[algorithm]
        theirs = IMPORT[algorithm].import_key(json.loads(signer.public.jwk))

        assert not theirs.is_private
        assert theirs.thumbprint() == signer.public.thumbprint


@given(st.binary(min_size=32, max_size=32))
def test_the_ed25519_keys_that_others_make_are_sound(seed):
    theirs = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    ours = private_key(seed, kid="okp-1", algorithm=Algorithm.EDDSA).public

    assert public_key(ed25519(theirs), algorithms=EVERY) == ours


@given(st.integers(1, ORDER - 1))
@example(ORDER - 1)
def test_the_p_256_keys_that_others_make_are_sound(scalar):
    theirs = ec.derive_private_key(scalar, ec.SECP256R1()).public_key().public_numbers()
    secret = scalar.to_bytes(32)
    ours = private_key(secret, kid="ec-1", algorithm=Algorithm.ES256).public

    assert public_key(point(theirs.x, theirs.y), algorithms=EVERY) == ours


@pytest.mark.parametrize("algorithm", SUPPORTED)
def test_policy_decides_which_algorithms_are_bound(algorithm):
    for jwk in SOUND:
        if jwk["alg"] == algorithm.value:
            assert public_key(jwk, algorithms=frozenset({algorithm}))
        else:
            assert unfit(jwk, frozenset({algorithm})) == "alg: not an allowed algorithm"


# Members


@pytest.mark.parametrize("jwk", [None, [], "{}", 7, [("kty", "EC")]])
def test_a_jwk_is_an_object(jwk):
    assert invalid(jwk) == "key"
    assert invalid(jwk, field="keys[2]") == "keys[2]"


@pytest.mark.parametrize("jwk", SOUND, ids=lambda jwk: jwk["alg"])
@pytest.mark.parametrize(
    "member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "x5c", "x5u", "ext", "", "D"]
)
def test_a_member_that_no_public_key_has_is_refused_by_name(jwk, member):
    assert invalid(jwk | {member: "AQAB"}) == f"key.{member}"


def test_a_member_of_another_type_is_refused_by_name():
    assert invalid(OKP | {"y": EC["y"]}) == "key.y"
    assert invalid(EC | {"e": "AQAB"}) == "key.e"
    assert invalid(RSA | {"crv": "P-256"}, field="keys[1]") == "keys[1].crv"
    without_n = {name: value for name, value in RSA.items() if name != "n"}
    assert invalid(without_n, field="keys[1]") == "keys[1].n"


def test_an_odd_member_name_is_shown_safely():
    assert invalid(EC | {"\x1b[31m": "", "kid": "a"}) == "key.\\x1b[31m"


@pytest.mark.parametrize("value", [None, 1, True, ["AQAB"], b"AQAB"])
@pytest.mark.parametrize(
    ("jwk", "member"),
    [(EC, "x"), (EC, "y"), (EC, "crv"), (OKP, "x"), (OKP, "crv"), (RSA, "n"), (RSA, "e")],
)
def test_a_missing_member_is_refused_by_name(jwk, member, value):
    assert invalid(jwk | {member: value}) == f"key.{member}"
    assert invalid({n: v for n, v in jwk.items() if n != member}) == f"key.{member}"


def test_a_member_that_is_no_text_is_refused_by_name():
    assert invalid(OKP | {"x": "\ud800"}) == "key.x"
    assert invalid(RSA | {"n": "\ud800"}, field="keys[1]") == "keys[1].n"


@pytest.mark.parametrize("kid", [None, 1, "", "k" * 129, "é", "a\n", "\0", "\x7f", b"kid", ["kid"]])
def test_a_kid_is_1_to_128_printable_ascii_characters(kid):
    assert invalid(EC | {"kid": kid}) == "key.kid"


@pytest.mark.parametrize("kid", ["k", "k" * 128, " ~!\"'\\", '"' * 128])
def test_any_printable_kid_is_read(kid):
    assert public_key(EC | {"kid": kid}, algorithms=EVERY).kid == kid


@pytest.mark.parametrize(
    "alg", [None, "", "none", "HS256", "ES384", "es256", "Ed25519", "RS512", 7, ["ES256"]]
)
def test_other_algorithms_are_refused(alg):
    for jwk in SOUND:
        assert unfit(jwk | {"alg": alg}) == "alg: not an allowed algorithm"


@pytest.mark.parametrize("jwk", SOUND, ids=lambda jwk: jwk["alg"])
@pytest.mark.parametrize("alg", ["ES256", "EdDSA", "PS256", "RS256"])
def test_a_key_of_another_type_than_its_algorithm_is_refused(jwk, alg):
    types = {"ES256": "EC", "EdDSA": "OKP", "PS256": "RSA", "RS256": "RSA"}
    if types[alg] != jwk["kty"]:
        assert unfit(jwk | {"alg": alg}) == "kty: not the algorithm's key type"
    for kty in ("oct", "ec", "", None, 1):
        assert unfit(jwk | {"kty": kty}) == "kty: not the algorithm's key type"


@pytest.mark.parametrize(
    "members",
    [
        {"use": "enc"},
        {"use": None},
        {"use": ["sig"]},
        {"key_ops": []},
        {"key_ops": ["sign"]},
        {"key_ops": ["encrypt", "deriveKey"]},
        {"key_ops": "verify"},
        {"key_ops": 1},
    ],
)
def test_a_key_for_something_else_than_signatures_is_refused(members):
    assert unfit(EC | members).startswith(next(iter(members)))


@given(
    st.sampled_from([(EC, "x"), (EC, "y"), (OKP, "x"), (RSA, "n"), (RSA, "e")]),
    st.sampled_from(["=", "==", "\n", " ", "+", "/", ".", "é", "A"]),
    st.data(),
)
def test_a_number_has_one_spelling(where, intruder, data):
    jwk, member = where
    position = data.draw(st.integers(0, len(jwk[member])))
    spelling = jwk[member][:position] + intruder + jwk[member][position:]

    unfit(jwk | {member: spelling})


def test_bits_that_decoding_would_drop_are_refused():
    assert unfit(OKP | {"x": OKP["x"][:-1] + "p"}) == "not canonical base64url"


# P-256


P = 2**256 - 2**224 + 2**192 + 2**96 - 1
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B


def point(x, y, size=32):
    return EC | {"x": b64(x.to_bytes(size)), "y": b64(y.to_bytes(size))}


def x_and_y():
    return (int.from_bytes(base64.urlsafe_b64decode(EC[name] + "=")) for name in ("x", "y"))


def test_the_point_is_on_the_curve():
    x, y = x_and_y()
    assert (y * y - (x**3 - 3 * x + B)) % P == 0, "by hand"

    assert public_key(point(x, P - y), algorithms=EVERY)
    for other in [(x, y + 1), (x + 1, y), (y, x), (0, 0), (x, 0), (0, y)]:
        assert unfit(point(*other)) == "the numbers make no key"


def test_a_coordinate_is_below_the_prime():
    """OpenSSL takes x + p for x, and so one key would have two thumbprints."""
    near_y_axis = (0, pow(B, (P + 1) // 4, P))
    near_x_axis = (
        0xD7325D7646CD60D80A92738CEB345F844CFFAF35841022CAB176F692DE8DE1D7,
        5,
    )
    for x, y in (near_x_axis, near_y_axis):
        assert public_key(point(x, y), algorithms=EVERY)

    for x, y in [
        (near_y_axis[0] + P, near_y_axis[1]),
        (near_x_axis[0], near_x_axis[1] + P),
    ]:
        assert unfit(point(x, y)) == "a P-256 coordinate past the prime"


def test_a_coordinate_has_32_bytes():
    x, y = x_and_y()
    message = "not a P-256 point of two 32-byte coordinates"
    x_bytes, y_bytes = x.to_bytes(32), y.to_bytes(32)

    for wrong in (b"\0" + x_bytes, x_bytes[1:], b"", x_bytes + y_bytes):
        assert unfit(EC | {"x": b64(wrong)}) == message
        assert unfit(EC | {"y": b64(wrong)}) == message
    # A small coordinate keeps its zeros (RFC 7518, 6.2.1.2).
    y = pow(B, (P + 1) // 4, P)
    assert public_key(point(0, y), algorithms=EVERY)
    assert unfit(point(0, y) | {"x": ""}) == message


@pytest.mark.parametrize("crv", ["P-384", "P-521", "secp256k1", "p-256", "", "Ed25519"])
def test_other_curves_are_refused(crv):
    assert unfit(EC | {"crv": crv}) == "not a P-256 point of two 32-byte coordinates"


def test_a_real_p_384_key_is_refused():
    jwk = ECKey.generate_key("P-384", private=False).as_dict() | {"kid": "a"}

    for alg in ("ES256", "ES384"):
        unfit({name: jwk[name] for name in ("kty", "crv", "x", "y", "kid")} | {"alg": alg})
    unfit({name: jwk[name] for name in ("kty", "x", "y", "kid")} | {"alg": "ES256", "crv": "P-256"})


# Ed25519: the arithmetic of RFC 8032, 5.1, done here once more


Q = 2**255 - 19
D = -121665 * pow(121666, -1, Q) % Q
L = 2**252 + 27742317777372353535851937790883648493


def add(one, other):
    (x1, y1), (x2, y2) = one, other
    cross = D * x1 * x2 * y1 * y2 % Q
    x = (x1 * y2 + x2 * y1) * pow(1 + cross, -1, Q) % Q
    y = (y1 * y2 + x1 * x2) * pow(1 - cross, -1, Q) % Q
    return x, y


def multiply(times, base):
    result = (0, 1)
    for bit in f"{times:b}":
        result = add(result, result)
        if bit == "1":
            result = add(result, base)
    return result


def order_of_torsion(point):
    return next(n for n in (1, 2, 4, 8) if multiply(n, point) == (0, 1))


def lift(y):
    """Return a point with this y, or None."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, Q) % Q
    root = pow(square, (Q + 3) // 8, Q)
    for x in (root, root * pow(2, (Q - 1) // 4, Q) % Q):
        if x * x % Q == square:
            return x, y
    return None


def torsion():
    """Return the eight points whose order divides the cofactor."""
    cleared = (multiply(L, point) for y in range(2, 100) if (point := lift(y)))
    generator = next(point for point in cleared if order_of_torsion(point) == 8)
    return [multiply(n, generator) for n in range(8)]


def encodings(point):
    """Return every text of 32 bytes that a lax decoder takes for *point*."""
    x, y = point
    ys = [y, y + Q] if y + Q < 2**255 else [y]
    signs = [x & 1] if x else [0, 1]
    return [(y | sign << 255).to_bytes(32, "little") for y in ys for sign in signs]


def ed25519(raw):
    return OKP | {"x": b64(raw)}


def test_the_arithmetic_is_right():
    """The base point of RFC 8032 has order L, and the torsion is a group of eight."""
    base = lift(4 * pow(5, -1, Q) % Q)

    assert multiply(L, base) == (0, 1)
    assert multiply(L - 1, base) == ((Q - base[0]) % Q, base[1])
    assert len(set(torsion())) == 8
    assert sorted(map(order_of_torsion, torsion())) == [1, 2, 4, 4, 8, 8, 8, 8]


def test_points_of_small_order_are_refused_in_every_encoding():
    every = [raw for point in torsion() for raw in encodings(point)]
    # Eight points; the sign of a zero x twice, and y + q where that fits 255 bits.
    assert len(set(every)) == len(every) == 8 + 2 + 4

    for raw in every:
        message = unfit(ed25519(raw))
        assert message == "an Ed25519 point of small order, or not canonical"


def test_a_y_past_the_prime_is_refused():
    for y in range(Q, 2**255):
        for sign in (0, 1):
            raw = (y | sign << 255).to_bytes(32, "little")
            message = unfit(ed25519(raw))
            assert message == "an Ed25519 point of small order, or not canonical"


def test_a_y_without_a_point_is_refused():
    """Ed25519PublicKey takes it: it multiplies no point before it verifies."""
    for y in range(2, 60):
        for sign in (0, 1):
            raw = (y | sign << 255).to_bytes(32, "little")
            if lift(y) is None:
                assert Ed25519PublicKey.from_public_bytes(raw)
                assert unfit(ed25519(raw)) == "no point of Ed25519"
            else:
                assert public_key(ed25519(raw), algorithms=EVERY)


def test_points_beside_those_of_small_order_are_not_refused():
    base = lift(4 * pow(5, -1, Q) % Q)

    for times in (1, 2, 3, L - 1):
        for raw in encodings(multiply(times, base)):
            assert public_key(ed25519(raw), algorithms=EVERY)


@pytest.mark.parametrize("size", [0, 31, 33, 57, 64])
def test_an_ed25519_key_has_32_bytes(size):
    assert unfit(ed25519(b"\2" * size)) == "not an Ed25519 key of 32 bytes"


@pytest.mark.parametrize("crv", ["Ed448", "X25519", "ed25519", "P-256", ""])
def test_other_edwards_curves_are_refused(crv):
    assert unfit(OKP | {"crv": crv}) == "not an Ed25519 key of 32 bytes"


# RSA


def rsa(n, e=65537):
    return RSA | {"n": number(n), "e": number(e)}


@pytest.mark.parametrize("alg", ["RS256", "PS256"])
@pytest.mark.parametrize("bits", [2048, 2049, 3072, 8191, 8192])
def test_rsa_of_2048_to_8192_bits_is_bound(alg, bits):
    for n in (2 ** (bits - 1) + 1, 2**bits - 1):
        assert public_key(rsa(n) | {"alg": alg}, algorithms=EVERY)


@pytest.mark.parametrize("alg", ["RS256", "PS256"])
@pytest.mark.parametrize("bits", [512, 1024, 2040, 2047, 8193, 16384])
def test_rsa_of_other_sizes_is_refused(alg, bits):
    for n in (2 ** (bits - 1) + 1, 2**bits - 1):
        message = unfit(rsa(n) | {"alg": alg})
        assert message == "RSA of fewer than 2048 or more than 8192 bits"


N = int.from_bytes(base64.urlsafe_b64decode(RSA["n"] + "=="))


@pytest.mark.parametrize("e", [65537, 65539, 2**32 - 1])
def test_an_odd_exponent_of_at_least_65537_is_bound(e):
    assert public_key(rsa(N, e), algorithms=EVERY)


@pytest.mark.parametrize("e", [1, 2, 3, 17, 65535, 65536, 65538, 2**32 - 2, 2**32 + 1, N])
def test_other_exponents_are_refused(e):
    unfit(rsa(N, e))


def test_an_even_modulus_is_refused():
    assert "even modulus" in unfit(rsa(N - 1))
    assert "even modulus" in unfit(rsa(2**2047))


@pytest.mark.parametrize("member", ["n", "e"])
def test_a_number_with_leading_zeros_or_none_is_refused(member):
    raw = base64.urlsafe_b64decode(RSA[member] + "==")

    for wrong in (b"\0" + raw, b"\0\0\0" + raw, b"", b"\0"):
        message = unfit(RSA | {member: b64(wrong)})
        assert message == "an RSA number with leading zeros"


# Key sets


def test_a_key_set_is_read_as_it_was_written(signers):
    keys = tuple(signer.public for signer in signers.values())
    document = jwks_document(keys)

    assert trusted(json.loads(json.dumps(document))) == keys
    assert [jwk["kid"] for jwk in document["keys"]] == [key.kid for key in keys]
    for jwk in document["keys"]:
        assert jwk["use"] == "sig"
        if Algorithm(jwk["alg"]) in JOSE_ALGORITHMS:
            assert IMPORT[Algorithm(jwk["alg"])].import_key(jwk).is_private is False


@pytest.mark.parametrize("document", [None, [], {}, {"keys": []}, {"keys": EC}, EC, "{}"])
def test_what_is_no_key_set_is_refused_by_name(document):
    with pytest.raises(InvalidField) as caught:
        trusted(document, field="pinned")

    assert caught.value.field == "pinned"


def test_an_unfit_key_spoils_the_set():
    with pytest.raises(UnfitKey):
        trusted({"keys": [EC, rsa(2**1023 + 1)]})
    with pytest.raises(InvalidField) as caught:
        trusted({"keys": [EC, OKP | {"d": "AQAB"}]})
    assert caught.value.field == "jwks.keys[1].d"


@given(
    st.dictionaries(
        st.sampled_from([*EC, *RSA, "d", "use", "key_ops"]),
        st.sampled_from([*EC.values(), *OKP.values(), *RSA.values(), "sig", "P-384"])
        | st.text(max_size=3)
        | st.none()
        | st.integers()
        | st.lists(st.text(max_size=3), max_size=2),
    )
    | st.sampled_from(SOUND)
)
def test_any_object_is_refused_or_bound_and_bound_again_the_same(jwk):
    try:
        key = public_key(jwk, algorithms=EVERY)
    except (InvalidField, UnfitKey):
        return
    (again,) = trusted(jwks_document([key]))
    assert again == key


def test_a_made_key_is_bound(signers):
    public = generate(Algorithm.ES256, kid="new").public

    assert public.kid == "new"
    assert public.thumbprint != signers[Algorithm.ES256].public.thumbprint
