"""The use cases whose trips are counted on every store."""

from counterseal.models import Question, TextContent


def play_use_cases(service, counted):
    """Bind, ask, read and answer; *counted* counts the trips of the use case that it names."""
    service.bind("yves")  # from now on it is known who invites
    with counted("invite"):
        invited = service.invitations.invite(service.origin, "zoe")
    phone = service.phone()
    enrolment = phone.device.enrolment(invited.token, service.app_space.guid, pin=phone.pin)
    with counted("bind"):
        bound = service.enrolments.complete(enrolment)
    phone.device.complete_binding(bound)
    question = Question(account_id="zoe", content=TextContent(text="Pay 10 EUR to Adam?"))
    with counted("ask"):
        issued = service.challenges.issue(service.origin, question)
    with counted("list requests"):
        (challenge,) = phone.pending()
    with counted("answer"):
        phone.answer(challenge)
    with counted("read the status of a request"):
        assert service.challenges.status(service.origin, issued.challenge.guid).approved
