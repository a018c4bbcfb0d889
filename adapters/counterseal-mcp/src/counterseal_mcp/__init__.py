"""An MCP server: agents ask a person about one action, and use the approval once."""

from __future__ import annotations

from counterseal_mcp.approvals import Approvals
from counterseal_mcp.pending_requests import PendingRequests
from counterseal_mcp.refusals import CODES, CallRefused
from counterseal_mcp.server import create_server
from counterseal_mcp.settings import Settings, read_settings

__all__ = [
    "CODES",
    "Approvals",
    "CallRefused",
    "PendingRequests",
    "Settings",
    "create_server",
    "read_settings",
]
