"""
Record registrations with attestation by Chromium's virtual authenticator; no test runs this.

It needs Playwright and Chromium (`CHROMIUM`, by default /usr/bin/chromium), and writes
`chromium.json`.
"""

import json
import os
from pathlib import Path

from playwright.sync_api import sync_playwright

RECORDED = Path(__file__).with_name("chromium.json")
URL = "https://auth.example.com/"
AUTHENTICATOR = {
    "transport": "usb",
    "hasResidentKey": False,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
PROTOCOLS = {
    "ctap2": {"protocol": "ctap2", "ctap2Version": "ctap2_1"},
    "u2f": {"protocol": "u2f", "hasUserVerification": False, "isUserVerified": False},
}
CREATE = """async ([userVerification]) => (await navigator.credentials.create({publicKey: {
  rp: {id: "auth.example.com", name: "Example"},
  user: {id: new Uint8Array([7]), name: "user-7", displayName: "user-7"},
  challenge: new Uint8Array(32),
  pubKeyCredParams: [{type: "public-key", alg: -7}],
  authenticatorSelection: {userVerification},
  attestation: "direct",
}})).toJSON()"""


def main():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
        )
        context = browser.new_context()
        context.route(
            "**/*", lambda route: route.fulfill(content_type="text/html", body="<!doctype html>")
        )
        page = context.new_page()
        page.goto(URL)
        cdp = context.new_cdp_session(page)
        cdp.send("WebAuthn.enable")
        registrations = {}
        for name, options in PROTOCOLS.items():
            added = cdp.send(
                "WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR | options}
            )
            verification = "required" if name == "ctap2" else "discouraged"
            registrations[name] = page.evaluate(CREATE, [verification])
            cdp.send("WebAuthn.removeVirtualAuthenticator", added)
        document = {"browser": f"Chromium {browser.version}", "registrations": registrations}
        browser.close()
    RECORDED.write_text(json.dumps(document, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
