"""A person opens a document on the device, and approves exactly this file."""

import base64
import hashlib
from pathlib import Path

from approve_an_agent import a_site, trust_of
from ask_from_your_site import a_phone, service

from counterseal import jwks_document, trusted_keys, verify_receipt
from counterseal_client import Action, ArgumentsDiffer, PendingRequest, UseOutcome, require_approved


# Describe the file
def describe(path, media_type, url):
    content = path.read_bytes()
    digest = hashlib.sha256(content).digest()
    return {
        "name": path.name,
        "size": len(content),
        "type": media_type,
        "sha256": base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii"),
        "url": url,
    }


# Ask the person
def ask_to_sign(client, account_id, subject, documents):
    arguments = {"documents": documents}
    action = Action(type="document", resource=subject, arguments=arguments)
    return client.ask(account_id, action).dump()


# Act on the approval
def conclude(client, trust, stored, documents, conclude_contract):
    pending_request = PendingRequest.load(stored)
    reply = client.status(pending_request)
    approval = require_approved(reply, pending_request, trust)
    client.consume(pending_request, {"documents": documents})
    conclude_contract()
    client.report(pending_request, UseOutcome.EXECUTED)
    return approval.receipt


# Prove which file it was
def is_signed(receipt, path, trusted):
    signed = verify_receipt(receipt, trusted=trusted)
    digest = base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest())
    attachments = signed.display["action"]["attachments"]
    hashes = [attachment["sha256"] for attachment in attachments]
    return signed.approved and digest.rstrip(b"=").decode("ascii") in hashes


# A walk through it

ADDRESS = "https://files.example.com/8f2b6c/lease.txt"


def main():
    world, _, server, url = service()
    client, trust = a_site(world, url), trust_of(world)
    phone = a_phone(world, client.bind("user-42").link())
    lease = Path("lease.txt")
    lease.write_text("The rent is 900 EUR.\n", encoding="utf-8")

    documents = [describe(lease, "text/plain", ADDRESS)]
    stored = ask_to_sign(client, "user-42", "Lease of 12 Example Street", documents)
    (waiting,) = phone.pending()
    challenge = phone.fetch(waiting.guid)
    for row in phone.device.read_display(challenge.display)["content"]["keys"]:
        print(f"  {row['key']}: {row['value']}")
    phone.answer(challenge)

    replaced = Path("replaced.txt")
    replaced.write_text("The rent is 990 EUR.\n", encoding="utf-8")
    try:
        conclude(client, trust, stored, [describe(replaced, "text/plain", ADDRESS)], print)
    except ArgumentsDiffer:
        print("Another file: refused.")
    receipt = conclude(client, trust, stored, documents, lambda: print("Concluded."))
    trusted = trusted_keys(jwks_document(world.ports.signer.jwks()))
    print("Signed:", *(path for path in (lease, replaced) if is_signed(receipt, path, trusted)))
    client.close()
    server.shutdown()


if __name__ == "__main__":
    main()
