"""
The examples of agents, against a running service: a tool runs after an approval of its arguments.

Each example runs with a scripted model, and a person on a software device. In every other case the
tool does not run: declined, expired, service away, arguments changed after the approval, used
before.
"""

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from datetime import timedelta
from functools import partial
from pathlib import Path

import attrs
import pytest
from agents import Runner, function_tool
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from langgraph.types import Command
from pydantic_ai import DeferredToolRequests, DeferredToolResults
from pydantic_ai.tools import ToolApproved
from reserved_ports import reserve_port
from running_service import running_service

from counterseal import Refused, Unavailable
from counterseal_client import ActionProgress, Client, Trust

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "examples" / "agents"))

import langgraph_decorated
import langgraph_native
import openai_agents_bridge
import openai_agents_decorated
import pydantic_ai_bridge
import pydantic_ai_decorated

PATH = "/srv/backups/2019"
OTHER = "/srv/backups"
PROMPT = "Free some space."

SETTINGS = """
aap = true

[policy]
arguments_required = false
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory, _receiver):
    """Return a running service that serves AAP."""
    folder = tmp_path_factory.mktemp("service")
    config = folder / "counterseal.toml"
    config.write_text(SETTINGS)
    with running_service(folder, _receiver.url, CONFIG=str(config)) as service:
        yield service


@pytest.fixture
def deleted():
    """Return the paths that the tool was called with."""
    return []


@pytest.fixture(scope="module")
def agent_origin(service):
    """Return the agent's origin, which only asks; the service's own binds the phones."""
    return service.new_agent("Agents")


@pytest.fixture
def client(service, agent_origin):
    with Client(service.url, agent_origin.guid, agent_origin.secret) as client:
        yield client


@pytest.fixture
def beside():
    """Return what runs a function in a thread, while the test is the person."""
    with ThreadPoolExecutor(1) as threads:
        yield threads.submit


def use_of(client, guid):
    """Return the use of a request's approval; None if there was none."""
    return client.action(guid).use


def unreachable():
    return f"http://127.0.0.1:{reserve_port()}"


@pytest.fixture
def trust(service):
    _, document = service.send("GET", "/.well-known/jwks.json", b"", {})
    return Trust.jwks(document)


@pytest.fixture
def away(agent_origin):
    """Return a client of a service that is away."""
    with Client(unreachable(), agent_origin.guid, agent_origin.secret) as client:
        yield client


# By the decorator


def run_langgraph(client, trust, account_id, deleted, **options):
    def delete_folder(path: str) -> str:
        """Delete a folder."""
        deleted.append(path)
        return f"{path} is deleted."

    model = langgraph_decorated.scripted_model("delete_folder", {"path": PATH})
    graph = langgraph_decorated.build(client, trust, account_id, model, [delete_folder], **options)
    return graph.invoke({"messages": [HumanMessage(PROMPT)]})["messages"][-2].text


def asynchronous(deleted):
    async def delete_folder(path: str) -> str:
        """Delete a folder."""
        deleted.append(path)
        return f"{path} is deleted."

    return delete_folder


def run_pydantic_ai(client, trust, account_id, deleted, **options):
    model = pydantic_ai_decorated.scripted_model("delete_folder", {"path": PATH})
    functions = [asynchronous(deleted)]
    agent = pydantic_ai_decorated.build(client, trust, account_id, model, functions, **options)
    try:
        return asyncio.run(agent.run(PROMPT)).output
    except (Refused, Unavailable) as error:
        return error.code


def run_openai_agents(client, trust, account_id, deleted, **options):
    model = openai_agents_decorated.ScriptedModel("delete_folder", {"path": PATH})
    functions = [asynchronous(deleted)]
    agent = openai_agents_decorated.build(client, trust, account_id, model, functions, **options)
    return asyncio.run(Runner.run(agent, PROMPT)).final_output


@pytest.fixture(params=[run_langgraph, run_pydantic_ai, run_openai_agents])
def run(request, client, trust, approver, deleted):
    """Return what runs an agent whose tool is decorated, and returns what came of its call."""

    def run(*, client=client, trust=trust, **options):
        return request.param(client, trust, approver, deleted, **options)

    return run


