"""The progress of a command that reads a store: how long it takes, and who is told."""

import pytest

from counterseal_server.progress import show_progress, span_text


class FakeSeconds:
    """A clock that goes on when it is told to."""

    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


def read_all(seconds, *, begin=0.0, each=1.0, **options):
    """Read 256 partitions, each in so many seconds, after *begin* seconds."""
    with show_progress("partitions", seconds=seconds, **options) as report:
        seconds.now += begin
        for number in range(256):
            seconds.now += each
            report(number + 1)


def test_without_a_terminal_nothing_is_said(capsys):
    read_all(FakeSeconds())

    assert capsys.readouterr() == ("", "")


def test_lines_say_how_long_it_takes_and_how_long_it_took(capsys):
    read_all(FakeSeconds(), begin=30, lines=True)

    output, error = capsys.readouterr()
    lines = error.splitlines()
    assert output == ""
    assert lines[0] == "partitions: 16 of 256; about 4 min 0 s left"
    assert lines[1] == "partitions: 32 of 256; about 3 min 44 s left"
    assert lines[-1] == "partitions: all done; it took 4 min 46 s"
    assert len(lines) == 16


def test_of_what_is_over_soon_only_the_end_is_said(capsys):
    read_all(FakeSeconds(), each=0.01, lines=True)

    assert capsys.readouterr().err == "partitions: all done; it took 3 s\n"


def test_what_took_time_without_a_reading_does_not_count(capsys):
    seconds = FakeSeconds()
    with show_progress("partitions", lines=True, seconds=seconds) as report:
        for done, moment in ((1, 2), (8, 16), (8, 100), (24, 116), (256, 348)):
            seconds.now = 1_000 + moment
            report(done)

    assert capsys.readouterr().err.splitlines() == [
        "partitions: 24 of 256; about 3 min 52 s left",
        "partitions: all done; it took 5 min 48 s",
    ]


def test_more_can_be_planned_on_the_way(capsys):
    seconds = FakeSeconds()
    with show_progress("partitions", lines=True, seconds=seconds) as report:
        for done, planned in ((1, 256), (32, 256), (256, 256), (257, 512), (512, 512)):
            seconds.now += 10
            report(done, planned)

    assert [line.partition(";")[0] for line in capsys.readouterr().err.splitlines()] == [
        "partitions: 32 of 256",
        "partitions: 257 of 512",
        "partitions: all done",
    ]


def test_a_terminal_has_a_bar_and_two_lines(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    read_all(FakeSeconds())

    output, error = capsys.readouterr()
    assert output == ""
    assert error.count("partitions: 16 of 256; about 4 min 0 s left") == 1
    assert "32 of 256;" not in error
    assert error.endswith("partitions: all done; it took 4 min 16 s\n")


def test_a_command_that_fails_does_not_say_that_all_is_done(capsys):
    with pytest.raises(ZeroDivisionError), show_progress("partitions", lines=True) as report:
        report(1 // 0)

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (245, "4 min 5 s"), (7_265, "121 min 5 s")],
)
def test_spans_are_minutes_and_seconds(seconds, text):
    assert span_text(seconds) == text
