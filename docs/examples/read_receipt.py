"""Check a receipt with no network and no database."""

import json
from pathlib import Path

import counterseal as cs
from counterseal.device import SoftwareDevice
from counterseal.memory import memory_ports

# A receipt and the service's keys, as an origin may have kept them

ports, policy = memory_ports(), cs.STANDARD
admin = cs.Administration(ports, policy, by=cs.OPERATOR)
space = admin.create_app_space(admin.create_company("Example").guid, "Bank")
shop = admin.relying_party(admin.create_origin(space.guid, "Web shop").guid)
invited = cs.Invitations(ports, policy).invite(shop, "user-42")
phone = SoftwareDevice.make(clock=ports.clock, entropy=ports.entropy, pin="1379")
enrolment = phone.enrolment(invited.token, space.guid, pin="1379")
phone.complete_binding(cs.Enrolments(ports, policy).complete(enrolment))
for content in ("Pay 10 EUR to Zoë?", "Log in?"):
    question = cs.read_question({"accountId": "user-42", "content": content})
    asked = cs.Challenges(ports, policy).issue(shop, question).challenge
    answer = phone.answer(asked.display, 0, pin="1379").encode()
    call = phone.signed_call("POST", "https://auth.example.com/device/answer", answer)
    ended = cs.Answers(ports, policy).answer(call)
    with Path("receipts.txt").open("a", encoding="ascii") as kept:
        kept.write(ended.outcome.receipt + "\n")
jwks = json.dumps(cs.jwks_document(ports.signer.jwks()))
Path("jwks.json").write_text(jwks, encoding="utf-8")

# Check one

first, second = Path("receipts.txt").read_text(encoding="ascii").split()
trusted = cs.trusted_keys(cs.read_json(Path("jwks.json").read_bytes()))

receipt = cs.verify_receipt(first, trusted=trusted)
print(receipt.display["origin"]["name"], "asked", receipt.display["account"]["id"])
print("  ", receipt.display["content"]["text"])
print("   answered:", receipt.answer.title, "- an approval:", receipt.approved)
print("   by a", receipt.role.value, "key, number", receipt.number)

# Check that none is missing between two

later = cs.verify_receipt(second, trusted=trusted)
assert later.number == receipt.number + 1
assert later.previous == receipt.hash

# What a receipt says without a trusted key

unproven = cs.verify_receipt(first)
print("consistent; issuer proven:", unproven.proven)
print("   thumbprint to compare:", len(unproven.issuer.thumbprint), "characters")

# What a changed one says

try:
    cs.verify_receipt(first.replace("e", "f", 1), trusted=trusted)
except cs.Refused as refusal:
    print("refused:", refusal.code)
