"""The packages in Chromium and in Firefox: every vector, the wallet in IndexedDB, and passkeys."""

import json
import sys
from contextlib import contextmanager

import pytest

TESTS = (
    "device/test/account.test.js",
    "device/test/answers.test.js",
    "device/test/binding.test.js",
    "device/test/pauses.test.js",
    "device/test/questions.test.js",
    "device/test/tabs.test.js",
    "origin/test/client.test.js",
    "origin/test/requirements.test.js",
)
VECTOR_TESTS = (
    "wire/test/vectors.test.js",
    "wire/test/passkeys.test.js",
    "wire/test/ml_dsa.test.js",
    "device/test/pin.test.js",
    "origin/test/vectors.test.js",
    "origin/test/document_hosts.test.js",
)
STORES = {
    "tryCommit": {"code": ["store_failed", "DataCloneError"], "accounts": []},
    "tryDeletion": [0, 1],
    "tryMigration": {"accounts": [{"id": "a", "record": {"version": 1}}], "binds": []},
    "tryNewerVersion": {"outdatedCalls": 1, "code": ["store_outdated", None]},
}
"""What each function of store.js returns."""

RUN = """async (file) => {
  const { run } = await import("./shims.js");
  await import(`../../${file}`);
  const result = await run();
  const { passed } = await import("../../wire/test/vectors.js");
  return { ...result, vectors: passed() };
}"""
TABS = "import('./tabs.js').then(m => "
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@contextmanager
def page_at(chromium, url):
    page = chromium.new_page()
    page.set_default_timeout(240_000)
    page.goto(url)
    try:
        yield page
    finally:
        page.close()


@pytest.mark.parametrize("file", TESTS)
def test_what_node_tests(chromium, url, file):
    with page_at(chromium, url) as page:
        result = page.evaluate(RUN, file)
    assert result["failures"] == {}
    assert result["count"] > 0


def test_every_vector_passes_in_chromium(chromium, url, vector_count, capsys):
    passed = {}
    for file in VECTOR_TESTS:
        with page_at(chromium, url) as page:
            result = page.evaluate(RUN, file)
        assert result["failures"] == {}
        passed[file] = result["vectors"]
    assert sum(passed.values()) == vector_count
    with capsys.disabled():
        sys.stdout.write(f"\n{vector_count} vectors pass in Chromium: {passed}\n")


def authenticate(page, **options):
    """Give *page* an authenticator of its own."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR | options})


@pytest.mark.parametrize(
    ("kind", "alg"), [("device-only", "EdDSA"), ("pin", "ES256"), ("passkey", "WA-ES256")]
)
def test_a_wallet_in_indexeddb(chromium, url, kind, alg):
    with page_at(chromium, url) as page:
        authenticate(page, defaultBackupEligibility=True)
        tried = page.evaluate("kind => import('./wallet.js').then(m => m.tryKind(kind))", kind)
    pressed = {
        "approved": True,
        "role": "strong",
        "alg": alg,
        "backupEligible": kind == "passkey",
    }
    assert tried == {
        "approved": pressed,
        "again": pressed,
        "exported": "InvalidAccessError",
        "history": 2,
        "left": 0,
    }


@pytest.mark.parametrize("call", STORES)
def test_a_store_in_indexeddb(chromium, url, call):
    with page_at(chromium, url) as page:
        tried = page.evaluate("call => import('./store.js').then(m => m[call]())", call)
    assert tried == STORES[call]


@pytest.mark.parametrize("action", ["rotate", "rename", "answer"])
def test_a_tab_waits_while_another_one_replaces_keys(chromium, url, action):
    with page_at(chromium, url) as first:
        first.evaluate(TABS + "m.bind())")
        with first.expect_popup() as opened:
            first.evaluate("window.open(location.href)")
        second = opened.value
        second.wait_for_url(url)  # until then, it is an empty page
        second.evaluate(TABS + "m.join())")
        first.evaluate(TABS + "m.holdRotation())")
        second.evaluate(TABS + f"m.begin('{action}'))")
        # The second tab is in the queue for the lock that the first one has.
        second.evaluate(TABS + "m.whenQueued())")
        first.evaluate(TABS + "m.release())")
        ended = second.evaluate(TABS + "m.ended())")
        pressed = first.evaluate(TABS + "m.press())")
    expected = {
        "rotate": {"name": "", "rotations": 2},
        "rename": {"name": "The phone", "rotations": 1},
        "answer": {"approved": True},
    }
    assert ended == expected[action]
    assert pressed == {"approved": True, "name": "The phone" if action == "rename" else ""}


def test_a_passkey_that_does_not_verify_the_person(chromium, url):
    with page_at(chromium, url) as page:
        authenticate(page, isUserVerified=False)
        tried = page.evaluate("import('./wallet.js').then(m => m.tryUnverified())")
    assert tried == "not_unlocked"


JOBS = [
    *({"file": file} for file in (*TESTS, *VECTOR_TESTS)),
    *(
        {"module": "./wallet.js", "call": "tryKind", "values": [kind]}
        for kind in ("device-only", "pin")
    ),
    *({"module": "./store.js", "call": call} for call in STORES),
]
"""What Firefox does; nothing gives it an authenticator."""


@pytest.fixture(scope="module")
def firefox_results(run_in_firefox):
    """What came of each job, by its JSON."""
    return {json.dumps(job): result for job, result in run_in_firefox(JOBS)}


@pytest.mark.parametrize("file", [*TESTS, *VECTOR_TESTS])
def test_what_node_tests_in_firefox(firefox_results, file):
    result = firefox_results[json.dumps({"file": file})]
    assert result.get("failures") == {}, result
    assert result["count"] > 0


@pytest.mark.parametrize("kind", ["device-only", "pin"])
def test_a_wallet_in_indexeddb_of_firefox(firefox_results, kind):
    job = {"module": "./wallet.js", "call": "tryKind", "values": [kind]}
    tried = firefox_results[json.dumps(job)]
    assert tried.get("approved", {}).get("approved") is True, tried
    assert (tried["exported"], tried["history"], tried["left"]) == ("InvalidAccessError", 2, 0)


@pytest.mark.parametrize("call", STORES)
def test_a_store_in_indexeddb_of_firefox(firefox_results, call):
    assert firefox_results[json.dumps({"module": "./store.js", "call": call})] == STORES[call]
