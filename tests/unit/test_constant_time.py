"""
Secrets, codes, MACs, digests and tokens are compared in constant time: a look at the source.

`==` ends at the first byte that differs, and so tells whoever may try again how much was right.
What has such a name is compared by `constant_time_equal` or `require_equal` of the core, by
`hmac.compare_digest`, or by `constantTimeEqual` in JavaScript. It is a lint, not a proof: a new
comparison of a secret by another name passes it. `==` in place of any call of these is found.
"""

import ast
import re
from functools import cache
from itertools import chain, pairwise
from pathlib import Path

import pytest
from trees import tree_of

pytestmark = pytest.mark.one_python

ROOT = Path(__file__).parents[2]
COMPARING = {"constant_time_equal", "require_equal", "compare_digest", "_is_equal"}
"""The functions that compare their first two arguments in constant time."""

SECRET = re.compile(
    "secret|(^|_)(token|code|mac|(hex)?digest|hash|csrf|signature|nonce|password|pin|ticket|cookie"
    "|bearer)(e?s)?$",
    re.IGNORECASE,
)
NO_SECRETS = {"status_code", "public_code"}

EXCUSED = {
    "A digest of what is no secret: whoever sends it can compute it.": [
        ("src/counterseal/tenancy/decisions/app_spaces.py", "keys.digest(logo.png) != digest"),
        (
            "src/counterseal/credentials/documents.py",
            "fields['content-digest'] != content_digest(body)",
        ),
        (
            "src/counterseal/challenges/documents/receipt.py",
            "keys.digest(claims['display'].encode()) == answer.display_hash",
        ),
        ("src/counterseal/ceremonies/decisions/ceremonies.py", "passkey.rp_id_hash == rp_id_hash"),
        (
            "src/counterseal/keys/passkeys.py",
            "authenticator_data[:RP_ID_HASH_BYTES] != _rp_id_hash(passkey.rp_id_hash)",
        ),
        (
            "src/counterseal/ceremonies/rules.py",
            (
                "(facts.rp_id_hash, facts.origins)"
                " != (keys.digest(scope.rp_id.encode()), scope.origins)"
            ),
        ),
        (
            "adapters/counterseal-webauthn/src/counterseal_webauthn/verifier.py",
            "data.rp_id_hash != hashlib.sha256(scope.rp_id.encode()).digest()",
        ),
        (
            "adapters/counterseal-client/src/counterseal_client/actions.py",
            "action.digest == request.action_digest",
        ),
        (
            "adapters/counterseal-client/src/counterseal_client/approval.py",
            "action.get('digest') == pending_request.action_digest",
        ),
        (
            "adapters/counterseal-client/src/counterseal_client/pending_request.py",
            "action.digest == self.action_digest",
        ),
        ("adapters/counterseal-client/src/counterseal_client/ciba.py", "digest == approval.digest"),
        (
            "adapters/counterseal-sql/src/counterseal_sql/own_data/service.py",
            "action_digest(action, self._party.origin.guid) != terms.digest",
        ),
        (
            "adapters/counterseal-client/src/counterseal_client/ciba_approval.py",
            "signed_action.get('digest') == tokens.digest",
        ),
        (
            "adapters/counterseal-client/src/counterseal_client/ciba_approval.py",
            "action_digest(action, client_id) == tokens.digest",
        ),
        (
            "adapters/counterseal-mcp/src/counterseal_mcp/approvals.py",
            "receipt.action == _digest(pending_request, arguments)",
        ),
        ("docs/examples/approve_a_payment.py", "use.action == digest"),
        ("docs/examples/sign_a_document.py", "digest.rstrip(b'=').decode('ascii') in hashes"),
        ("docs/examples/read_receipt.py", "later.previous == receipt.hash"),
    ],
    "Two values of our own: nobody else sends either.": [
        (
            "src/counterseal/tenancy/decisions/app_spaces.py",
            "stored.secret_context != settings.secret_context",
        ),
        ("src/counterseal/invariants.py", "account.receipt_hash not in hashes"),
        ("src/counterseal/audit/rules.py", "event.hash not in expected"),
        (
            "src/counterseal/audit/rules.py",
            "self._hash_at(head.position, head.hash) != head.hash",
        ),
        (
            "src/counterseal/audit/rules.py",
            "self._hash_at(known_head.position, known_head.hash) != known_head.hash",
        ),
        (
            "src/counterseal/audit/usecases/chain.py",
            "hashes[partition][max(end - HASH_BYTES, 0):end] != event.hash",
        ),
        (
            "src/counterseal/ciba/usecases/backchannel.py",
            "request.secret_hash == keys.digest(draft.secret)",
        ),
        (
            "adapters/counterseal-fcm/src/counterseal_fcm/credentials.py",
            "self._credentials.token == token",
        ),
        ("adapters/counterseal-fcm/src/counterseal_fcm/credentials.py", "token != self._confirmed"),
        ("adapters/counterseal-fcm/src/counterseal_fcm/credentials.py", "token == self._rejected"),
        (
            "adapters/counterseal-fcm/src/counterseal_fcm/notifier.py",
            "_digest(texts) in self._digests",
        ),
        (
            "adapters/counterseal-server/src/counterseal_server/restoring.py",
            "digest_of(copy) != digest",
        ),
        (
            "adapters/counterseal-sql/src/counterseal_sql/audit.py",
            "AUDIT_HEADS.c.hash == bindparam('old_hash')",
        ),
    ],
    "The device of the person who types compares with what it shows or has sent itself.": [
        (
            "adapters/counterseal-demo/src/counterseal_demo/device_cli/displays.py",
            "stored_display != _hash(display)",
        ),
        (
            "adapters/counterseal-demo/src/counterseal_demo/device_cli/new_devices.py",
            "typed_code(code) != comparison_code_of(client.device, new_device)",
        ),
        (
            "adapters/counterseal-demo/src/counterseal_demo/device_cli/unconfirmed.py",
            "code != self.code",
        ),
    ],
    "The code of an error.": [
        ("adapters/counterseal-server/src/counterseal_server/audit_heads.py", "last_code == code"),
        (
            "adapters/counterseal-server/src/counterseal_server/doctor/configuration.py",
            "key.reason == EndpointAudience.code",
        ),
        (
            "adapters/counterseal-demo/src/counterseal_demo/login_demo/attacks.py",
            "self.code != self.attack.expected",
        ),
        ("adapters/counterseal-demo/src/counterseal_demo/trial/npm.py", "code in run.stderr"),
        (
            "adapters/counterseal-demo/src/counterseal_demo/web_demo/forger.py",
            "self.code == self.forgery.expected.public_code",
        ),
        (
            "adapters/counterseal-demo/src/counterseal_demo/web_demo/forger.py",
            "self.reason == self.forgery.expected.code",
        ),
    ],
}
"""The comparisons of what is no secret, by the reason."""

