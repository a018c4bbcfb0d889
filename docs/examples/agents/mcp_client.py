"""
MCP: a program asks by `counterseal-mcp`, and acts when the person has approved.

It does what an MCP client does for its model: it starts the server, and calls the tools.
`python mcp_client.py CONFIG`, with the server's file of settings.
"""

import asyncio
import sys
from pathlib import Path

from mcp import Client, StdioServerParameters

SERVER = str(Path(sys.executable).with_name("counterseal-mcp"))
ARGUMENTS = {"path": "/srv/backups/2019"}


async def call(client, tool, **arguments):
    """Call a tool, and return its result, or `error`."""
    return (await client.call_tool(tool, arguments)).structured_content


async def delete_if_approved(client):
    """Ask, wait for the answer, use the approval, act, and report; return what happened."""
    request = await call(
        client, "ask", resource="delete_folder", arguments=ARGUMENTS, purpose="It is too old."
    )
    if "error" in request:
        return f"Not asked: {request['error']['code']}."
    print("Asked: answer on your device.", flush=True)
    while True:
        approval = await call(client, "require", id=request["id"], arguments=ARGUMENTS)
        if approval.get("error", {}).get("code") != "pending":
            break
    if "error" in approval:
        return f"Not executed: {approval['error']['code']}."
    path = ARGUMENTS["path"]  # the tool would delete it here, and this one only says so
    await call(client, "report", id=request["id"], outcome="executed")
    return f"{approval['approved_by']} has approved: {path} is deleted."


async def main(config):
    async with Client(StdioServerParameters(command=SERVER, args=["--config", config])) as client:
        print(await delete_if_approved(client))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
