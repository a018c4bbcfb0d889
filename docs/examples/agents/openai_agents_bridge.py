"""
OpenAI Agents SDK: a person approves each tool call of an agent, by the bridge of AAP's package.

`protect` gates every tool that the agent can reach. The gate asks the service, waits, uses the
approval, lets the tool run and reports. It compares the arguments that run with those that were
asked: the service cannot, because a use in AAP names none.

The tool runs if the service says that the person approved: AAP's replies have no receipt, so
nothing here verifies the device's signature. `langgraph_native.py` does.
"""

import asyncio
import json
import os
from contextlib import aclosing
from urllib.parse import quote

from agentapprovalprotocol import AsyncClient, AsyncGate
from agentapprovalprotocol.openai_agents import Approvals
from agents import Agent, Model, ModelResponse, Usage, function_tool, set_tracing_disabled
from openai.types.responses import (
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
)

set_tracing_disabled(True)


def connect(service, account_id, origin, key, **options):
    """Return AAP's client of a service, for what the person of an account approves."""
    base_url = f"{service}/aap/{quote(account_id, safe='')}"
    return AsyncClient(base_url, f"{origin}.{key}", **options)


def build(client, model, tools, *, save=None, load=None, **gate):
    """
    Return an agent whose tool calls are approved, and its approvals, which run it.

    `save` and `load` store the state of paused runs; `gate` is what AAP's gate takes.
    """
    approvals = Approvals(gate=AsyncGate(client, **gate), save=save, load=load)
    return approvals.protect(Agent(name="Backup agent", model=model, tools=tools)), approvals


class ScriptedModel(Model):
    """A model that wants one tool call, and repeats what came of it."""

    def __init__(self, name, arguments):
        self.call = ResponseFunctionToolCall(
            name=name,
            arguments=json.dumps(arguments),
            call_id=f"call-{os.urandom(8).hex()}",  # a call is asked about once
            type="function_call",
        )

    async def get_response(self, system_instructions, input, *_, **__):  # noqa: A002, ARG002
        last = input[-1] if isinstance(input, list) else {}
        item = self.call
        if last.get("type") == "function_call_output":
            text = ResponseOutputText(text=last["output"], annotations=[], type="output_text")
            item = ResponseOutputMessage(
                id="message-1",
                content=[text],
                role="assistant",
                status="completed",
                type="message",
            )
        return ModelResponse(output=[item], usage=Usage(), response_id=None)

    def stream_response(self, *_, **__):
        raise NotImplementedError


@function_tool
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
    model = ScriptedModel("delete_folder", {"path": "/srv/backups/2019"})
    async with aclosing(client):
        agent, approvals = build(client, model, [delete_folder], timeout="5m")
        print("Answer on your device.", flush=True)
        result = await approvals.run(agent, "Free some space.")
    print(result.final_output)


if __name__ == "__main__":
    asyncio.run(main())
