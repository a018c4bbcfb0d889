"""
The command `counterseal`.

Exit codes: 0, it is as it should be; 1, it is not, and one line on standard error says why;
2, the input is unusable, and one line says which part of it.

What a command needs is imported when it runs, so that help and version come at once.
"""

from __future__ import annotations

import click

from counterseal_server.commands import join
from counterseal_server.plainly import Failed, Unusable, plainly
from counterseal_server.printing import print_json, print_line, print_lines

ALGORITHMS = ("ES256", "EdDSA", "PS256", "RS256")
FORMATS = ("md", "mermaid", "json")


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="counterseal-server", prog_name="counterseal")
@click.pass_context
def main(context: click.Context) -> None:
    """Ask a person about one concrete action and bring back a signed answer."""
    if context.invoked_subcommand is None:
        print_lines(context.get_help())


@main.command()
@click.option(
    "--challenge",
    metavar="FILE",
    help="Ask this challenge, in the JSON of the wire; - reads standard input.",
)
@click.option("--answer", type=int, metavar="N", help="Press button N; the first button is 0.")
@click.option(
    "--algorithm",
    type=click.Choice(ALGORITHMS, case_sensitive=False),
    default="ES256",
    show_default=True,
    help="What the device's keys sign with.",
)
@click.option("--save", metavar="DIR", help="Write receipt.txt and jwks.json there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--idp",
    is_flag=True,
    help="Let an Identity Provider say who the user is: a real one on this machine, which the"
    " first time is installed from npm's registry.",
)
def demo(
    challenge: str | None,
    answer: int | None,
    algorithm: str,
    save: str | None,
    *,
    as_json: bool,
    idp: bool,
) -> None:
    """
    Show the main job, then ten forgeries.

    Everything happens in this process: real keys, no server, no network.
    With --idp it happens over HTTP, at loopback ports, and ends with ten attacks on the log-in.
    Exit code 0 means that the answer was accepted, and every forgery and attack refused.
    """
    if idp:
        if challenge is not None or answer is not None:
            raise Unusable("idp: has a question of its own, so without --challenge and --answer")
        _demo_of_log_ins(algorithm, save, as_json=as_json)
        return
    with plainly():
        from counterseal.models import Algorithm  # noqa: PLC0415 (a fast start)
        from counterseal_server import demo as theatre  # noqa: PLC0415
        from counterseal_server import files  # noqa: PLC0415
        from counterseal_server.screen import Screen  # noqa: PLC0415

        question = theatre.read(challenge)
        story = theatre.play(question, button=answer, algorithm=Algorithm(algorithm))
        if save is not None:
            files.write(save, theatre.keepsakes(story), field="save")
        if as_json:
            print_json(theatre.document(story))
        else:
            theatre.show(Screen(), story, saved=save is not None)
    faults = [attempt.fault for attempt in story.attempts if attempt.fault]
    if faults:
        raise Failed("; ".join(faults))


def _demo_of_log_ins(algorithm: str, save: str | None, *, as_json: bool) -> None:
    with plainly(extra="demo-idp"):
        from counterseal.models import Algorithm  # noqa: PLC0415 (a fast start)
        from counterseal_oidc import trial  # noqa: PLC0415
        from counterseal_server import files  # noqa: PLC0415
        from counterseal_server import login_demo as theatre  # noqa: PLC0415
        from counterseal_server.login_demo.world import world  # noqa: PLC0415
        from counterseal_server.screen import Screen  # noqa: PLC0415

        if not trial.is_installed():
            print_line(f"Installing npm's oidc-provider into {trial.provider_folder()}", err=True)
        with world() as stage:
            story = theatre.play(stage, Algorithm(algorithm))
            if save is not None:
                files.write(save, theatre.keepsakes(story), field="save")
            if as_json:
                print_json(theatre.document(story))
            else:
                theatre.show(Screen(), story)
    if story.faults:
        raise Failed("; ".join(story.faults))


@main.command()
@click.argument("receipt")
@click.option("--jwks", metavar="FILE", help="Trust the keys of this JWK Set, and no others.")
@click.option("--thumbprint", metavar="T", help="Trust the key with this RFC 7638 thumbprint.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(receipt: str, jwks: str | None, thumbprint: str | None, *, as_json: bool) -> None:
    """
    Check the file RECEIPT, offline; - reads standard input.

    Without --jwks or --thumbprint a receipt can only be found consistent: whoever
    changed it may have signed it anew.
    Exit code 1 means that it was changed, or signed by a key that is not trusted.
    """
    if jwks is not None and thumbprint is not None:
        raise Unusable("thumbprint: give it or --jwks, not both")
    with plainly():
        from counterseal_server import files, receipts  # noqa: PLC0415 (a fast start)
        from counterseal_server.screen import Screen  # noqa: PLC0415

        trusted = () if jwks is None else receipts.read_jwks(jwks)
        expected = None if thumbprint is None else receipts.read_thumbprint(thumbprint)
        data = files.read(receipt, field="receipt", limit=receipts.FILE_LIMIT)
        judged = receipts.judge(data, trusted=trusted, thumbprint=expected)
        if as_json:
            print_json(receipts.document(judged))
        else:
            receipts.show(Screen(), judged)


@main.command()
@click.argument("chart", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default=FORMATS[0],
    show_default=True,
    help="Markdown tables, Mermaid diagrams, or one JSON object.",
)
def states(chart: str | None, form: str) -> None:
    """Print the transition tables: all of them, or that of one CHART."""
    with plainly():
        from counterseal_server.states import tables  # noqa: PLC0415 (a fast start)

        print_lines(tables(chart, form))


join(main)