UNNAMED = [
    (
        "adapters/counterseal-client/src/counterseal_client/approval.py",
        "hmac.compare_digest(typed, expected)",
    ),
    (
        "adapters/counterseal-demo/src/counterseal_demo/device_cli/login.py",
        "hmac.compare_digest(state.encode(), self.server.state.encode())",
    ),
    (
        "adapters/counterseal-demo/src/counterseal_demo/device_cli/push_receiver.py",
        "hmac.compare_digest(path.encode(), self._path.encode())",
    ),
    (
        "adapters/counterseal-oidc/src/counterseal_oidc/claims.py",
        "hmac.compare_digest(claimed.encode(), expected.encode())",
    ),
    (
        "adapters/counterseal-webauthn/src/counterseal_webauthn/verifier.py",
        "hmac.compare_digest(found.encode(), _b64url(challenge).encode())",
    ),
    (
        "adapters/counterseal-webpush/src/counterseal_webpush/vapid.py",
        "constant_time_equal(parameters['key'], public)",
    ),
    (
        "src/counterseal/bindings/decisions/confirmations.py",
        "keys.constant_time_equal(binding.confirmation, submitted_confirmation.text)",
    ),
    (
        "src/counterseal/bindings/decisions/enrolments.py",
        "keys.constant_time_equal(facts.binding.enrolled, _fingerprint(facts.keys))",
    ),
    (
        "src/counterseal/keys/passkeys.py",
        "require_equal(challenge, expected_challenge, AssertionElsewhere)",
    ),
    (
        "src/counterseal/challenges/documents/receipt.py",
        "keys.constant_time_equal(claimed_issuer.thumbprint, thumbprint)",
    ),
]
"""The calls whose operands have no name of a secret; one that is replaced is missing here."""


