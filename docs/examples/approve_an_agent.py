"""An agent asks a person before it sends a mail, and sends the mail that the person approved."""

from datetime import timedelta

from ask_from_your_site import a_phone, service

from counterseal import jwks_document, trusted_keys, verify_use_receipt
from counterseal.models import OriginRole, Scheme
from counterseal_client import (
    Action,
    ActionUsed,
    ArgumentsDiffer,
    Client,
    NotApproved,
    PendingRequest,
    Trust,
    UseOutcome,
    require_approved,
    requires_approval,
)

sent = []


def send_mail(to, subject):
    """Send a mail; stands for a tool of yours."""
    sent.append((to, subject))


# The decorator
def approved_mailer(client, trust, account_id):
    @requires_approval(client, trust, account=account_id, timeout=timedelta(minutes=10))
    def send_approved(to, subject):
        send_mail(to, subject)

    return send_approved


# The ten lines
def send_approved_mail(client, trust, account_id, arguments):
    action = Action(type="tool-call", resource="send_mail", arguments=arguments)
    pending_request = client.ask(account_id, action)
    reply = client.wait(pending_request, timedelta(minutes=10))
    require_approved(reply, pending_request, trust)  # signed by the person's device
    client.consume(pending_request, arguments)  # once, and for these arguments only
    send_mail(**arguments)
    client.report(pending_request, UseOutcome.EXECUTED)


# In two steps
def ask_for_mail(client, table, account_id, task, arguments):
    action = Action(
        type="tool-call",
        resource="send_mail",
        arguments=arguments,
        agent="Mail agent",
        run=task,
        purpose="Answer the customer of ticket 7",
    )
    pending_request = client.ask(account_id, action, idempotency_key=task)
    table[task] = pending_request.dump()


def go_on_with_mail(client, trust, table, task, arguments):
    pending_request = PendingRequest.load(table[task])
    require_approved(client.status(pending_request), pending_request, trust)
    used = client.consume(pending_request, arguments)
    send_mail(**arguments)
    client.report(pending_request, UseOutcome.EXECUTED, detail="message 12")
    return used.use.receipt


# After a crash
def unknown_outcomes(client, table):
    tasks = []
    for task, text in table.items():
        action = client.action(PendingRequest.load(text))
        if action.use and action.use.reported_at is None:
            tasks.append(task)
    return tasks


# Give it back
def give_back(client, table, task):
    client.withdraw(PendingRequest.load(table.pop(task)))


# A walk through it


def an_agent(world, url):
    party = world.new_origin(world.app_space, "Mail agent", role=OriginRole.ASKING)
    return a_client(world, url, party), trust_of(world)


def trust_of(world):
    return Trust.jwks(jwks_document(world.ports.signer.jwks()))


def a_site(world, url):
    """Return the client of the origin that binds devices; an agent's origin cannot."""
    return a_client(world, url, world.origin)


def a_client(world, url, party):
    origin = party.origin.guid
    key = world.credentials.issue(origin, Scheme.BASIC).secret
    return Client(url, origin, key, app_space=world.app_space.guid)


def main():
    world, _, server, url = service()
    with a_site(world, url) as site:
        phone = a_phone(world, site.bind("user-42").link())
    client, trust = an_agent(world, url)
    table, arguments = {}, {"to": "zoe@example.com", "subject": "Your ticket"}

    ask_for_mail(client, table, "user-42", "task-1", arguments)
    try:
        go_on_with_mail(client, trust, table, "task-1", arguments)
    except NotApproved as refusal:
        print("Before the answer:", refusal.code)

    (waiting,) = phone.pending()
    challenge = phone.fetch(waiting.guid)
    for row in phone.device.read_display(challenge.display)["content"]["keys"]:
        print(f"  {row['key']}: {row['value']}")
    phone.answer(challenge)

    try:
        go_on_with_mail(client, trust, table, "task-1", arguments | {"to": "eve@example.com"})
    except ArgumentsDiffer as refusal:
        print("Another recipient:", refusal.problem)
    receipt = go_on_with_mail(client, trust, table, "task-1", arguments)
    try:
        go_on_with_mail(client, trust, table, "task-1", arguments)
    except ActionUsed as refusal:
        print("The same again:", refusal.problem)

    trusted = trusted_keys(jwks_document(world.ports.signer.jwks()))
    use = verify_use_receipt(receipt, trusted=trusted)
    print("Used once, with the approved arguments:", use.presented)
    print("Sent:", sent)
    client.close()
    server.shutdown()


if __name__ == "__main__":
    main()