def test_a_decorated_tool_runs_what_was_approved_and_reports(run, client, phone, deleted, beside):
    running = beside(run)
    guid = phone.await_request()
    rows = {row["key"]: row["value"] for row in phone.display(guid)["content"]["keys"]}
    assert (rows["Tool"], rows["$.path"]) == ("delete_folder", json.dumps(PATH))
    phone.approve(guid)

    assert running.result(60) == f"{PATH} is deleted."

    assert deleted == [PATH]
    use = use_of(client, guid)
    assert (use.state.value, use.presented) == ("EXECUTED", True)


def test_a_decorated_tool_does_not_run_after_a_no(run, client, phone, deleted, beside):
    running = beside(run)
    guid = phone.await_request()
    phone.decline(guid)

    assert "declined" in running.result(60)

    assert (deleted, use_of(client, guid)) == ([], None)


def test_a_decorated_tool_that_nobody_approves_in_time_does_not_run(run, deleted):
    assert "unanswered" in run(timeout=timedelta(seconds=1))

    assert deleted == []


def test_a_decorated_tool_does_not_run_on_what_other_keys_prove(
    run, client, phone, deleted, beside
):
    running = beside(partial(run, trust=Trust(thumbprint="A" * 43)))
    guid = phone.await_request()
    phone.approve(guid)

    assert "evidence_refused" in running.result(60)

    assert (deleted, use_of(client, guid)) == ([], None)


def test_a_decorated_tool_does_not_run_while_the_service_is_away(run, away, deleted):
    assert "not_sent" in run(client=away)

    assert deleted == []


# LangGraph, in a graph that stops


CALL = {"name": "delete_folder", "args": {"path": PATH}, "id": "call-1"}
USED_BEFORE = "Used before, and perhaps executed: do not ask again."


@attrs.define
class Graph:
    """The graph of the example, in a thread of its own for each account."""

    graph: object
    config: dict

    @classmethod
    def build(cls, client, trust, account_id, deleted, **options):
        @tool
        def delete_folder(path: str) -> str:
            """Delete a folder."""
            deleted.append(path)
            return f"{path} is deleted."

        model = langgraph_native.scripted_model(CALL)
        graph = langgraph_native.build(client, trust, account_id, model, [delete_folder], **options)
        return cls(graph, {"configurable": {"thread_id": f"thread of {account_id}"}})

    def start(self):
        """Run until the graph stops; return the GUID of the request that it waits for."""
        messages = {"messages": [HumanMessage(PROMPT)]}
        return self._request(self.graph.invoke(messages, self.config))

    def resume(self, value=None):
        """Resume; return the request if it waits again, and else what came of the call."""
        state = self.graph.invoke(Command(resume=value or {"approved": True}), self.config)
        if "__interrupt__" in state:
            return self._request(state)
        return state["messages"][-2].text

    def go_on(self):
        """Run the node again that failed; return what came of the call."""
        return self.graph.invoke(None, self.config)["messages"][-2].text

    def change(self, path):
        """Change the call that was approved, as a later node or a person at the store would."""
        message = self.graph.get_state(self.config).values["messages"][-1]
        calls = [{**CALL, "args": {"path": path}}]
        changed = AIMessage(message.content, id=message.id, tool_calls=calls)
        self.graph.update_state(self.config, {"messages": [changed]}, as_node="ask")
        state = self.graph.invoke(None, self.config)
        return state["messages"][-2].text

    @staticmethod
    def _request(state):
        (stop,) = state["__interrupt__"]
        return stop.value["request"]


@pytest.fixture
def graph(client, trust, account_id, phone, deleted):
    return Graph.build(client, trust, account_id, deleted)


def test_a_graph_executes_what_was_approved_and_reports(graph, client, phone, deleted):
    guid = graph.start()
    rows = {row["key"]: row["value"] for row in phone.display(guid)["content"]["keys"]}
    assert (rows["Tool"], rows["$.path"]) == ("delete_folder", json.dumps(PATH))
    phone.approve(guid)

    assert graph.resume() == f"{PATH} is deleted."

    assert deleted == [PATH]
    action = client.action(guid)
    assert action.state is ActionProgress.USED
    assert (action.use.state.value, action.use.presented) == ("EXECUTED", True)


