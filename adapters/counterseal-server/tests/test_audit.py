"""`counterseal audit`: on a store that a service uses, on changed ones, and killed in between."""

import contextlib
import http.client
import json
import shutil
import signal
import sqlite3
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from program import PATIENCE, eventually, stop

from counterseal.audit.documents import head_kid, recognized_by
from counterseal.credentials.documents import write_cx1
from counterseal.keys import jwks_document
from counterseal.models import SignedHead
from counterseal_server.configuration import settings
from counterseal_server.head_memory import HEAD_NOTE
from counterseal_server.runtime import Runtime

NOTHING_UNCHAINED = "events not chained yet, and not verified: 0\n"
CRASHING = [sys.executable, str(Path(__file__).with_name("crashing.py"))]


@pytest.fixture
def data(create_data, tmp_path):
    create_data(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def audit(run, data):
    """Return a function that runs `counterseal audit`, which ends with *code*."""

    def command(*args, code=0):
        result = run("audit", *args, "--data", data)
        assert result.exit_code == code, result.stderr
        return result.stdout if code == 0 else (result.stdout, result.stderr)

    return command


@contextlib.contextmanager
def opened(folder):
    with contextlib.closing(sqlite3.connect(folder / "counterseal.db")) as connection, connection:
        yield connection


def sql(folder, statement, *values):
    with opened(folder) as connection:
        return connection.execute(statement, values).fetchall()


def bodies(folder):
    """Return the events of the log, chained or not, each with how often it is there."""
    both = "SELECT body FROM counterseal_events UNION ALL SELECT body FROM counterseal_audit"
    return Counter(body for (body,) in sql(folder, both))


def a_chain(folder):
    """Return the partition that has most events, and how many."""
    most = "SELECT partition, count(*) FROM counterseal_audit GROUP BY 1 ORDER BY 2 DESC LIMIT 1"
    ((partition, count),) = sql(folder, most)
    return partition, count


def test_what_is_not_chained_is_reported_then_chained_and_verified(audit, run, data):
    count = bodies(data).total()
    # `init` has signed the first head.
    assert audit("verify") == f"events verified: {count}\n{NOTHING_UNCHAINED}"
    run("invite", "user-42", "--data", data)
    tail = f"events verified: {count}\nevents not chained yet, and not verified: 1\n"
    assert audit("verify") == tail
    assert audit("chain") == "chained: 1\n"
    assert audit("chain") == "chained: 0\n"
    assert audit("verify") == f"events verified: {count + 1}\n{NOTHING_UNCHAINED}"


def test_a_changed_row_is_reported_by_its_place_and_the_exit_code_is_1(audit, data):
    audit("chain")
    partition, count = a_chain(data)
    sql(
        data,
        "UPDATE counterseal_audit SET body = replace(body, 'create', 'update')"
        " WHERE partition = ? AND position = 2",
        partition,
    )
    output, error = audit("verify", code=1)
    assert f"partition {partition}, position 2: an event, or its place or hash, was " in output
    assert NOTHING_UNCHAINED in output
    signs = output.count("partition ")
    assert error == f"audit: signs that the log was changed: {signs}\n"
    sql(
        data, "DELETE FROM counterseal_audit WHERE partition = ? AND position = ?", partition, count
    )
    output, _ = audit("verify", code=1)
    assert f"partition {partition}, position {count}: an event was removed\n" in output


def test_a_log_that_is_cut_back_is_found_by_a_head_that_is_elsewhere(audit, run, data, tmp_path):
    audit("chain")
    older = shutil.copytree(data, tmp_path / "older")
    run("invite", "user-42", "--data", data)
    head = tmp_path / "head.json"
    assert audit("head", "--out", head) == f"written: {head}\n"
    assert audit("verify", "--head", head).endswith(NOTHING_UNCHAINED)
    for file in data.glob("counterseal.db*"):
        file.unlink()
    for file in older.glob("counterseal.db*"):
        shutil.copy(file, data)

    output, _ = audit("verify", code=1)
    assert "audit_head_older\n" in output
    assert "events are missing that the signed head that this machine remembers has\n" in output
    _, error = audit("chain", code=1)
    assert "audit_head_older" in error or "has a lower number" in error
    # Another machine, which remembers nothing, needs the file.
    (data / HEAD_NOTE).unlink()
    assert audit("verify").endswith(NOTHING_UNCHAINED)
    output, _ = audit("verify", "--head", head, code=1)
    assert "events are missing that the signed head that you keep has\n" in output
    # Events after that hide nothing.
    run("invite", "user-43", "--data", data)
    audit("chain")
    output, _ = audit("verify", "--head", head, code=1)
    assert "the signed head that you keep has\n" in output


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (None, "head: cannot read "),
        ("[]", "head: "),
        ('{"auditHead": 1}', "head: "),
        ("no JSON", "head: "),
    ],
)
def test_what_is_no_head_is_refused(audit, tmp_path, text, line):
    file = tmp_path / "head.json"
    if text is not None:
        file.write_text(text)
    output, error = audit("verify", "--head", file, code=2)
    assert (output, error.startswith(line)) == ("", True)


