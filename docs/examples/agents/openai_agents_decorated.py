"""
OpenAI Agents SDK: each tool call of an agent waits until a person has approved it.

The tool runs only if the person's device has signed an approval of exactly its arguments: the
decorator verifies the receipt, and uses the approval once.
"""

import asyncio
import json
import os
from datetime import timedelta
from pathlib import Path

from agents import (
    Agent,
    Model,
    ModelResponse,
    Runner,
    Usage,
    function_tool,
    set_tracing_disabled,
)
from openai.types.responses import (
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
)

from counterseal_client import Client, Refused, Trust, Unavailable, requires_approval

set_tracing_disabled(True)


# The agent
def build(client, trust, account_id, model, functions, *, timeout=timedelta(minutes=5)):
    """Return an agent whose tool calls are approved by the person of an account."""
    approved = requires_approval(
        client, trust, account=account_id, agent="Backup agent", timeout=timeout
    )
    tools = [
        function_tool(approved(function), failure_error_function=explain) for function in functions
    ]
    return Agent(name="Backup agent", model=model, tools=tools)


def explain(_, error):
    """Tell the model that nothing was executed; an error of the tool itself ends the run."""
    if isinstance(error, (Refused, Unavailable)):
        return f"Not executed: {error.code}. Do not ask again."
    raise error


# To try it


class ScriptedModel(Model):
    """A model that wants one tool call, and repeats what came of it."""

    def __init__(self, name, arguments):
        self.call = ResponseFunctionToolCall(
            name=name, arguments=json.dumps(arguments), call_id="call-1", type="function_call"
        )

    async def get_response(self, system_instructions, input, *_, **__):  # noqa: A002, ARG002
        last = input[-1] if isinstance(input, list) else {}
        item = self.call
        if last.get("type") == "function_call_output":
            text = ResponseOutputText(text=last["output"], annotations=[], type="output_text")
            item = ResponseOutputMessage(
                id="message-1", content=[text], role="assistant", status="completed", type="message"
            )
        return ModelResponse(output=[item], usage=Usage(), response_id=None)

    def stream_response(self, *_, **__):
        raise NotImplementedError


async def delete_folder(path: str) -> str:
    """Delete a folder; this one only says so."""
    return f"{path} is deleted."


async def main():
    client = Client(os.environ["AGENT_URL"], os.environ["AGENT_ORIGIN"], os.environ["AGENT_KEY"])
    trust = Trust.jwks(Path(os.environ["AGENT_JWKS"]))  # from the operator, not from a reply
    model = ScriptedModel("delete_folder", {"path": "/srv/backups/2019"})
    agent = build(client, trust, os.environ["AGENT_ACCOUNT"], model, [delete_folder])
    print("Answer on your device.", flush=True)
    print((await Runner.run(agent, "Free some space.")).final_output)
    client.close()


if __name__ == "__main__":
    asyncio.run(main())
