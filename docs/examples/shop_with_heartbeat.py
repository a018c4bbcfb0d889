"""
Serve the FastAPI shop at a port, and measure how late a task of its event loop runs.

On SIGTERM it prints the delays, in milliseconds: `{"beats": ..., "p99": ..., "worst": ...}`.
"""

import asyncio
import json
import signal
import sys
from pathlib import Path

import uvicorn

sys.path.insert(0, str(Path(__file__).parent / "shops" / "fastapi_shop"))

BEAT = 0.005
"""Seconds between two beats."""


async def measure_delays(delays):
    """Append how late each beat comes, until the task is cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + BEAT
        await asyncio.sleep(BEAT)
        delays.append(loop.time() - due)


async def main(port):
    from main import app  # noqa: PLC0415 (the shop, which reads its settings when imported)

    # Uvicorn sends the signal that stopped it again, to the handler that was there before.
    signal.signal(signal.SIGTERM, lambda *_: None)
    delays = []
    heartbeat = asyncio.create_task(measure_delays(delays))
    await uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning")).serve()
    heartbeat.cancel()
    delays.sort()
    p99, worst = (round(1_000 * delays[int(share * (len(delays) - 1))], 1) for share in (0.99, 1))
    print(json.dumps({"beats": len(delays), "p99": p99, "worst": worst}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
