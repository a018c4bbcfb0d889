"""A device is bound, waits, and answers, under each server that people run Django with."""

import os
import threading

import pytest
from django_project import COMMANDS, INSTALL, PATIENCE, Device

SERVERS = list(COMMANDS) if "EVERY_SERVER" in os.environ else ["runserver"]


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_a_device_is_bound_and_answers(project, server):
    project.run(INSTALL)
    project.serve(server)

    invited = project.get("/invite/")
    assert not invited["bound"]
    assert invited["link"].startswith(f"http://127.0.0.1:{project.port}/auth/app/#bind?")
    status, headers, page = project.send("GET", "/auth/app/")
    assert (status, b"<html" in page) == (200, True)
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    device = Device(project)
    device.bind(invited["link"])
    assert project.get("/invite/")["bound"]

    replies = []
    poll = threading.Thread(
        target=lambda: replies.append(device.get("/device/requests", "?wait=25&known="))
    )
    connection, stream = project.open(*device.call("GET", "/device/requests/events"))
    assert stream.headers["Content-Type"].startswith("text/event-stream")
    poll.start()
    guid = project.get("/ask/")["guid"]
    poll.join(PATIENCE)
    assert [request["guid"] for request in replies[0]["requests"]] == [guid]
    lines = []
    while not any(guid.encode() in line for line in lines):
        lines.append(stream.readline())
    assert device.answer(guid)["approved"]
    while b"event: ended\n" not in lines:
        lines.append(stream.readline())
    connection.close()
    assert project.get(f"/state/{guid}/") == {"approved": True, "state": "ANSWERED"}


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
@pytest.mark.skipif("EVERY_SERVER" not in os.environ, reason="with EVERY_SERVER only")
@pytest.mark.parametrize("server", ["gunicorn", "uvicorn"])
def test_a_server_ends_while_a_device_waits(project, server):
    project.run(INSTALL)
    process = project.serve(server)
    device = Device(project)
    device.bind(project.get("/invite/")["link"])
    connection, stream = project.open(*device.call("GET", "/device/requests/events"))
    assert stream.readline().startswith(b"retry: ")

    process.terminate()

    assert b"requests" in stream.read()
    connection.close()
    process.wait(PATIENCE)
