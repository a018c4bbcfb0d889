"""
LangGraph: the graph stops until a person has approved a tool call, and uses the approval once.

Nothing of the resume value is read. Resuming the graph only makes it look again, and the
tool runs only if the person's device has signed an approval of exactly these arguments.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated, TypedDict

os.environ["LANGSMITH_TRACING"] = "false"  # before LangGraph is imported

from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, interrupt

from counterseal import Refused, Unavailable
from counterseal_client import (
    Action,
    ActionProgress,
    ActionUsed,
    Client,
    PendingRequest,
    Trust,
    UseOutcome,
    require_approved,
)


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    request: str


def build(client, trust, account_id, model, tools, *, life=timedelta(minutes=5)):
    """Return a graph whose tool calls are approved by the person of an account, one at a time."""
    tools = {each.name: each for each in tools}

    def think(state):
        return {"messages": [model.invoke(state["messages"])]}

    def ask(state, config):
        call, thread = the_call(state), config["configurable"]["thread_id"]
        request = client.ask(
            account_id,
            Action(
                type="tool-call",
                resource=call["name"],
                arguments=call["args"],
                agent="Backup agent",
                run=thread,
            ),
            duration=life,
            # A node may run again: the person is asked once.
            idempotency_key=f"{thread}:{call['id']}",
        )
        return {"request": request.dump()}

    def wait(state):
        request = PendingRequest.load(state["request"])
        while client.action(request).state is ActionProgress.PENDING:
            interrupt({"request": request.guid})
        return {}

    def execute(state):
        call, request = the_call(state), PendingRequest.load(state["request"])
        try:
            require_approved(client.status(request), request, trust)
            client.consume(request, call["args"])  # what runs, and not what was asked
        except ActionUsed:
            # An earlier run of this node may have executed it, and have ended before its report.
            return answer(call, "Used before, and perhaps executed: do not ask again.")
        except (Refused, Unavailable) as error:
            return answer(call, f"Not executed: {error.code}.")
        try:
            result = str(tools[call["name"]].invoke(call["args"]))
        except Exception:  # noqa: BLE001 (a tool may raise anything)
            return answer(call, "Ended by an error: perhaps executed. Do not ask again.")
        client.report(request, UseOutcome.EXECUTED)
        return answer(call, result)

    graph = StateGraph(State)
    for node in (think, ask, wait, execute):
        graph.add_node(node.__name__, node)
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", lambda state: "ask" if calls(state) else END)
    graph.add_edge("ask", "wait")
    graph.add_edge("wait", "execute")
    graph.add_edge("execute", "think")
    return graph.compile(checkpointer=InMemorySaver())


def calls(state):
    return getattr(state["messages"][-1], "tool_calls", [])


def the_call(state):
    (call,) = calls(state)  # a person approves one call at a time
    return call


def answer(call, text):
    return {"messages": [ToolMessage(text, tool_call_id=call["id"])]}


def scripted_model(call):
    """Return a model that wants one tool call, and ends after its result."""
    return GenericFakeChatModel(
        messages=iter([AIMessage("", tool_calls=[call]), AIMessage("That is all.")])
    )


@tool
def delete_folder(path: str) -> str:
    """Delete a folder; this one only says so."""
    return f"{path} is deleted."


def main():
    client = Client(
        os.environ["AGENT_URL"],
        os.environ["AGENT_ORIGIN"],
        os.environ["AGENT_KEY"],
    )
    call = {"name": "delete_folder", "args": {"path": "/srv/backups/2019"}, "id": "call-1"}
    trust = Trust.jwks(Path(os.environ["AGENT_JWKS"]))  # from the operator, not from a reply
    account_id, model = os.environ["AGENT_ACCOUNT"], scripted_model(call)
    graph = build(client, trust, account_id, model, [delete_folder])
    config = {"configurable": {"thread_id": os.urandom(8).hex()}}

    state = graph.invoke({"messages": [HumanMessage("Free some space.")]}, config)
    print("Asked: answer on your device.", flush=True)
    while "__interrupt__" in state:
        # A program that ends here resumes later, when the service's callback arrives.
        client.wait(state["__interrupt__"][0].value["request"], timedelta(minutes=5))
        state = graph.invoke(Command(resume=True), config)
    for message in state["messages"]:
        print(f"{message.type}: {message.text}")


if __name__ == "__main__":
    main()
