"""Processes that ensure the same tenancy at once: one creates it, and all others read it."""

import json
import subprocess
import sys

import counterseal as cs
from counterseal.memory import memory_ports
from counterseal.models import AppSpace, Company, Origin
from counterseal_sql import connect, with_sql

PROCESSES = 10

PROGRAM = f"""
import json, os, sys
from datetime import timedelta

import counterseal as cs
from counterseal.memory import memory_ports
from counterseal_sql import connect, with_sql

# What is imported at first use is imported here, once, and not by each process.
connect(sys.argv[1]).close()
cs.Administration(memory_ports(), cs.STANDARD, by=cs.OPERATOR).ensure_tenancy(
    "shop",
    company="Example",
    app_space="Example Bank",
    origin="Web shop",
    callbacks=["https://shop.example/done"],
)

go_reading, go_writing = os.pipe()
children = []
for number in range({PROCESSES}):
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        children.append((child, reading))
        continue
    os.close(go_writing)
    database = connect(sys.argv[1], patience=timedelta(seconds=240))
    ports = with_sql(memory_ports(), database)
    administration = cs.Administration(ports, cs.STANDARD, by=cs.OPERATOR)
    os.write(writing, b"ready")
    os.read(go_reading, 1)  # returns when every process is ready
    try:
        party = administration.ensure_tenancy(
            "shop",
            company="Example",
            app_space="Example Bank",
            origin=sys.argv[2 + number % 2],
            callbacks=["https://shop.example/done"],
        )
        result = party.origin.guid
    except cs.Refused as refusal:
        result = refusal.code + " " + refusal.field
    database.close()
    os.write(writing, b"\\n" + result.encode())
    os._exit(0)
for _, reading in children:
    assert os.read(reading, 5) == b"ready"
os.close(go_writing)
results = []
for child, reading in children:
    with os.fdopen(reading) as pipe:
        results.append(pipe.read().strip())
    assert os.waitpid(child, 0)[1] == 0
print(json.dumps(results))
"""


def run_at_once(server, *names):
    address = str(server.emptied())
    program = subprocess.run(
        [sys.executable, "-c", PROGRAM, address, *names],
        capture_output=True,
        check=False,
        text=True,
        timeout=600,
    )
    assert program.returncode == 0, program.stderr
    database = connect(address)
    ports = with_sql(memory_ports(), database)
    administration = cs.Administration(ports, cs.STANDARD, by=cs.OPERATOR)
    (company,) = administration.list(None, Company)
    (app_space,) = administration.list(company.guid, AppSpace)
    (origin,) = administration.list(app_space.guid, Origin)
    database.close()
    return json.loads(program.stdout), origin


def test_ten_processes_at_once_make_one(server):
    results, origin = run_at_once(server, "Web shop", "Web shop")

    assert results == [origin.guid] * PROCESSES


def test_of_processes_with_two_settings_one_half_is_refused(server):
    results, origin = run_at_once(server, "Web shop", "Other shop")

    half = PROCESSES // 2
    assert results.count(origin.guid) == results.count("setting_differs origin") == half
