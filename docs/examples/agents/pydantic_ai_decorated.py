"""
Pydantic AI: each tool call of an agent waits until a person has approved it.

The tool runs only if the person's device has signed an approval of exactly its arguments: the
decorator verifies the receipt, and uses the approval once. If it does not run, the run ends by the
decorator's error.
"""

import asyncio
import os
from datetime import timedelta
from pathlib import Path

from pydantic_ai import Agent
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import FunctionModel

from counterseal_client import Client, Refused, Trust, Unavailable, requires_approval


# The agent
def build(client, trust, account_id, model, functions, *, timeout=timedelta(minutes=5)):
    """Return an agent whose tool calls are approved by the person of an account."""
    approved = requires_approval(
        client, trust, account=account_id, agent="Backup agent", timeout=timeout
    )
    return Agent(model, tools=[approved(function) for function in functions])


# To try it


def scripted_model(name, arguments):
    """Return a model that wants one tool call, and repeats what came of it."""

    def respond(messages, _):
        last = messages[-1].parts[-1]
        if last.part_kind == "tool-return":
            return ModelResponse(parts=[TextPart(str(last.content))])
        return ModelResponse(parts=[ToolCallPart(name, arguments, tool_call_id="call-1")])

    return FunctionModel(respond)


async def delete_folder(path: str) -> str:
    """Delete a folder; this one only says so."""
    return f"{path} is deleted."


async def main():
    client = Client(os.environ["AGENT_URL"], os.environ["AGENT_ORIGIN"], os.environ["AGENT_KEY"])
    trust = Trust.jwks(Path(os.environ["AGENT_JWKS"]))  # from the operator, not from a reply
    model = scripted_model("delete_folder", {"path": "/srv/backups/2019"})
    agent = build(client, trust, os.environ["AGENT_ACCOUNT"], model, [delete_folder])
    print("Answer on your device.", flush=True)
    try:
        print((await agent.run("Free some space.")).output)
    except (Refused, Unavailable) as error:
        print(f"Not executed: {error.code}.")
    client.close()


if __name__ == "__main__":
    asyncio.run(main())
