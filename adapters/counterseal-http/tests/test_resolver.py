import errno
import socket
import threading

import pytest

from counterseal_http import NotAttempted, SystemResolver, Unresolved


def entry(address, family=socket.AF_INET):
    return (family, socket.SOCK_STREAM, 6, "", (address, 0))


class TestTheSystemResolver:
    def test_returns_what_the_system_says(self):
        found = [entry("192.0.2.1"), entry("2001:db8::1", socket.AF_INET6)]
        asked = []

        def look_up(host, port, **kwargs):
            asked.append((host, kwargs))
            return found

        assert SystemResolver(look_up=look_up).resolve("shop.example", 5) == (
            "192.0.2.1",
            "2001:db8::1",
        )
        assert asked == [("shop.example", {"type": socket.SOCK_STREAM})]

    def test_asks_the_machine(self):
        assert {"127.0.0.1", "::1"} >= set(SystemResolver().resolve("localhost", 5)) != set()

    def test_leaves_behind_who_does_not_come_back(self):
        over = threading.Event()

        def hanging(*args, **kwargs):
            over.wait()
            return []

        resolver = SystemResolver(at_once=1, look_up=hanging)
        with pytest.raises(Unresolved):
            resolver.resolve("slow.example", 0.01)
        # That one still runs, and there may be no more.
        with pytest.raises(NotAttempted):
            resolver.resolve("shop.example", 5)
        over.set()

    def test_may_ask_again_when_an_answer_is_there(self):
        resolver = SystemResolver(at_once=1, look_up=lambda *args, **kwargs: [entry("192.0.2.1")])

        for _ in range(3):
            resolver.resolve("shop.example", 5)

    @pytest.mark.parametrize(
        ("error", "raised"),
        [
            (socket.gaierror(socket.EAI_NONAME, ""), Unresolved),
            # A broken name server of the other side looks like this too.
            (socket.gaierror(socket.EAI_AGAIN, ""), Unresolved),
            (UnicodeError("label too long"), Unresolved),
            (socket.gaierror(socket.EAI_MEMORY, ""), NotAttempted),
            (OSError(errno.EMFILE, ""), NotAttempted),
            (RuntimeError(), NotAttempted),
        ],
    )
    def test_tells_whose_fault_it_is(self, error, raised):
        def failing(*args, **kwargs):
            raise error

        with pytest.raises(raised):
            SystemResolver(look_up=failing).resolve("shop.example", 5)

    def test_without_a_thread_attempts_nothing(self, monkeypatch):
        def start(thread):
            raise RuntimeError("can't start new thread")

        resolver = SystemResolver(at_once=1)
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start)
            with pytest.raises(NotAttempted):
                resolver.resolve("localhost", 5)

        assert resolver.resolve("localhost", 5), "its place is free again"
