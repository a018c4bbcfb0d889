"""
LangGraph: each tool call of a graph waits until a person has approved it.

The tool runs only if the person's device has signed an approval of exactly its arguments: the
decorator verifies the receipt, and uses the approval once. `langgraph_native.py` does the same in
a graph that stops, and that another process resumes.
"""

import os
from datetime import timedelta
from pathlib import Path

os.environ["LANGSMITH_TRACING"] = "false"  # before LangGraph is imported

from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from counterseal_client import Client, Refused, Trust, Unavailable, requires_approval


# The agent
def build(client, trust, account_id, model, functions, *, timeout=timedelta(minutes=5)):
    """Return a graph whose tool calls are approved by the person of an account."""
    approved = requires_approval(
        client, trust, account=account_id, agent="Backup agent", timeout=timeout
    )
    tools = [tool(approved(function)) for function in functions]

    def think(state):
        return {"messages": [model.invoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("think", think)
    graph.add_node("tools", ToolNode(tools, handle_tool_errors=explain))
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", tools_condition)
    graph.add_edge("tools", "think")
    return graph.compile()


def explain(error: Refused | Unavailable) -> str:
    """Tell the model that nothing was executed."""
    return f"Not executed: {error.code}. Do not ask again."


# To try it


def scripted_model(name, arguments):
    """Return a model that wants one tool call, and ends after its result."""
    call = {"name": name, "args": arguments, "id": "call-1"}
    return GenericFakeChatModel(
        messages=iter([AIMessage("", tool_calls=[call]), AIMessage("That is all.")])
    )


def delete_folder(path: str) -> str:
    """Delete a folder; this one only says so."""
    return f"{path} is deleted."


def main():
    client = Client(os.environ["AGENT_URL"], os.environ["AGENT_ORIGIN"], os.environ["AGENT_KEY"])
    trust = Trust.jwks(Path(os.environ["AGENT_JWKS"]))  # from the operator, not from a reply
    model = scripted_model("delete_folder", {"path": "/srv/backups/2019"})
    graph = build(client, trust, os.environ["AGENT_ACCOUNT"], model, [delete_folder])
    print("Answer on your device.", flush=True)
    for message in graph.invoke({"messages": [HumanMessage("Free some space.")]})["messages"]:
        print(f"{message.type}: {message.text}")
    client.close()


if __name__ == "__main__":
    main()