def test_a_head_is_not_written_over_another_file(audit, tmp_path):
    file = tmp_path / "head.json"
    audit("head", "--out", file)
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.read_text()
    _, error = audit("head", "--out", file, code=2)
    assert error.startswith("out: ")
    assert file.read_text() == before


def test_events_are_searched_as_json_lines(audit, run, data, tmp_path):
    invited = run("invite", "user-42", "--data", data)
    assert invited.exit_code == 0
    assert audit("search", "--event", "binding.") == ""
    audit("chain")
    events = [json.loads(line) for line in audit("search").splitlines()]
    assert len(events) == bodies(data).total()
    times = [each["at"] for each in events]
    assert times == sorted(times, reverse=True)
    assert audit("search", "--limit", 2) == "".join(audit("search").splitlines(keepends=True)[:2])
    (invite,) = [json.loads(line) for line in audit("search", "--event", "binding.").splitlines()]
    assert (invite["event"], invite["actor"]) == ("binding.invite", invite["actor"])
    of_one = audit("search", "--subject", invite["subject"], "--app-space", invite["appSpaceGuid"])
    assert json.loads(of_one) == invite
    assert audit("search", "--event", "binding.", "--until", times[-1]) == ""
    assert audit("search", "--event", "binding.", "--actor", "nobody") == ""
    for option, text in (("--since", "yesterday"), ("--until", "2030-01-31T00:00:00")):
        _, error = audit("search", option, text, code=2)
        assert error.startswith(f"{option[2:]}: ")


def test_an_archive_is_verified_with_the_log_that_goes_on_from_it(audit, run, data, tmp_path):
    audit("chain")
    count = bodies(data).total()
    archive = tmp_path / "audit.jsonl"
    assert audit("archive", archive) == f"lines: {count}\n"
    assert bodies(data).total() == 0
    assert audit("verify") == (
        f"events verified: 0\nevents archived, and not verified: {count}\n{NOTHING_UNCHAINED}"
    )
    run("invite", "user-42", "--data", data)
    audit("chain")
    total = count + bodies(data).total()
    assert audit("verify", "--archive", archive) == f"events verified: {total}\n{NOTHING_UNCHAINED}"
    lines = archive.read_text().splitlines(keepends=True)
    archive.write_text("".join(lines[:-1]))
    output, _ = audit("verify", "--archive", archive, code=1)
    last = json.loads(lines[-1])
    position = f"partition {last['partition']}, position {last['position']}: "
    assert f"{position}from this event on, events are missing that the log has\n" in output


def test_the_half_line_of_a_killed_archive_is_cut_off_and_no_other_file_is_changed(
    audit, run, tmp_path
):
    audit("chain")
    archive = tmp_path / "audit.jsonl"
    audit("archive", archive, "--keep")
    lines = archive.read_bytes().splitlines(keepends=True)
    for size in (5, 40, len(lines[-1]) - 1):
        archive.write_bytes(b"".join(lines[:-1]) + lines[-1][:size])
        audit("archive", archive, "--keep")
        assert archive.read_bytes() == b"".join([*lines[:-1], *lines])
    audit("verify", "--archive", archive)

    other = tmp_path / "other.txt"
    other.write_text("a line\nand one without its end")
    result = run("audit", "archive", other, "--data", tmp_path / "data")
    assert result.exit_code == 2
    assert other.read_text() == "a line\nand one without its end"


def test_after_a_rotation_the_heads_are_signed_by_the_new_key(audit, run, data, tmp_path):
    old_head, new_head = tmp_path / "old.json", tmp_path / "new.json"
    audit("head", "--out", old_head)
    assert run("keys", "rotate", "--data", data).exit_code == 0
    kid = json.loads(run("keys", "list", "--data", data).stdout.splitlines()[0])["kid"]
    audit("head", "--out", new_head)
    assert head_kid(json.loads(new_head.read_text())["auditHead"]) == kid
    for head in (old_head, new_head):
        assert audit("verify", "--head", head).endswith(NOTHING_UNCHAINED)


def published_keys(folder):
    with Runtime(settings({"data": folder}, {})) as runtime:
        return json.dumps(jwks_document(runtime.ports.signer.jwks()))


def lose_keys(run, folder):
    """Remove the keys that signed until now, behind the back of the service."""
    assert run("keys", "rotate", "--data", folder).exit_code == 0
    file = folder / "keys" / "signing.json"
    document = json.loads(file.read_text())
    file.write_text(json.dumps(document | {"keys": document["keys"][:1]}))


