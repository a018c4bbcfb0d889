"""The digest with arguments is that of the whole action document, which it does not parse."""

from datetime import UTC, datetime

import attrs
import pytest

from counterseal import ijson
from counterseal.approvals.decisions import digest_with
from counterseal.challenges.documents.action import action_digest, action_document
from counterseal.models import Action, ActionTerms, Guid

CLIENT = Guid("07000000-0000-8000-8000-000000000000")
VALID_UNTIL = datetime(2030, 1, 1, tzinfo=UTC)
ACTION = Action(type="payment", resource="account", arguments={}, valid_until=VALID_UNTIL)


@pytest.mark.parametrize("agent", [None, "agent", "client", '","client":"', "\\", '\\"client":'])
@pytest.mark.parametrize("purpose", [None, '"client":'])
@pytest.mark.parametrize(
    "arguments",
    [{}, {"client": '"client":', "arguments": {}}, {"b": [1, 0.5, None], "a": "ü", "ü": True}],
)
def test_it_is_the_digest_of_the_action_document(agent, purpose, arguments):
    action = attrs.evolve(ACTION, agent=agent, purpose=purpose, arguments=arguments)
    document = action_document(action, CLIENT)
    del document["arguments"]
    terms = ActionTerms(
        type=action.type,
        document=ijson.canonical(document).decode(),
        digest=action_digest(action, CLIENT),
        valid_until=VALID_UNTIL,
    )
    assert digest_with(terms, arguments) == terms.digest
    assert digest_with(terms, {**arguments, "more": ""}) != terms.digest
