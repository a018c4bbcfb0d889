"""`counterseal relay`: a reference relay, which verifies, and prints or forwards."""

from __future__ import annotations

import logging
import signal
import threading
from functools import partial

import click

import counterseal_demo as programs
import counterseal_relay
import counterseal_server as server
from counterseal_server import files
from counterseal_server.plainly import Unusable, plainly
from counterseal_server.printing import print_json

SECRET_LIMIT = 4_096

log = logging.getLogger("counterseal_demo")


@click.command()
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65_535), default=8790, show_default=True)
@click.option(
    "--secret-file", metavar="FILE", help="The file with the secret; - is standard input."
)
@click.option("--secret", envvar="COUNTERSEAL_RELAY_SECRET", hidden=True)
@click.option(
    "--forward", metavar="URL", help="POST verified messages to this URL, and print nothing."
)
def relay(
    host: str, port: int, secret_file: str | None, secret: str | None, forward: str | None
) -> None:
    """
    Receive the push messages of a service, until SIGTERM or SIGINT.

    Messages that are signed with the secret are printed, one JSON object a line, or
    forwarded; all others are refused. The secret, `whsec_…`, is in --secret-file or in
    COUNTERSEAL_RELAY_SECRET, and must be the `relay_secret` of the service.
    It is for tests and as an example: it notifies nobody.
    """
    with plainly(requirement="counterseal-demo[relay]"):
        if secret_file is not None:
            data = files.read(secret_file, field="secret-file", limit=SECRET_LIMIT)
            secret = data.decode("utf-8", "replace").strip()
        if secret is None:
            raise Unusable("secret: missing: give --secret-file, or COUNTERSEAL_RELAY_SECRET")
        secrets = counterseal_relay.read_secrets(secret)
        server.configure_logs("human", "info")
        deliver = programs.printing(partial(print_json, indent=None))
        if forward is not None:
            deliver = programs.forwarding(forward)
        with programs.Relay(host, port, secrets, server.SystemClock(), deliver) as serving:
            for number in (signal.SIGTERM, signal.SIGINT):
                # From another thread: this one waits for the signal.
                signal.signal(number, lambda *_: threading.Thread(target=serving.shutdown).start())
            log.info("listening at http://%s:%d", host, serving.server_address[1])
            serving.serve_forever()
