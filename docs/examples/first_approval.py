"""The tutorial: from nothing to a receipt that is checked offline."""
# ruff: noqa: E402 (a lesson imports what each step needs)

# 1. Put a service together

from counterseal import OPERATOR, STANDARD, Administration, Invitations
from counterseal.memory import memory_ports

ports, policy = memory_ports(), STANDARD

admin = Administration(ports, policy, by=OPERATOR)
company = admin.create_company("Example")
space = admin.create_app_space(company.guid, "Example Bank")
origin = admin.create_origin(space.guid, "Web shop")
shop = admin.relying_party(origin.guid)

# 2. Invite a device

invitation = Invitations(ports, policy).invite(shop, "user-42")
life = invitation.deadline - invitation.account.created_at
print(f"One device may use the session token, once, within {life}.")

# 3. Finish the bind

from counterseal import Enrolments
from counterseal.device import SoftwareDevice

phone = SoftwareDevice.make(clock=ports.clock, entropy=ports.entropy, pin="1379")
enrolment = phone.enrolment(invitation.token, space.guid, pin="1379", name="A phone")

bound = Enrolments(ports, policy).complete(enrolment)
phone.complete_binding(bound)
print(f"The binding is {bound.binding.state.value}, with the keys:")
for device_key in bound.binding.keys:
    print(f"  {device_key.role.value}: {device_key.key.algorithm.value}")

# 4. Ask

from counterseal import Challenges, read_question

question = read_question(
    {
        "accountId": "user-42",
        "content": {
            "title": "Transfer",
            "keys": [
                {"key": "Amount", "value": "10,00 EUR"},
                {"key": "Payee", "value": "Zoë Example"},
            ],
        },
        "buttons": [
            {"title": "Pay", "strongAuth": True},
            {"title": "Do not pay", "strongAuth": False},
        ],
        "showCode": True,
    }
)
challenges = Challenges(ports, policy)
issued = challenges.issue(shop, question)
print(f"The challenge is {issued.challenge.state.value}.")
print(f"The shop shows its user a code of {len(issued.code)} digits.")

# 5. Show

from counterseal import Answers

answers = Answers(ports, policy)
HERE = "https://auth.example.com/device"

(waiting,) = answers.pending(phone.signed_call("GET", f"{HERE}/pending"))
fetched = answers.fetch(phone.signed_call("GET", f"{HERE}/challenges/{waiting.guid}"), waiting.guid)
shown = phone.read_display(fetched.display)
print(f"{shown['origin']['name']} asks {shown['account']['id']}:")
for line in shown["content"]["keys"]:
    print(f"  {line['key']}: {line['value']}")
for button in shown["buttons"]:
    print(f"  [ {button['title']} ]")

# 6. Answer

typed = issued.code  # a person reads it on the shop's page and types it into the phone
answer = phone.answer(fetched.display, 0, pin="1379", code=typed)
ended = answers.answer(phone.signed_call("POST", f"{HERE}/answer", answer.encode()))
print(f"The challenge is {ended.state.value}; approved: {ended.approved}.")

# 7. Look at the outcome

seen = challenges.status(shop, issued.challenge.guid)
assert seen.approved
receipt = seen.outcome.receipt

# 8. Check the receipt

from counterseal import verify_receipt

checked = verify_receipt(receipt, trusted=bound.service_keys)
print(f"Receipt {checked.number}: {checked.answer.title!r} was pressed on")
print(f"  {checked.display['content']['keys']}")
print(f"  issuer proven: {checked.proven}")

# 9. Try to cheat

from counterseal import Refused

dearer = challenges.issue(shop, question)
forged = dearer.challenge.display.replace("10,00 EUR", "10 000,00 EUR")
lie = phone.answer(forged, 0, pin="1379", code=dearer.code)
try:
    answers.answer(phone.signed_call("POST", f"{HERE}/answer", lie.encode()))
except Refused as refusal:
    print(f"Refused: {refusal.code!r} in the log, {refusal.public_code!r} to the sender.")