def test_after_a_loss_of_the_keys_the_heads_are_renewed(audit, run, data, tmp_path):
    head, jwks = tmp_path / "head.json", tmp_path / "jwks.json"
    audit("head", "--out", head)
    jwks.write_text(published_keys(data))
    lose_keys(run, data)

    output, error = audit("verify", code=1)
    assert output.startswith("log, position 0: the signed head in the store is not one of this")
    assert error == "audit: signs that the log was changed: 1\n"
    _, error = audit("verify", "--head", head, code=1)
    assert "issuer_untrusted" in error
    _, error = audit("chain", code=1)
    assert "issuer_untrusted" in error
    reason = ("--by", "Ada", "--why", "the disk with the keys was lost")
    _, error = audit("renew", *reason, code=1)  # nobody says yes
    assert "Is it the right one?" in error
    output, _ = audit("verify", "--head", head, "--jwks", jwks, code=1)
    assert output.count("position") == 1

    renewed = "renewed: from now on, the log counts as it is\n"
    assert audit("renew", "--yes", *reason) == renewed
    for options in ((), ("--head", head, "--jwks", jwks)):
        assert audit("verify", *options).endswith(NOTHING_UNCHAINED)
    (event,) = audit("search", "--event", "audit.renew").splitlines()
    document = json.loads(event)
    assert document["actor"] == "staff"
    lost = recognized_by(SignedHead(number=1, token=json.loads(head.read_text())["auditHead"]))
    assert document["attributes"] == {
        "by": "Ada",
        "why": "the disk with the keys was lost",
        "refusal": "issuer_untrusted",
        "number": "1",
        "digest": lost.digest,
    }
    _, error = audit("verify", "--jwks", jwks, code=2)
    assert error == "jwks: only together with a file of --head\n"


def administer(service, path):
    """Make a call of the administrator that `init` made."""
    header = write_cx1(
        service.output["adminKey"],
        method="GET",
        uri=service.url + path,
        milliseconds=int(time.time() * 1000),
        guid=service.output["adminGuid"],
        body=b"",
    )
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request("GET", path, headers={"Authorization": header})
        response = connection.getresponse()
        return response.status, json.loads(response.read())


def test_a_running_service_chains_signs_and_renews_while_the_log_is_read(service):
    folder = service.folder / "data"
    data = ("--data", folder)
    service.serve()
    service.command("invite", "user-42", *data)
    (event,) = eventually(
        lambda: service.command("audit", "search", "--event", "binding.", *data).splitlines()
    )
    status, page = administer(service, "/admin/api/audit?event=binding.")
    assert (status, page) == (200, {"events": [json.loads(event)], "after": None})
    assert service.command("audit", "verify", *data).endswith(NOTHING_UNCHAINED)

    # What the API returns is what `audit verify --head` reads.
    head = service.folder / "head.json"
    head.write_text(json.dumps(administer(service, "/admin/api/audit/head")[1]))
    assert service.command("audit", "verify", "--head", head, *data).endswith(NOTHING_UNCHAINED)

    # After a rotation nothing happens, and the heads are signed by the new key all the same.
    service.command("keys", "rotate", *data)
    kid = json.loads(service.command("keys", "list", *data).splitlines()[0])["kid"]
    eventually(
        lambda: head_kid(administer(service, "/admin/api/audit/head")[1]["auditHead"]) == kid
    )
    assert service.command("audit", "verify", "--head", head, *data).endswith(NOTHING_UNCHAINED)


def die(service, point, *args):
    """Run a command that dies at a point."""
    mark = service.folder / "died"
    process = service.run(*args, program=[*CRASHING, point, str(mark)])
    assert process.wait(PATIENCE) == -signal.SIGKILL, service.log.read_text()
    assert mark.exists()


def test_a_kill_before_the_head_is_signed_loses_and_doubles_nothing(service):
    folder = service.folder / "data"
    data = ("--data", folder)
    service.command("invite", "user-41", *data)
    before = bodies(folder)
    die(service, "unsigned", "serve", "--port", service.port)
    assert bodies(folder) == before
    assert sql(folder, "SELECT count(*) FROM counterseal_events") == [(0,)]
    assert service.command("audit", "verify", *data).endswith(NOTHING_UNCHAINED)

    successor = service.serve()
    service.command("invite", "user-42", *data)
    eventually(lambda: service.command("audit", "search", "--event", "binding.", *data))
    stop(successor)
    service.command("audit", "chain", *data)
    after = bodies(folder)
    assert before <= after
    assert set(after.values()) == {1}
    assert service.command("audit", "verify", *data) == (
        f"events verified: {after.total()}\n{NOTHING_UNCHAINED}"
    )


@pytest.mark.parametrize("point", ["released", "dropped"])
def test_a_kill_while_an_archive_is_dropped_loses_and_doubles_nothing(service, point):
    folder = service.folder / "data"
    data = ("--data", folder)
    service.command("audit", "chain", *data)
    before, archive = bodies(folder), service.folder / "audit.jsonl"
    die(service, point, "audit", "archive", archive)
    assert (bodies(folder) == before) is (point == "released")
    assert service.command("audit", "verify", *data).endswith(NOTHING_UNCHAINED)

    stop(service.serve())
    service.command("audit", "archive", archive, *data)
    count = before.total()
    assert service.command("audit", "verify", "--archive", archive, *data) == (
        f"events verified: {count}\n{NOTHING_UNCHAINED}"
    )
    positions = {(line["partition"], line["position"]) for line in read_lines(archive)}
    assert len(positions) == count


def read_lines(file):
    return [json.loads(line) for line in file.read_text().splitlines()]
