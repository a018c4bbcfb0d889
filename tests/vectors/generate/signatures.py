"""Message signatures (RFC 9421): whole messages, and messages that nobody may accept."""

import json

from names import ORIGIN, OTHER_SPACE, SIGNED_AT, entropy

from counterseal import keys
from counterseal.credentials.documents import (
    content_digest,
    fields_of,
    signature_base,
    write_signature,
)

SECRET = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
BIND = "https://auth.example.com/api/account/bind"
ADD = "https://auth.example.com/api/request/add"
STATUS = "https://auth.example.com/api/request/getRequest?requestGuid=1&wait=5"
JSON = ("content-type", "application/json")
KEYED = ("idempotency-key", "order-7")
QUESTION = json.dumps({"accountId": "user-42", "content": "Pay 10 EUR to Zoë?"}, ensure_ascii=False)
USER = '{"accountId":"user-42"}'


def message(title, method, uri, body, headers):
    nonce = keys.b64url(entropy(f"nonce {title}", 16))
    parts = {"method": method, "uri": uri, "body": body.encode(), "headers": headers}
    signature_headers = write_signature(
        SECRET, guid=ORIGIN.guid, created=SIGNED_AT, nonce=nonce, **parts
    )
    all_headers = [*headers, *signature_headers]
    fields = fields_of(all_headers)
    parameters = fields["signature-input"].removeprefix("counterseal=")
    values = {"@method": method, "@target-uri": uri, **fields}
    covered = [name.strip('"') for name in parameters.partition(")")[0].strip("(").split(" ")]
    return {
        "about": title,
        "method": method,
        "uri": uri,
        "headers": [list(pair) for pair in all_headers],
        "body": body,
        "nonce": nonce,
        "base": signature_base([(name, values[name]) for name in covered], parameters).decode(),
    }


VALID = [
    message("a GET", "GET", STATUS, "", []),
    message("a body", "PUT", BIND, USER, [JSON]),
    message("a body that is not ASCII, and a key", "POST", ADD, QUESTION, [JSON, KEYED]),
    message("a key and no body", "POST", ADD, "", [KEYED]),
]


def but(why, vector=VALID[2], *, code="credential_refused", at=SIGNED_AT, **changes):
    """Return *vector* with other headers, or something else of it that is other."""
    headers = dict(vector["headers"]) | changes.pop("headers", {})
    return {
        "why": why,
        "method": vector["method"],
        "uri": vector["uri"],
        "headers": [[name, value] for name, value in headers.items() if value is not None],
        "body": vector["body"],
        "receivedAt": at,
        **changes,
        "code": code,
    }


def changed_input(why, old, new, vector=VALID[2], **more):
    before = dict(vector["headers"])["signature-input"]
    after = before.replace(old, new, 1)
    if after == before:
        raise ValueError(why)
    return but(why, vector, headers={"signature-input": after}, **more)


def invalid():
    sound = VALID[2]
    headers = dict(sound["headers"])
    signature, input_ = headers["signature"], headers["signature-input"]
    flipped = signature[:14] + ("A" if signature[14] != "A" else "B") + signature[15:]
    cases = [
        but("301 seconds old", code="request_stale", at=SIGNED_AT + 301),
        but("61 seconds ahead", code="request_stale", at=SIGNED_AT - 61),
        but("another method", method="PUT"),
        but("another path", uri=BIND),
        but(
            "another order of the query",
            VALID[0],
            uri=STATUS.replace("requestGuid=1&wait=5", "wait=5&requestGuid=1"),
        ),
        but("another host", uri=ADD.replace("auth.", "other.")),
        but("plain http", uri=ADD.replace("https", "http")),
        but("another body", body=QUESTION.replace("10", "11")),
        but(
            "another body with its digest",
            body=QUESTION.replace("10", "11"),
            headers={"content-digest": content_digest(QUESTION.replace("10", "11").encode())},
        ),
        but("a GET with a body", VALID[0], body="x"),
        but("another type", headers={"content-type": "application/x-www-form-urlencoded"}),
        but("no type", headers={"content-type": None}),
        but("another idempotency key", headers={"idempotency-key": "order-8"}),
        but("no idempotency key", headers={"idempotency-key": None}),
        but("an idempotency key that was added", VALID[1], headers={"idempotency-key": "x"}),
        but("no digest", headers={"content-digest": None}),
        but(
            "two digests",
            headers={"content-digest": f"sha-512=:AAAA:, {headers['content-digest']}"},
        ),
        but("no signature", headers={"signature": None}),
        but("no input", headers={"signature-input": None}),
        but("another signature", headers={"signature": flipped}),
        but(
            "two signatures",
            headers={
                "signature": f"{signature}, b{signature}",
                "signature-input": f"{input_}, b{input_}",
            },
        ),
        but(
            "another label",
            headers={
                "signature": signature.replace("counterseal", "sig1", 1),
                "signature-input": input_.replace("counterseal", "sig1", 1),
            },
        ),
        changed_input("another signer", ORIGIN.guid, OTHER_SPACE),
        changed_input("another nonce", sound["nonce"], sound["nonce"][::-1]),
        changed_input("a short nonce", sound["nonce"], sound["nonce"][:21]),
        changed_input("no nonce", f';nonce="{sound["nonce"]}"', ""),
        changed_input("another time", f"created={SIGNED_AT}", f"created={SIGNED_AT + 1}"),
        changed_input("no time", f"created={SIGNED_AT};", ""),
        changed_input("another algorithm", "hmac-sha256", "hmac-sha512"),
        changed_input("no algorithm", ';alg="hmac-sha256"', ""),
        changed_input("another tag", 'tag="counterseal"', 'tag="other"'),
        changed_input("an end", ";alg", f";expires={SIGNED_AT + 9};alg"),
        changed_input("fewer components", ' "content-digest"', ""),
        changed_input("more components", '"content-digest"', '"content-digest" "@authority"'),
        changed_input(
            "another order of components", '"@method" "@target-uri"', '"@target-uri" "@method"'
        ),
        changed_input(
            "another order of parameters",
            f'created={SIGNED_AT};keyid="{ORIGIN.guid}"',
            f'keyid="{ORIGIN.guid}";created={SIGNED_AT}',
        ),
    ]
    for name in (
        "content-type",
        "idempotency-key",
        "content-digest",
        "signature-input",
        "signature",
    ):
        case = but(f"{name} twice")
        case["headers"].append([name, headers[name]])
        cases.append(case)
    return cases


def signature_vectors():
    return {
        "about": "Message signatures, a profile of RFC 9421.",
        "guid": ORIGIN.guid,
        "secret": SECRET,
        "created": SIGNED_AT,
        "valid": VALID,
        "invalid": invalid(),
    }
