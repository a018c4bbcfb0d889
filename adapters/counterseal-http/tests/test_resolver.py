import errno
import socket
import threading

import pytest

from counterseal_http import NotAttempted, SystemResolver, Unresolved


def entry(address, family=socket.AF_INET):
    return (family, socket.SOCK_STREAM, 6, "", (address, 0))


class TestTheSystemResolver:
    def test_returns_the_addresses_of_the_system(self):
        entries = [entry("192.0.2.1"), entry("2001:db8::1", socket.AF_INET6)]
        calls = []

        def look_up(host, port, **kwargs):
            calls.append((host, kwargs))
            return entries

        assert SystemResolver(look_up=look_up).resolve("shop.example", 5) == (
            "192.0.2.1",
            "2001:db8::1",
        )
        assert calls == [("shop.example", {"type": socket.SOCK_STREAM})]

    def test_uses_the_machines_resolver(self):
        assert {"127.0.0.1", "::1"} >= set(SystemResolver().resolve("localhost", 5)) != set()

    def test_does_not_wait_for_a_call_that_hangs(self):
        released = threading.Event()

        def hanging(*args, **kwargs):
            released.wait()
            return []

        resolver = SystemResolver(concurrency=1, look_up=hanging)
        with pytest.raises(Unresolved):
            resolver.resolve("slow.example", 0.01)
        # That call still runs, and no other may.
        with pytest.raises(NotAttempted):
            resolver.resolve("shop.example", 5)
        released.set()

    def test_has_a_free_slot_when_the_answer_is_there(self):
        resolver = SystemResolver(
            concurrency=1, look_up=lambda *args, **kwargs: [entry("192.0.2.1")]
        )

        for _ in range(3):
            resolver.resolve("shop.example", 5)

    @pytest.mark.parametrize(
        ("error", "raised"),
        [
            (socket.gaierror(socket.EAI_NONAME, ""), Unresolved),
            # A broken remote name server looks like this, too.
            (socket.gaierror(socket.EAI_AGAIN, ""), Unresolved),
            (UnicodeError("label too long"), Unresolved),
            (socket.gaierror(socket.EAI_MEMORY, ""), NotAttempted),
            (OSError(errno.EMFILE, ""), NotAttempted),
            (RuntimeError(), NotAttempted),
        ],
    )
    def test_distinguishes_local_failures_from_remote_ones(self, error, raised):
        def failing(*args, **kwargs):
            raise error

        with pytest.raises(raised):
            SystemResolver(look_up=failing).resolve("shop.example", 5)

    def test_without_a_thread_attempts_nothing(self, monkeypatch):
        def start(thread):
            raise RuntimeError("can't start new thread")

        resolver = SystemResolver(concurrency=1)
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start)
            with pytest.raises(NotAttempted):
                resolver.resolve("localhost", 5)

        assert resolver.resolve("localhost", 5), "its slot is free again"
