"""
Record what Chromium's virtual authenticator makes; run by hand, never by a test.

It needs Playwright and Chromium (`CHROMIUM`, by default /usr/bin/chromium), and writes
`chromium.json`: passkeys with their private halves, which exist for these vectors only, and
assertions over what each signs. Afterwards run the generator; all of passkey.json is new then.
"""

import json
import os

from passkeys import NAMES, RECORDED, SCOPE, signing_input, to_sign
from playwright.sync_api import sync_playwright

from counterseal import keys

COSE = {"ES256": -7, "EdDSA": -8, "RS256": -257}
AUTHENTICATOR = {
    "protocol": "ctap2",
    "ctap2Version": "ctap2_1",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
SYNCED = {"defaultBackupEligibility": True, "defaultBackupState": True}
PAGE = "<!doctype html><title>Recording</title>"
FRAME = '<iframe allow="publickey-credentials-get *" src="https://auth.example.com/inner"></iframe>'
EVIL = "https://evil.example"

CREATE = """async ([rpId, alg]) => (await navigator.credentials.create({publicKey: {
  rp: {id: rpId, name: "Example"},
  user: {id: new Uint8Array([alg & 255]), name: "user-7", displayName: "user-7"},
  challenge: new Uint8Array(32),
  pubKeyCredParams: [{type: "public-key", alg}],
  authenticatorSelection: {residentKey: "required", userVerification: "required"},
  attestation: "none",
}})).toJSON()"""
GET = """async ([rpId, id, challenge, userVerification]) => (await navigator.credentials.get({
  publicKey: PublicKeyCredential.parseRequestOptionsFromJSON({
    rpId, challenge, userVerification, allowCredentials: [{type: "public-key", id}],
  }),
})).toJSON()"""


def serve(route):
    body = PAGE + (FRAME if route.request.url.startswith(EVIL) else "")
    route.fulfill(status=200, content_type="text/html", body=body)


class Recorder:
    """One page, with its virtual authenticator."""

    def __init__(self, page, cdp):
        self.page, self.cdp, self.assertions = page, cdp, []
        self.authenticator = None

    def plug_in(self, **options):
        if self.authenticator is not None:
            self.cdp.send("WebAuthn.removeVirtualAuthenticator", self.identity())
        added = self.cdp.send(
            "WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR | options}
        )
        self.authenticator = added["authenticatorId"]

    def identity(self):
        return {"authenticatorId": self.authenticator}

    def create(self, algorithm, name, *, backup_eligible):
        created = self.page.evaluate(CREATE, [SCOPE.rp_id, COSE[algorithm.value]])
        credentials = self.cdp.send("WebAuthn.getCredentials", self.identity())["credentials"]
        (private,) = (
            each["privateKey"]
            for each in credentials
            if keys.b64url(base64_bytes(each["credentialId"])) == created["id"]
        )
        return {
            "name": name,
            "algorithm": algorithm.value,
            "backupEligible": backup_eligible,
            "privateKey": keys.b64url(base64_bytes(private)),
            "created": created,
        }

    def get(self, topic, entry, signed, *, frame=None, verification="required"):
        challenge = keys.b64url(keys.challenge_of(signed.encode()))
        where = frame or self.page
        answer = where.evaluate(GET, [SCOPE.rp_id, entry["created"]["id"], challenge, verification])
        self.assertions.append(
            {
                "about": topic,
                "key": entry["name"],
                "signed": signed,
                "response": {
                    member: answer["response"][member]
                    for member in ("authenticatorData", "clientDataJSON", "signature")
                },
            }
        )


def base64_bytes(text):
    return keys.unb64url(text.rstrip("=").replace("+", "-").replace("/", "_"))


def record(recorder):
    recorder.plug_in(**SYNCED)
    entries = [
        recorder.create(algorithm, name, backup_eligible=True) for algorithm, name in NAMES.items()
    ]
    for entry in entries:
        for topic, header, claims in to_sign(entry):
            recorder.get(topic, entry, signing_input(header, claims))
    first = entries[0]
    _, header, claims = next(each for each in to_sign(first) if each[0] == "approved")
    signed = signing_input(header, claims)
    recorder.cdp.send("WebAuthn.setUserVerified", {**recorder.identity(), "isUserVerified": False})
    recorder.get("user_unverified", first, signed, verification="discouraged")
    recorder.cdp.send("WebAuthn.setUserVerified", {**recorder.identity(), "isUserVerified": True})
    recorder.page.goto("https://other.auth.example.com/")
    recorder.get("wrong_origin", first, signed)
    recorder.page.goto(f"{EVIL}/")
    (frame,) = (each for each in recorder.page.frames if each.parent_frame)
    frame.wait_for_load_state()
    recorder.get("cross_origin", first, signed, frame=frame)
    recorder.page.goto("https://auth.example.com/")
    recorder.cdp.send(
        "WebAuthn.setCredentialProperties",
        {
            **recorder.identity(),
            "credentialId": standard_base64(first["created"]["id"]),
            "backupEligibility": False,
            "backupState": False,
        },
    )
    recorder.get("backup_changed", first, signed)
    return entries


def standard_base64(text):
    return text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)


def main():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
            args=["--no-sandbox", "--disable-features=IsolateOrigins,site-per-process"],
        )
        context = browser.new_context()
        context.route("**/*", serve)
        page = context.new_page()
        page.goto("https://auth.example.com/")
        cdp = context.new_cdp_session(page)
        cdp.send("WebAuthn.enable")
        recorder = Recorder(page, cdp)
        entries = record(recorder)
        document = {
            "browser": f"Chromium {browser.version}",
            "passkeys": entries,
            "assertions": recorder.assertions,
        }
        browser.close()
    text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    RECORDED.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
