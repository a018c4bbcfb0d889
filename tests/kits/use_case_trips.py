"""How many trips each use case takes to the ports of a store that needs one for a call."""

from counterseal.models import Question, TextContent


def play_use_cases(service, counted):
    """Bind, ask, read and answer; *counted* requires how often a port is asked meanwhile."""
    service.bind("yves")  # from now on it is known who invites
    with counted(store=2, counters=1):
        invited = service.invitations.invite(service.origin, "zoe")
    phone = service.phone()
    enrolment = phone.device.enrolment(invited.token, service.app_space.guid, pin=phone.pin)
    with counted(store=2):
        bound = service.enrolments.complete(enrolment)
    phone.device.complete_binding(bound)
    question = Question(account_id="zoe", content=TextContent(text="Pay 10 EUR to Adam?"))
    with counted(store=2, counters=1):
        issued = service.challenges.issue(service.origin, question)
    with counted(store=2, replay=1):
        (challenge,) = phone.pending()
    with counted(store=2, replay=1):
        phone.answer(challenge)
    with counted(store=1):
        assert service.challenges.status(service.origin, issued.challenge.guid).approved