@cache
def sources():
    files = (
        *ROOT.glob("src/**/*.py"),
        *ROOT.glob("adapters/*/src/**/*.py"),
        *ROOT.glob("docs/examples/**/*.py"),
    )
    return {
        path.relative_to(ROOT).as_posix(): tree_of(path.read_text("utf-8"))
        for path in sorted(files)
        if "counterseal_testing" not in path.parts
    }


def names_of(node):
    """Return how *node* names its value: the last name of each path in it."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return {name}
        case (
            ast.Subscript(slice=ast.Constant(value=str(name)))
            | ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(name)), *_])
        ):
            return {name}
        case (
            ast.Subscript(value=value)
            | ast.Call(func=ast.Attribute(attr="encode" | "decode" | "rpartition", value=value))
            | ast.Call(func=value)
        ):
            return names_of(value)
    return set().union(*map(names_of, ast.iter_child_nodes(node)))


def is_constant(node):
    names = names_of(node)
    return isinstance(node, ast.Constant) or (bool(names) and all(map(str.isupper, names)))


def is_secret(node):
    return any(map(SECRET.search, names_of(node) - NO_SECRETS))


def comparisons_in(tree):
    """Return what *tree* compares by `==`, `!=` or `in` that has the name of a secret."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            operands = pairwise([node.left, *node.comparators])
            for (first, second), operator in zip(operands, node.ops, strict=True):
                if (
                    isinstance(operator, ast.Eq | ast.NotEq | ast.In | ast.NotIn)
                    and not (is_constant(first) or is_constant(second))
                    and (is_secret(first) or is_secret(second))
                ):
                    yield ast.unparse(ast.Compare(first, [operator], [second]))


def calls_in(tree):
    """Return each comparison in constant time of two values."""
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and names_of(node.func) & COMPARING and len(node.args) > 1
    ]


def test_secrets_are_compared_in_constant_time():
    comparisons = {
        (file, text) for file, tree in sources().items() for text in comparisons_in(tree)
    }
    excused = set(chain.from_iterable(EXCUSED.values()))
    assert comparisons - excused == set()
    assert excused - comparisons == set(), "excused in vain"


def test_an_equals_sign_in_place_of_each_call_is_found():
    calls = [(file, call) for file, tree in sources().items() for call in calls_in(tree)]
    unnamed = [
        (file, ast.unparse(call))
        for file, call in calls
        if not any(comparisons_in(ast.Compare(call.args[0], [ast.Eq()], [call.args[1]])))
    ]
    assert sorted(unnamed) == sorted(UNNAMED)
    assert len(calls) > 30


@pytest.mark.parametrize(
    "text",
    [
        "token == expected",
        "expected != call.secret",
        "secret_hash in (old, new)",
        "(guid, csrf_token) == session",
        "members['mac'] == mac(key, data)",
        "claims.get('nonce') != ours",
        "match[1] == (code or '').encode()",
        "login.secret_hash + login.holder_hash == ours",
        "a < b == signature.rpartition('.')[0]",
    ],
)
def test_it_finds_what_it_is_there_to_find(text):
    assert len(list(comparisons_in(ast.parse(text)))) == 1


