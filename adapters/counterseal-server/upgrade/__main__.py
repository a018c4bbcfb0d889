"""Upgrade two machines, one after the other, under load, and compare every result."""

import argparse
import contextlib
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[2] / "counterseal-redis" / "tests"))
sys.path.insert(0, str(Path(__file__).parents[3] / "tests" / "processes"))
sys.path.insert(0, str(Path(__file__).parents[3] / "docs" / "examples" / "shops"))

from load import Ledger, Load, deliveries
from machines import Balancer, Machine
from postgresql import postgresql
from program import PATIENCE, Receiver
from redis_servers import Server, binary
from releases import build_release, this_release

DESCRIPTION = f"""\
{__doc__}

The older release is built into wheels from a commit, which the clone must have. The exit code is 1
if a call failed, or a result was lost or doubled. It takes some two minutes, and --seconds more.
"""
ROWS = "{:<46} {:>12} {:>12}"
QUESTIONS = 10
"""Challenges that each phase has at least."""


@contextlib.contextmanager
def redis():
    """Run a Redis server; yield its address."""
    with tempfile.TemporaryDirectory(prefix="counterseal-") as folder:
        server = Server(binary("redis-8.2"), folder)
        try:
            yield f"redis://127.0.0.1:{server.port}"
        finally:
            server.stop()


STORES = {"PostgreSQL": postgresql, "Redis": redis}


def upgrade(store, old, new, seconds, folder):
    """Upgrade two machines on *store*; return the column of the table, and whether all is well."""
    receiver, balancer, ledger = Receiver(), Balancer(), Ledger()
    machines = [Machine(old, folder / "a", receiver.url, store)]
    first = machines[0]
    machines.append(Machine(old, folder / "b", receiver.url, store, first))
    load = Load(balancer, ledger, receiver.url)

    def phase():
        begun, end = len(ledger.results), time.monotonic() + seconds
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < end or len(ledger.results) - begun < QUESTIONS:
            if time.monotonic() > limit:
                raise SystemExit(f"nothing comes about: {ledger.refused[:3]}")
            time.sleep(0.1)
        return len(ledger.results) - begun

    try:
        for machine in machines:
            balancer.add(machine)
        load.start()
        counts = [phase()]
        for number in range(len(machines)):
            balancer.remove(machines[number])
            name = f"{machines[number].folder.name}-new"
            machines.append(Machine(new, folder / name, receiver.url, store, first))
            balancer.add(machines[-1])
            counts.append(phase())
        load.stop()
        await_deliveries(receiver, set(ledger.results))
        check = machines[-1].command("store", "check", "--data", machines[-1].folder / "data")
        for machine in machines[len(machines) // 2 :]:
            balancer.remove(machine)
    finally:
        for machine in machines:
            for process in machine.processes:
                machine.kill(process)
        receiver.close()
    return table_of(ledger, counts, check, machines, deliveries(receiver))


def await_deliveries(receiver, challenges):
    """Return when the callbacks of all challenges have arrived, or it takes too long."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and challenges - set(deliveries(receiver)):
        time.sleep(0.2)


def table_of(ledger, counts, check, machines, delivered):
    """Return the figures by name, whether all is well, and the errors."""
    missing = set(ledger.results) - set(delivered)
    doubled = [guid for guid, results in ledger.results.items() if len(results) != 1]
    twice = [guid for guid, ids in delivered.items() if len(ids) > 1]
    failures = [line for machine in machines for line in machine.failures()]
    mixed = sum(count for releases, count in ledger.crossed.items() if len(set(releases)) > 1)
    rows = {
        "calls of the old release": ledger.calls["old"],
        "calls of the new release": ledger.calls["new"],
        "challenges: old only": counts[0],
        "challenges: old and new together": counts[1],
        "challenges: new only": counts[2],
        "asked, answered and read by both releases": mixed,
        "calls that failed": len(ledger.refused),
        "results lost": len(missing),
        "results doubled": len(doubled) + len(twice),
        "errors in the logs": len(failures),
    }
    errors = [*ledger.refused[:3], *failures[:3]]
    sound = not (errors or missing or doubled or twice) and mixed and "all consistent" in check
    return rows, bool(sound), [*errors, check.strip()]


def main(arguments):
    """Run the stores that *arguments* select; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="upgrade",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("commit", help="the commit of the older release")
    parser.add_argument("--seconds", type=float, default=10, help="how long each phase is")
    parser.add_argument("--store", choices=STORES, action="append", help="only this store")
    options = parser.parse_args(arguments)
    names = options.store or list(STORES)
    columns, failed = [], False
    with tempfile.TemporaryDirectory(prefix="counterseal-upgrade-") as name:
        folder = Path(name)
        old, new = build_release(options.commit, folder), this_release()
        for store in names:
            (folder / store).mkdir()
            with STORES[store]() as address:
                rows, sound, remarks = upgrade(address, old, new, options.seconds, folder / store)
            columns.append(rows)
            failed |= not sound
            print(f"{store}: {'; '.join(map(str, remarks))}", flush=True)
    print(ROWS.format(f"from {options.commit}", *names, *[""] * (2 - len(names))))
    for row in columns[0]:
        cells = [str(column[row]) for column in columns]
        print(ROWS.format(row, *cells, *[""] * (2 - len(cells))))
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
