"""The whole of it in one process: bind a device, ask, answer, check the receipt."""

import counterseal as cs
from counterseal.device import SoftwareDevice
from counterseal.memory import memory_ports

ports, policy = memory_ports(), cs.STANDARD
admin = cs.Administration(ports, policy, by=cs.OPERATOR)
space = admin.create_app_space(admin.create_company("Example").guid, "Bank")
shop = admin.relying_party(admin.create_origin(space.guid, "Web shop").guid)

invited = cs.Invitations(ports, policy).invite(shop, "user-42")
phone = SoftwareDevice.make(clock=ports.clock, entropy=ports.entropy, pin="1379")
phone.complete_binding(
    cs.Enrolments(ports, policy).complete(phone.enrolment(invited.token, space.guid, pin="1379"))
)

question = cs.read_question({"accountId": "user-42", "content": "Pay 10 EUR to Zoë?"})
asked = cs.Challenges(ports, policy).issue(shop, question).challenge
signed = phone.answer(asked.display, 0, pin="1379")
call = phone.signed_call("POST", "https://auth.example.com/device/answer", signed.encode())
receipt = phone.check(cs.Answers(ports, policy).answer(call).outcome.receipt)
print(receipt.answer.title, receipt.display["content"]["text"], receipt.proven)
