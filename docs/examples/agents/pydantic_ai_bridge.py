"""
Pydantic AI: a person approves each tool call of an agent, by the capability of AAP's package.

The capability asks the service, waits, uses the approval, runs the tool and reports. It compares
the arguments that run with those that were asked: the service cannot, because a use in AAP names
none.

The tool runs if the service says that the person approved: AAP's replies have no receipt, so
nothing here verifies the device's signature. `langgraph_native.py` does.
"""

import asyncio
import os
from contextlib import aclosing
from urllib.parse import quote

from agentapprovalprotocol import AsyncClient, AsyncGate
from agentapprovalprotocol.pydantic_ai import ApprovalCapability
from pydantic_ai import Agent
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import FunctionModel


def connect(service, account_id, origin, key, **options):
    """Return AAP's client of a service, for what the person of an account approves."""
    base_url = f"{service}/aap/{quote(account_id, safe='')}"
    return AsyncClient(base_url, f"{origin}.{key}", **options)


def build(client, model, tools, *, output_type=str, **gate):
    """Return an agent whose tool calls are approved; `gate` is what AAP's gate takes."""
    approvals = ApprovalCapability(gate=AsyncGate(client, **gate))
    return Agent(model, tools=tools, output_type=output_type, capabilities=[approvals])


def scripted_model(name, arguments, call_id="call-1"):
    """Return a model that wants one tool call, and repeats what came of it."""

    def respond(messages, _):
        last = messages[-1].parts[-1]
        if last.part_kind == "tool-return":
            return ModelResponse(parts=[TextPart(str(last.content))])
        return ModelResponse(parts=[ToolCallPart(name, arguments, tool_call_id=call_id)])

    return FunctionModel(respond)


def delete_folder(path: str) -> str:
    """Delete a folder; this one only says so."""
    return f"{path} is deleted."


async def main():
    client = connect(
        os.environ["AGENT_URL"],
        os.environ["AGENT_ACCOUNT"],
        os.environ["AGENT_ORIGIN"],
        os.environ["AGENT_KEY"],
    )
    model = scripted_model("delete_folder", {"path": "/srv/backups/2019"})
    async with aclosing(client):
        agent = build(client, model, [delete_folder], timeout="5m")
        print("Answer on your device.", flush=True)
        result = await agent.run("Free some space.")
    print(result.output)


if __name__ == "__main__":
    asyncio.run(main())
