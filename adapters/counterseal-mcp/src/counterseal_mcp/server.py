"""
The MCP server: calls of tools run in threads, and end in a result or in a refusal with a code.

A wait takes a thread for a few seconds at a time, so it ends soon after its client has gone, and
waits never take the threads of other calls. When all threads of waits are taken, `require` answers
at once with what is known.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, TypeVar

import anyio
from anyio.to_thread import run_sync
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    InputRequiredResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
)

from counterseal import CountersealError
from counterseal.models import Guid
from counterseal_client import Unreachable
from counterseal_mcp.approvals import Approvals
from counterseal_mcp.invitations import (
    Invitations,
    can_open_links,
    offer,
    refusal_of,
    response_of,
)
from counterseal_mcp.refusals import CallRefused, call_refused
from counterseal_mcp.settings import Settings
from counterseal_mcp.tool_arguments import read_ask, read_report, read_require, read_status
from counterseal_mcp.tools import INSTRUCTIONS, tools

CALLS = 16
"""Calls to the service that run at once, without those that wait."""

WAITS = 16
"""Waits that run at once."""

WAIT_STEP = 5
"""Seconds of one call that waits."""

log = logging.getLogger(__name__)

T = TypeVar("T")
Context = ServerRequestContext[Any, Any]


class Tools:
    """Calls the tools for an MCP server."""

    def __init__(self, settings: Settings, approvals: Approvals) -> None:
        self._settings = settings
        self._approvals = approvals
        self._invitations = Invitations(approvals.client, approvals.clock)
        self._tools = tools(settings)
        self._calls = anyio.CapacityLimiter(CALLS)
        self._waits = anyio.Semaphore(WAITS)
        self._wait_threads = anyio.CapacityLimiter(WAITS)

    async def list(self, _: Context, __: PaginatedRequestParams | None) -> ListToolsResult:
        """List the tools."""
        return ListToolsResult(tools=self._tools)

    async def call(
        self, context: Context, params: CallToolRequestParams
    ) -> CallToolResult | InputRequiredResult:
        """
        Call a tool.

        Raises:
            MCPError: There is no such tool.
        """
        if params.name not in {tool.name for tool in self._tools}:
            raise MCPError(INVALID_PARAMS, "There is no such tool.")
        try:
            result = await self._called(context, params)
            return result if isinstance(result, InputRequiredResult) else _result(result)
        except CountersealError as error:
            refusal = call_refused(error)
            level = logging.ERROR if refusal.problem in _ALARMS else logging.INFO
            log.log(level, "%s: %s (%s)", params.name, refusal.problem, error.code)
        except Exception as error:  # noqa: BLE001 (its text may have a secret, or an argument)
            refusal = CallRefused("internal_error")
            log.error("%s: %s", params.name, type(error).__name__)  # noqa: TRY400 (no traceback)
        return _result({"error": refusal.document()}, is_error=True)

    async def _called(
        self, context: Context, params: CallToolRequestParams
    ) -> dict[str, Any] | InputRequiredResult:
        settings, approvals = self._settings, self._approvals
        match params.name:
            case "ask":
                return await self._ask(context, params)
            case "status":
                guid = read_status(params.arguments)
                return await self._run(lambda: approvals.status(guid))
            case "require":
                require = read_require(params.arguments, settings)
                await self._wait(require.guid, require.wait)
                return await self._run(lambda: approvals.require(require))
            case _:
                report = read_report(params.arguments)
                return await self._run(lambda: approvals.report(report))

    async def _ask(
        self, context: Context, params: CallToolRequestParams
    ) -> dict[str, Any] | InputRequiredResult:
        ask = read_ask(params.arguments, self._settings)
        try:
            return await self._run(lambda: self._approvals.ask(ask))
        except Unreachable:
            if not self._settings.invite or not can_open_links(context.session):
                raise
            response = response_of(params.input_responses)
            if response is not None:
                raise refusal_of(response) from None
            link = await self._run(lambda: self._invitations.link(ask.account_id))
            if link is None:
                raise
        return await offer(context.session, context.request_id, link)

    async def _run(self, call: Callable[[], T]) -> T:
        """Run a call in a thread; one that has begun ends, even where its client has gone."""
        return await run_sync(call, limiter=self._calls)

    async def _wait(self, guid: Guid, seconds: int) -> None:
        """Wait until the request has ended, for *seconds* at most, if a wait is free."""
        try:
            # The limiter of threads would wait, and what it says is free may be taken meanwhile.
            self._waits.acquire_nowait()
        except anyio.WouldBlock:
            return
        try:
            end = anyio.current_time() + seconds
            while (remaining := round(end - anyio.current_time())) > 0:
                step = min(remaining, WAIT_STEP)
                finished = await run_sync(
                    lambda step=step: self._approvals.is_finished(guid, step),  # type: ignore[misc]
                    limiter=self._wait_threads,
                )
                if finished:
                    return
        finally:
            self._waits.release()


_ALARMS = {"credential_refused", "evidence_refused", "internal_error", "use_unknown"}


def create_server(settings: Settings, approvals: Approvals) -> Server[Any]:
    """Make the MCP server; one serves one event loop."""
    handlers = Tools(settings, approvals)
    return Server(
        "counterseal",
        title="Counterseal",
        version=version("counterseal-mcp"),
        description="Asks a person to approve one action, and uses the approval once.",
        instructions=INSTRUCTIONS,
        on_list_tools=handlers.list,
        on_call_tool=handlers.call,
    )


def _result(members: dict[str, Any], *, is_error: bool = False) -> CallToolResult:
    text = json.dumps(members, ensure_ascii=False, separators=(",", ":"))
    return CallToolResult(
        content=[TextContent(type="text", text=text)],
        structured_content=members,
        is_error=is_error,
    )