# JavaScript


SCRIPTS = [
    path
    for pattern in ("adapters/counterseal-js/*/*.js", "adapters/*/src/**/*.js")
    for path in sorted(ROOT.glob(pattern))
    if "tests" not in path.parts
]
OPERAND = r"[\w$.?#\[\]]+(?:\([^()]*\))?"
COMPARISON = re.compile(rf"(typeof )?({OPERAND})\)* [!=]==? \(*(await )?(\"|{OPERAND})")
EXCUSED_IN_JAVASCRIPT = {
    (
        "adapters/counterseal-js/device/receipts.js",
        "receipt.previous !== last.hash",
    ): "a hash of a receipt",
    (
        "adapters/counterseal-js/origin/approval.js",
        "reply.answer === receipt.answerToken",
    ): "what a device signed, which the reply has twice",
    (
        "adapters/counterseal-js/origin/client.js",
        "action.digest === digest",
    ): "a digest of what the origin sent",
    (
        "adapters/counterseal-js/origin/pending.js",
        "reply.action?.digest === (await this.actionDigest()",
    ): "a digest of what the origin sent",
    (
        "adapters/counterseal-js/wire/passkeys.js",
        "] === (await digest(signedText)",
    ): "a digest of what a device signed",
    (
        "adapters/counterseal-js/wire/passkeys.js",
        "data.slice(0, HASH_BYTES)) === passkey.rpIdHash",
    ): "a hash of a domain",
    (
        "adapters/counterseal-js/wire/receipt.js",
        "answer.display === (await digest(claims.display)",
    ): "a digest of what the receipt says",
    (
        "adapters/counterseal-pwa/src/counterseal_pwa/static/app.js",
        "window.location.hash === address",
    ): "the fragment of a page's address",
    (
        "adapters/counterseal-pwa/src/counterseal_pwa/static/pin_dialog.js",
        "pin === again",
    ): "the person types both",
}
"""The comparisons of what is no secret, each with its reason."""
CALLS_IN_JAVASCRIPT = {
    "adapters/counterseal-js/origin/approval.js": 1,
    "adapters/counterseal-js/origin/callback.js": 1,
}
"""How often each file calls `constantTimeEqual`; a call that is replaced is missing here."""


def comparisons_in_javascript(source):
    for match in COMPARISON.finditer(source):
        is_typeof, first, _, second = match.groups()
        if is_typeof or second in {'"', "null", "undefined"} or second.isupper():
            continue
        names = {
            re.sub(r"\(.*", "", operand).split(".")[-1].lstrip("#") for operand in (first, second)
        }
        if any(SECRET.search(re.sub("([a-z])([A-Z])", r"\1_\2", name)) for name in names):
            yield match[0]


def test_javascript_compares_secrets_in_constant_time():
    comparisons = {
        (path.relative_to(ROOT).as_posix(), text)
        for path in SCRIPTS
        for text in comparisons_in_javascript(path.read_text("utf-8"))
    }
    assert comparisons == EXCUSED_IN_JAVASCRIPT.keys()
    calls = {
        path.relative_to(ROOT).as_posix(): len(re.findall(r"\bconstantTimeEqual\(", source))
        for path in SCRIPTS
        if path.name != "bytes.js" and "constantTimeEqual(" in (source := path.read_text("utf-8"))
    }
    assert calls == CALLS_IN_JAVASCRIPT


@pytest.mark.parametrize(
    "text",
    [
        "return token === expected;",
        "if (String(code) !== pending.code) throw error;",
        "demandFit(this.#secret === secret)",
        "raw === (await mac(key, data))",
        "claims.csrfToken == token",
    ],
)
def test_it_finds_javascript_that_it_is_there_to_find(text):
    assert len(list(comparisons_in_javascript(text))) == 1
