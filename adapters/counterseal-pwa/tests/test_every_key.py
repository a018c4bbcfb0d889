"""
Every kind of strong key, from the link to a receipt; and a thousand mutations of one answer.

`nox -s "heavy(browser-full)"` runs it.
"""

import base64
import os
import random
from datetime import timedelta

import pytest
from app_modules import link_modules

from counterseal_client import Button, require_approved

pytestmark = pytest.mark.skipif(
    "BROWSER_FULL" not in os.environ, reason='nox -s "heavy(browser-full)"'
)

MINUTES = timedelta(minutes=10)
PASSKEYS = {"ES256": -7, "EdDSA": -8, "RS256": -257}
"""Algorithms of COSE."""

FIRST = """(first) => {
  const create = CredentialsContainer.prototype.create;
  CredentialsContainer.prototype.create = function (options) {
    options.publicKey.pubKeyCredParams.sort(({ alg }) => (alg === first ? -1 : 1));
    return create.call(this, options);
  };
}"""
SEND = link_modules("""async (bodies) => {
  const { indexedDbStore } = await import("./device/store.js");
  const { Service } = await import("./device/service.js");
  const { keySigner } = await import("./wire/jws.js");
  const { systemRandom } = await import("./wire/bytes.js");
  const [{ record }] = await (await indexedDbStore()).list("accounts");
  const world = {
    fetch: (...request) => fetch(...request),
    now: Date.now,
    random: systemRandom,
    timeout: 30_000,
  };
  const service = new Service(record.url, world);
  const { device, account, appSpace } = record;
  const caller = { device, account, appSpace, signer: keySigner(record.deviceKey) };
  const outcomes = [];
  for (const body of bodies) {
    const call = { method: "POST", path: "/device/answer", body, type: "application/jose" };
    outcomes.push(
      await service.proven(caller, call, () => "accepted").then(
        () => "accepted",
        ({ problem, name }) => problem ?? name,
      ),
    );
  }
  return outcomes;
}""")
ALGORITHM = link_modules("""async () => {
  const { indexedDbStore } = await import("./device/store.js");
  return (await (await indexedDbStore()).list("accounts"))[0].record.strongKey.record.alg;
}""")
MUTATIONS = 1_000
BATCH = 80
"""Fewer than the wrong signatures that revoke a device; an accepted answer forgets them."""


@pytest.mark.parametrize("name", PASSKEYS)
def test_a_passkey_of_each_algorithm(device, origin, tmp_path, name):
    device.authenticate()
    device.page.add_init_script(f"({FIRST})({PASSKEYS[name]})")
    account_id = f"user-{name}"
    device.bind_passkey(origin.link(account_id))
    approve(device, origin, tmp_path, account_id, pin=None)
    assert device.page.evaluate(ALGORITHM) == f"WA-{name}"


def test_a_key_under_a_pin(device, origin, tmp_path):
    device.bind(origin.link("user-pin-key"))
    approve(device, origin, tmp_path, "user-pin-key", pin="739154")


def test_the_device_key_alone_presses_a_weak_button(device, origin, tmp_path):
    device.bind(origin.link("user-device-key"))
    weak = (
        Button(title="Approve", strong=False, approving=True),
        Button(title="Reject", strong=False),
    )
    approve(device, origin, tmp_path, "user-device-key", pin=None, buttons=weak)


def approve(device, origin, folder, account_id, *, pin, **question):
    pending = origin.client.ask(account_id, "Log in?", duration=MINUTES, **question)
    device.open_request()
    device.press("Approve", pin=pin)
    device.wait_for_heading("Approved")
    reply = origin.wait(pending)
    origin.verify(reply.receipt, folder)
    assert require_approved(reply, pending, origin.trust)


def test_a_thousand_mutations_of_a_passkeys_answer_are_refused(
    device, patient_origin, tmp_path, capsys
):
    origin, page = patient_origin, device.page
    device.authenticate()
    device.bind_passkey(origin.link("user-mutated"))
    pending = origin.client.ask("user-mutated", "Pay 49.90 EUR?", duration=MINUTES)
    device.open_request()
    tokens = []

    def keep(route):
        tokens.append(route.request.post_data)
        route.abort()

    page.route("**/device/answer", keep)
    device.press("Approve", pin=None)
    page.locator(".answer-bar .problem").filter(has_text="No reply came").wait_for()
    page.unroute("**/device/answer")
    draw = random.Random(20261128)  # noqa: S311 (the same mutations each time)
    mutated = [mutate(tokens[0], draw) for _ in range(MUTATIONS)]
    assert tokens[0] not in mutated
    outcomes = []
    for start in range(0, MUTATIONS, BATCH):
        other = page.context.new_page()
        other.goto(f"{origin.url}/app/")
        outcomes += other.evaluate(SEND, mutated[start : start + BATCH])
        other.close()
        reset_strikes(device, origin)
    assert len(outcomes) == MUTATIONS
    assert "accepted" not in outcomes
    with capsys.disabled():
        counts = {code: outcomes.count(code) for code in sorted(set(outcomes))}
        print("\nrefused:", counts)  # noqa: T201
    # The device was not revoked meanwhile: its answer as it was is accepted.
    assert page.evaluate(SEND, tokens[:1]) == ["accepted"]
    reply = origin.wait(pending)
    origin.verify(reply.receipt, tmp_path)
    assert require_approved(reply, pending, origin.trust)


def reset_strikes(device, origin):
    """Have another question answered, in another page of the browser."""
    pending = origin.client.ask("user-mutated", "Reset", duration=MINUTES)
    outcome = device.page.evaluate(
        link_modules("""async (guid) => {
          const { passkeys } = await import("./device/passkeys.js");
          const { indexedDbStore } = await import("./device/store.js");
          const { Wallet } = await import("./device/wallet.js");
          const how = { store: await indexedDbStore(), strongKeys: [passkeys()] };
          const [account] = await new Wallet(how).accounts();
          return (await account.answer(await account.show(guid), { button: 0 })).state;
        }"""),
        pending.guid,
    )
    assert outcome == "ANSWERED"


def mutate(token, draw):
    """Return *token* with one byte of a part changed, dropped or added, or one letter changed."""
    parts = token.split(".")
    at = draw.randrange(len(parts))
    if draw.random() < 0.2:
        index, letter = draw.randrange(len(token)), draw.choice("Aa0-_.=")
        changed = token[:index] + letter + token[index + 1 :]
        return changed if changed != token else token[:index] + token[index + 1 :]
    data = bytearray(base64.urlsafe_b64decode(parts[at] + "=" * (-len(parts[at]) % 4)))
    index = draw.randrange(len(data))
    match draw.randrange(3):
        case 0:
            data[index] ^= 1 << draw.randrange(8)
        case 1:
            del data[index]
        case _:
            data.insert(index, draw.randrange(256))
    parts[at] = base64.urlsafe_b64encode(bytes(data)).rstrip(b"=").decode()
    return ".".join(parts)