def test_a_graph_that_is_resumed_without_an_answer_waits_for_the_same_request(graph, deleted):
    guid = graph.start()

    assert [graph.resume(), graph.resume("approve")] == [guid, guid]

    assert deleted == []


def test_a_graph_executes_nothing_after_a_no(graph, client, phone, deleted):
    guid = graph.start()
    phone.decline(guid)

    assert graph.resume() == "Not executed: declined."

    assert (deleted, use_of(client, guid)) == ([], None)


def test_a_graph_executes_nothing_that_expired(client, trust, account_id, phone, deleted):
    graph = Graph.build(client, trust, account_id, deleted, life=timedelta(seconds=1))
    guid = graph.start()
    client.wait(guid, timedelta(seconds=30))

    assert graph.resume() == "Not executed: unanswered."

    assert deleted == []


def test_a_graph_executes_no_other_arguments_than_the_approved_ones(graph, client, phone, deleted):
    guid = graph.start()
    phone.approve(guid)

    assert graph.change(OTHER) == "Not executed: request_arguments_differ."

    assert (deleted, use_of(client, guid)) == ([], None)


def test_a_graph_executes_nothing_that_was_used_elsewhere(graph, client, phone, deleted):
    guid = graph.start()
    phone.approve(guid)
    client.consume(guid, CALL["args"])

    assert graph.resume() == USED_BEFORE

    assert deleted == []


def test_a_graph_executes_nothing_that_other_keys_prove(client, account_id, phone, deleted):
    stranger = Trust(thumbprint="A" * 43)
    graph = Graph.build(client, stranger, account_id, deleted)
    guid = graph.start()
    phone.approve(guid)

    assert graph.resume() == "Not executed: evidence_refused."

    assert deleted == []


def test_a_graph_whose_report_fails_does_not_say_that_nothing_was_executed(
    graph, client, away, phone, deleted
):
    guid = graph.start()
    phone.approve(guid)
    client.report = away.report
    with pytest.raises(Unavailable):
        graph.resume()

    assert graph.go_on() == USED_BEFORE

    assert deleted == [PATH]
    assert use_of(client, guid).state.value == "UNKNOWN"


def test_a_graph_stops_while_the_service_is_away(away, trust, account_id, deleted):
    graph = Graph.build(away, trust, account_id, deleted)

    with pytest.raises(Unavailable):
        graph.start()

    assert deleted == []


def test_a_graph_executes_nothing_while_the_service_is_away(graph, client, away, phone, deleted):
    guid = graph.start()
    phone.approve(guid)
    client.consume = away.consume

    assert graph.resume() == "Not executed: not_sent."

    assert (deleted, use_of(client, guid)) == ([], None)


# By AAP's bridges, which wait or pause


@attrs.define
class Bridge:
    """
    An agent of an example; each framework runs it, and goes on after a pause, in its own way.

    Attributes:
        service: Its address.
        account_id: Whose person approves.
        origin: Who asks.
        deleted: The paths that the tool was called with.
    """

    service: str
    account_id: str
    origin: object
    deleted: list
    paused: object = None

    def within(self, scenario, **options):
        """Run a scenario, a coroutine function, with AAP's client; return its result."""

        async def connected():
            target = (self.service, self.account_id, self.origin.guid, self.origin.secret)
            async with aclosing(self.example.connect(*target, **options)) as client:
                return await scenario(client)

        return asyncio.run(connected())

    def run(self, *, timeout="5m", **options):
        """Run to the end; return what came of the call."""
        return self.within(partial(self._run, timeout=timeout), **options)

    def pause(self):
        """Run until it pauses."""
        self.within(self._pause)

    def resume(self, guid, change=None):
        """Go on after a pause, with another path if there is a *change*."""
        return self.within(partial(self._resume, guid=guid, change=change))


