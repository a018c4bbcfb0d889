"""
A hook of a coding agent: a tool call runs only after a person has approved exactly this call.

The agent starts this program before each call of a tool (`PreToolUse`), with the call as JSON at
standard input. It prints the decision: "allow" after an approval that it has verified and used, and
"deny" after anything else, also after a mistake of its own.
"""

import json
import os
import sys
from datetime import timedelta
from pathlib import Path

WAIT = timedelta(minutes=5)  # less than the hook's own limit in the agent's settings


def require_approval(call):
    """Ask the person, and use the approval; raise if anything is not as it has to be."""
    # Imported here, so that a missing package is a "deny", too.
    from counterseal_client import Action, Client, Trust, require_approved  # noqa: PLC0415

    client = Client(os.environ["AGENT_URL"], os.environ["AGENT_ORIGIN"], os.environ["AGENT_KEY"])
    trust = Trust.jwks(Path(os.environ["AGENT_JWKS"]))  # from the operator, not from a reply
    action = Action(
        type="tool-call",
        resource=call["tool_name"],
        arguments=call["tool_input"],
        agent="Coding agent",
        run=call["session_id"],
    )
    with client:
        pending_request = client.ask(os.environ["AGENT_ACCOUNT"], action, duration=WAIT)
        reply = client.wait(pending_request, WAIT)
        if not reply.finished:
            client.cancel(pending_request)
        require_approved(reply, pending_request, trust)
        client.consume(pending_request, call["tool_input"])


def decide(stream):
    """Return the decision about the call that is read from *stream*, and its reason."""
    try:
        require_approval(json.load(stream))
    except BaseException as error:  # noqa: BLE001 (whatever it is, nothing was approved)
        return "deny", f"Not approved: {getattr(error, 'code', type(error).__name__)}."
    return "allow", "A person has approved this call."


def main():
    decision, reason = decide(sys.stdin)
    output = {
        "hookEventName": "PreToolUse",
        "permissionDecision": decision,
        "permissionDecisionReason": reason,
    }
    print(json.dumps({"hookSpecificOutput": output}))


if __name__ == "__main__":
    main()
