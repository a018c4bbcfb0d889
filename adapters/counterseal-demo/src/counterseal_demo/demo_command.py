"""`counterseal-demo`: one approval and ten forgeries, in a browser too; or a log-in and attacks."""

from __future__ import annotations

import click

import counterseal_server as server
from counterseal import models
from counterseal_demo import approval_demo, login_demo, trial, web_demo
from counterseal_server import files
from counterseal_server.plainly import Failed, Unusable, plainly
from counterseal_server.printing import print_json, print_line

LAST_PORT = 65_535
WEB_OPTIONS = frozenset({"port", "no_open"})
"""The options of the demo in a browser, which has no others."""

ALGORITHMS = ("ES256", "EdDSA", "PS256", "RS256")


@click.command()
@click.option(
    "--challenge",
    metavar="FILE",
    help="Ask this challenge, JSON as in request/add; - reads standard input.",
)
@click.option("--answer", type=int, metavar="N", help="Press button N; the first button is 0.")
@click.option(
    "--algorithm",
    type=click.Choice(ALGORITHMS, case_sensitive=False),
    default="ES256",
    show_default=True,
    help="The signature algorithm of the device's keys.",
)
@click.option("--save", metavar="DIR", help="Write receipt.txt and jwks.json into this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--idp",
    is_flag=True,
    help="Let an Identity Provider identify the user: a real one on this machine. The first time,"
    " it is installed from npm's registry.",
)
@click.option(
    "--web",
    is_flag=True,
    help="Serve the demo on this machine, as a page with a shop and a phone, until Ctrl-C.",
)
@click.option(
    "--port",
    type=click.IntRange(1, LAST_PORT),
    metavar="N",
    help="With --web, the port to listen at; by default a free one.",
)
@click.option("--no-open", is_flag=True, help="With --web, only print the address of the page.")
def demo(
    challenge: str | None,
    answer: int | None,
    algorithm: str,
    save: str | None,
    port: int | None,
    *,
    as_json: bool,
    idp: bool,
    web: bool,
    no_open: bool,
) -> None:
    """
    Bind, ask, answer and verify, then try ten forgeries.

    Everything happens in this process: real keys, no server, no network.
    With --web you are the customer, and answer on a phone that is a web page.
    With --idp it happens over HTTP, at loopback ports, and ends with ten attacks on the log-in.
    Exit code 0 means that the answer was accepted, and every forgery and attack refused; with
    --web, that a signal ended it.
    """
    _demand_fitting(click.get_current_context(), web=web)
    if web:
        with plainly(requirement="counterseal-demo[web]"):
            web_demo.serve(port or 0, opens_browser=not no_open)
        return
    if idp:
        if challenge is not None or answer is not None:
            raise Unusable("idp: it has its own question: leave out --challenge and --answer")
        _show_log_ins(algorithm, save, as_json=as_json)
        return
    with plainly():
        question = approval_demo.read(challenge)
        story = approval_demo.play(question, button=answer, algorithm=models.Algorithm(algorithm))
        if save is not None:
            files.write(save, approval_demo.keepsakes(story), field="save")
        if as_json:
            print_json(approval_demo.document(story))
        else:
            approval_demo.show(server.Screen(), story, saved=save is not None)
    faults = [attempt.fault for attempt in story.attempts if attempt.fault]
    if faults:
        raise Failed("; ".join(faults))


def _demand_fitting(context: click.Context, *, web: bool) -> None:
    """
    Refuse options that would do nothing.

    Raises:
        Unusable: An option belongs to the demo in a browser only, or to the other ones only.
    """
    default = click.core.ParameterSource.DEFAULT
    for parameter in context.command.params:
        name = parameter.name or ""
        if name == "web" or context.get_parameter_source(name) is default:
            continue
        if web != (name in WEB_OPTIONS):
            option = parameter.opts[0]
            problem = f"leave out {option}" if web else f"{option} is for --web only"
            raise Unusable(f"{'web' if web else option.removeprefix('--')}: {problem}")


def _show_log_ins(algorithm: str, save: str | None, *, as_json: bool) -> None:
    with plainly(requirement="counterseal-demo[idp]"):
        if not trial.is_installed():
            print_line(f"Installing npm's oidc-provider into {trial.provider_folder()}", err=True)
        with login_demo.open_world() as running_world:
            story = login_demo.play(running_world, models.Algorithm(algorithm))
            if save is not None:
                files.write(save, login_demo.keepsakes(story), field="save")
            if as_json:
                print_json(login_demo.document(story))
            else:
                login_demo.show(server.Screen(), story)
    if story.faults:
        raise Failed("; ".join(story.faults))