class PydanticAI(Bridge):
    """The agent of the example for Pydantic AI."""

    example = pydantic_ai_bridge

    def agent(self, client, **options):
        def delete_folder(path: str) -> str:
            """Delete a folder."""
            self.deleted.append(path)
            return f"{path} is deleted."

        model = self.example.scripted_model("delete_folder", {"path": PATH})
        return self.example.build(client, model, [delete_folder], **options)

    def pausing(self, client):
        return self.agent(client, mode="async", output_type=[str, DeferredToolRequests])

    async def _run(self, client, *, timeout):
        return (await self.agent(client, timeout=timeout).run(PROMPT)).output

    async def _pause(self, client):
        result = await self.pausing(client).run(PROMPT)
        assert isinstance(result.output, DeferredToolRequests)
        self.paused = result.conversation

    async def _resume(self, client, *, guid, change):
        approved = True if change is None else ToolApproved(override_args={"path": change})
        result = await self.pausing(client).run(
            conversation=self.paused,
            deferred_tool_results=DeferredToolResults(approvals={"call-1": approved}),
        )
        return result.output


class OpenAIAgents(Bridge):
    """The agent of the example for the OpenAI Agents SDK."""

    example = openai_agents_bridge

    def agent(self, client, **options):
        @function_tool
        def delete_folder(path: str) -> str:
            """Delete a folder."""
            self.deleted.append(path)
            return f"{path} is deleted."

        model = self.example.ScriptedModel("delete_folder", {"path": PATH})
        return self.example.build(client, model, [delete_folder], **options)

    def pausing(self, client):
        return self.agent(client, mode="async", save=self._save, load=lambda _: self.paused)

    def _save(self, _, state):
        self.paused = state

    async def _run(self, client, *, timeout):
        agent, approvals = self.agent(client, timeout=timeout)
        return (await approvals.run(agent, PROMPT)).final_output

    async def _pause(self, client):
        agent, approvals = self.pausing(client)
        result = await approvals.run(agent, PROMPT, run_id="run-1")
        assert result.interruptions

    async def _resume(self, client, *, guid, change):
        if change is not None:
            assert PATH in self.paused
            self.paused = self.paused.replace(PATH, change)
        agent, approvals = self.pausing(client)
        await approvals.resumer(agent)({"run_id": "run-1"}, await client.get(guid))
        return self.paused


@pytest.fixture(params=[PydanticAI, OpenAIAgents], ids=["pydantic-ai", "openai-agents"])
def bridge_class(request):
    return request.param


@pytest.fixture
def approver(account_id, phone):
    """Return the id of the account whose device `phone` is."""
    return account_id


@pytest.fixture
def bridge(bridge_class, service, agent_origin, approver, deleted):
    return bridge_class(service.url, approver, agent_origin, deleted)


def test_a_bridge_runs_what_was_approved_and_reports(bridge, client, phone, deleted, beside):
    running = beside(bridge.run)
    guid = phone.await_request()
    phone.approve(guid)

    assert running.result(60) == f"{PATH} is deleted."

    assert deleted == [PATH]
    use = use_of(client, guid)
    assert (use.state.value, use.presented) == ("EXECUTED", False)


def test_a_bridge_runs_nothing_after_a_no(bridge, client, phone, deleted, beside):
    running = beside(bridge.run)
    guid = phone.await_request()
    phone.decline(guid)

    assert "denied this call" in running.result(60)

    assert (deleted, use_of(client, guid)) == ([], None)


def test_a_bridge_runs_nothing_that_expired(bridge, deleted):
    assert "expired" in bridge.run(timeout="1s")

    assert deleted == []


def test_a_bridge_runs_nothing_while_the_service_is_away(
    bridge_class, agent_origin, account_id, deleted
):
    bridge = bridge_class(unreachable(), account_id, agent_origin, deleted)

    assert "could not obtain a valid AAP decision" in bridge.run(retry_budget=0.2)

    assert deleted == []


def test_a_bridge_that_pauses_goes_on_after_the_approval(bridge, client, phone, deleted):
    bridge.pause()
    guid = phone.await_request()
    phone.approve(guid)

    assert f"{PATH} is deleted." in bridge.resume(guid)

    assert deleted == [PATH]
    assert use_of(client, guid).state.value == "EXECUTED"


def test_a_bridge_runs_no_other_arguments_than_the_approved_ones(bridge, client, phone, deleted):
    bridge.pause()
    guid = phone.await_request()
    phone.approve(guid)

    bridge.resume(guid, change=OTHER)

    assert (deleted, use_of(client, guid)) == ([], None)


def test_a_bridge_that_is_resumed_without_an_answer_runs_nothing(bridge, phone, deleted):
    bridge.pause()

    bridge.resume(phone.await_request())

    assert deleted == []
