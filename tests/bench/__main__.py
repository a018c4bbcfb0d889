"""
The benchmark: `nox -s "bench(whole)"`.

Every figure is a ratio inside this run, of medians of thread CPU time; what is served is measured
by its server's CPU time and its clients' clocks.
It warns where a limit of `goals.toml` is missed, and fails where it is missed by 1.3 times; where
the spread is wide, it says that the figure is too noisy to tell.
Trips to the store are counted exactly, and one too many fails.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asgi_waiters
import attrs
import consume
import fastapi_calls
import five_calls
import floor
import passkey
import served
import web
from goals import Row, exit_code, missing_rows, row
from measure import OPERATIONS, Cost, Prepare, again, costs
from redis_goals import goals, show_rates, show_steps
from redis_setup import available
from redis_trips import FIVE_CALLS, redis_trips, show_five_calls
from service import Service
from trips import Trips, trips
from verdicts import scaled

from counterseal import ijson, keys
from counterseal.accounts.rules import CancellationFacts
from counterseal.challenges.chart import CHALLENGE, ChallengeEvent
from counterseal.challenges.documents.answer import ANSWER_TYP, read_answer
from counterseal.errors import WrongSignature
from counterseal.keys.passkeys import AUTHENTICATOR_DATA_BYTES
from counterseal.machines import step
from counterseal.models import Algorithm, ChallengeState, Role
from counterseal_testing.authenticator import FakePasskey

LIMIT = 16_384
FEW, MANY = scaled((1_000, 100_000), (200, 400))
MEASURED = (Algorithm.ES256, Algorithm.RS256, Algorithm.EDDSA)

BESIDE_WEBAUTHN = ("ES256", "RS256")
"""What `webauthn` verifies, too."""


@attrs.frozen
class Result:
    """
    One line of the table.

    Attributes:
        row: What is measured, with its limit.
        figure: Ours over the floor, unless the row says something else.
    """

    row: Row
    figure: float
    ours: Cost
    floor: Cost

    @property
    def spread(self) -> float:
        """The larger spread of the two costs."""
        return max(self.ours.spread, self.floor.spread)

    @property
    def verdict(self) -> str:
        """What the figure means."""
        return self.row.verdict(self.figure, self.spread)

    def as_json(self) -> dict[str, Any]:
        """Return it as `--json` writes it."""
        costs = {"ours": attrs.asdict(self.ours), "floor": attrs.asdict(self.floor)}
        return self.row.as_json(self.figure, self.spread) | costs


def result(goal: str, what: str, ours: Cost, below: Cost) -> Result:
    """Return a line whose figure is ours over the floor."""
    return Result(row(goal, what), ours.median / below.median, ours, below)


def answers(algorithm: Algorithm) -> list[Result]:
    """Measure goals 1 and 2 for devices of *algorithm*."""
    name, service = algorithm.value, Service.of(algorithm)
    binding, challenge = service.ask()
    call = service.call(challenge)
    token = call.body.decode()
    key = next(
        device_key.key
        for device_key in binding.keys
        if device_key.key.kid == keys.read(token, limit=LIMIT).header.kid
    )
    other = service.call(challenge).body.decode()
    spoilt = f"{token.rpartition('.')[0]}.{other.rpartition('.')[2]}"

    def verify() -> None:
        jws = keys.read(token, limit=LIMIT)
        read_answer(keys.verify(jws, key, expected_typ=ANSWER_TYP), typ=ANSWER_TYP)

    def refuse() -> None:
        try:
            keys.verify(keys.read(spoilt, limit=LIMIT), key, expected_typ=ANSWER_TYP)
        except WrongSignature:
            return
        raise AssertionError

    answered = service.answering(1)[0]()
    sizes = tuple(
        len(keys.read(text, limit=1_000_000).signed)
        for text in (call.proof, token, answered.outcome.receipt)  # type: ignore[attr-defined]
    )
    measured = costs(
        {
            "bare": again(floor.verifying(name, sizes[1])),
            "verify": again(verify),
            "refuse": again(refuse),
            "webauthn": again(passkey.asserting(name)),
            "cryptography": again(floor.answering(name, sizes)),  # type: ignore[arg-type]
            "answer": service.answering,
            "refused": service.refusing,
        }
    )
    m = measured
    lines = [
        result("1", f"verify one answer, {name}", m["verify"], m["bare"]),
        result("1", f"refuse a wrong signature, {name}", m["refuse"], m["bare"]),
        result("2", f"whole answer, {name}", m["answer"], m["cryptography"]),
        result("2", f"refused beside accepted, {name}", m["refused"], m["answer"]),
    ]
    if name in BESIDE_WEBAUTHN:
        lines.append(result("1", f"verify beside webauthn, {name}", m["verify"], m["webauthn"]))
    return lines


def passkey_answers() -> list[Result]:
    """Measure goal 12, for a device whose strong key is a passkey of P-256."""
    service = Service.of(Algorithm.ES256, passkey=FakePasskey())
    binding, challenge = service.ask()
    token = service.call(challenge).body.decode()
    (key,) = (each.key for each in binding.keys if each.role is Role.STRONG)

    def verify() -> None:
        jws = keys.read(token, limit=LIMIT)
        keys.verify_by_device(jws, key, expected_typ=ANSWER_TYP)
        read_answer(jws.claimed, typ=ANSWER_TYP)

    measured = costs(
        {
            "bare": again(floor.verifying("ES256", AUTHENTICATOR_DATA_BYTES + 32)),
            "verify": again(verify),
            "plain": Service.of(Algorithm.ES256).answering,
            "answer": service.answering,
        }
    )
    m = measured
    return [
        result("12", "verify one passkey answer", m["verify"], m["bare"]),
        result("12", "passkey answer beside ES256", m["answer"], m["plain"]),
    ]


def steps() -> list[Result]:
    """Measure goal 3, on the event with two rules that need no signature."""
    service = Service.of(Algorithm.ES256)
    _, challenge = service.ask()
    facts = CancellationFacts(
        now=challenge.issued_at, challenge=challenge, origin=service.party.origin.guid
    )
    rules = CHALLENGE.cells[ChallengeState.PENDING, ChallengeEvent.CANCEL].validators

    def ours() -> None:
        step(CHALLENGE, ChallengeState.PENDING, ChallengeEvent.CANCEL, facts)

    def engine() -> None:
        slot = SimpleNamespace(state=ChallengeState.PENDING)
        CHALLENGE.declaration(slot).send(ChallengeEvent.CANCEL.value, facts=facts)

    many = 50
    measured = costs(
        {
            "dict": repeated(floor.stepping(rules, facts), many),
            "step": repeated(ours, many),
            "engine": again(engine),
        }
    )
    one = attrs.evolve(measured["step"], median=measured["step"].median / many)
    ratio = measured["engine"].median / one.median
    return [
        result("3", "50 steps beside a dict", measured["step"], measured["dict"]),
        Result(row("3", "the engine beside one step"), ratio, one, measured["engine"]),
    ]


def repeated(operation: Callable[[], object], times: int) -> Prepare:
    """Repeat a tiny operation inside one, so that the clock does not weigh more than it."""

    def many() -> None:
        for _ in range(times):
            operation()

    return again(many)


def issues() -> list[Result]:
    """Measure goal 4; the floor, too, meets each document once."""
    service = Service.of(Algorithm.ES256)
    challenges = [service.ask()[1] for _ in range(OPERATIONS)]

    def floors(count: int) -> list[Callable[[], object]]:
        return [
            floor.issuing(
                json.loads(challenge.display),
                json.loads(json.dumps(attrs.asdict(challenge), default=str)),
            )
            for challenge in challenges[:count]
        ]

    measured = costs({"floor": floors, "issue": service.issuing})
    return [result("4", "issue", measured["issue"], measured["floor"])]


def consumes() -> list[Result]:
    """Measure goal 13: `consume` beside each of its parts, and beside all of them."""
    m = consume.measure()
    beside = {
        "digest": "RFC 8785, SHA-256",
        "signature": "one signature",
        "store": "read and commit",
        "parts": "all three",
    }
    return [
        result("13", f"consume beside {what}", m["consume"], m[name])
        for name, what in beside.items()
    ]


def growth() -> list[Result]:
    """Measure `answer` with few and with many challenges stored."""
    few, many = Service.of(Algorithm.ES256), Service.of(Algorithm.ES256)
    few.fill(FEW)
    many.fill(MANY)
    measured = costs({"few": few.answering, "many": many.answering})
    what = "answer in memory, many stored beside few"
    return [result("9", what, measured["many"], measured["few"])]


def calls() -> list[Result]:
    """Measure goal 7, in this process and then over a wire; Flask stands beside it."""
    lines = [
        result("7", f"{call}, {face}, {store}", ours, below)
        for (face, store, call), (ours, below) in web.measured().items()
    ]
    for call in served.figures():
        for name in ("cpu", "p99"):
            beside = call.ours.cost(name), call.bare.cost(name)
            what = f"{call.name}, {call.face}, {name}"
            lines.append(Result(row("7", what), call.ratio(name), *beside))
        middle = [side.cost("p50").median / 1000 for side in (call.ours, call.bare)]
        print(f"{call.name}, {call.face}, p50: {middle[0]:.1f} ms, bare {middle[1]:.1f} ms")
    return lines


def fastapi_lines() -> list[Result]:
    """Measure the face in FastAPI beside `def` endpoints; the use cases are the same."""
    return [
        result("7", f"{call}, face in FastAPI beside def, {store}", face, endpoint)
        for (store, call), (face, endpoint) in fastapi_calls.measure().items()
    ]


def canonicalisations() -> int:
    """Count the canonicalisations in one answer; there is to be none."""
    operation = Service.of(Algorithm.ES256).answering(1)[0]
    counted, canonical = [], ijson.canonical

    def counting(value: Any, **how: Any) -> bytes:
        counted.append(value)
        return canonical(value, **how)

    ijson.canonical = counting
    try:
        operation()
    finally:
        ijson.canonical = canonical
    return len(counted)


def show_trips(counted: list[Trips]) -> None:
    """Print goal 5."""
    print(f"{'goal':5} {'what':40} {'limit':>7} {'store':>7}  beside")
    for one in counted:
        beside = ", ".join(f"{call} {count}" for call, count in one.beside.items())
        verdict = "  OVER" if one.over else ""
        print(f"{'5':5} {one.what:40} <={one.goal:5d} {one.store:7d}  {beside}{verdict}")


def show_lines(lines: list[Result]) -> None:
    """Print the table."""
    print(
        f"{'goal':5} {'what':46} {'limit':>7} {'aim':>5} {'ratio':>7}"
        f"  {'ours us':>9} {'floor us':>9}"
    )
    for one in lines:
        row = one.row
        print(
            f"{row.goal:5} {row.what:46} {row.limit:>7} {row.aim_text:>5} {one.figure:7.2f}"
            f"  {one.ours.median:9.2f} {one.floor.median:9.2f} +-{one.spread:4.0%}  {one.verdict}"
        )


def main() -> int:
    """Measure, print the table, write the JSON, and say whether a goal is far missed."""
    parser = argparse.ArgumentParser(prog="tests/bench")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    arguments = parser.parse_args()
    lines = [one for algorithm in MEASURED for one in answers(algorithm)]
    lines += [
        *passkey_answers(),
        *steps(),
        *issues(),
        *consumes(),
        *growth(),
        *calls(),
        *fastapi_lines(),
    ]
    on_databases = five_calls.measure() if five_calls.available() else None
    lines += [] if on_databases is None else [Result(*five_calls.row_of(on_databases))]
    with_redis = available()
    lines += [Result(*one) for one in goals()] if with_redis else []
    trips_made = [*trips(), *(redis_trips() if with_redis else ())]
    show_trips(trips_made)
    counted = canonicalisations()
    print(f"canonicalisations in one answer: {counted}")
    rates = show_rates() if with_redis else []
    steps_taken = show_steps() if with_redis else []
    five_trips = show_five_calls() if with_redis else 0
    if on_databases is None:
        print("no postgresql: its wheel is not installed")
    else:
        on_databases.show()
    waiters = asgi_waiters.measure()
    waiters.show()
    lines.append(Result(*waiters.row()))
    if not with_redis:
        print("no redis: its wheel is not installed, or not made for this machine")
    show_lines(lines)
    if arguments.json:
        figures = {
            "lines": [one.as_json() for one in lines],
            "trips": [attrs.asdict(one) for one in trips_made],
            "canonicalisations": counted,
            "rates": [attrs.asdict(one) for one in rates],
            "steps": [attrs.asdict(one) for one in steps_taken],
            "five_trips": five_trips,
            "five_calls": on_databases and attrs.asdict(on_databases),
            "waiters": attrs.asdict(waiters),
        }
        arguments.json.write_text(json.dumps(figures, indent=1))
    missing = missing_rows([one.row for one in lines], peer=False)
    if with_redis and on_databases is not None:
        assert not missing, missing
    over = bool(counted) or any(one.over for one in trips_made) or five_trips > FIVE_CALLS
    return exit_code([one.verdict for one in lines], over=over)


if __name__ == "__main__":
    sys.exit(main())
