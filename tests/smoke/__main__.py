"""
Run every session that is not default at its smallest setting: `nox -s smoke`.

Arguments name the sessions to run. The exit code is not 0 if one fails; what each took is printed.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]
AT_ONCE = 2
"""As in the default sessions, one uses the cores while the other waits; none is judged."""

SESSIONS = tomllib.loads((ROOT / "tests" / "sessions.toml").read_text("utf-8"))
SMOKE = {
    name if kind == "smoke" else f"{kind}({name})": (session["smoke"], session["seconds"])
    for kind, sessions in SESSIONS.items()
    for name, session in sessions.items()
}
"""What stands after `--` when a session runs, and its seconds on two idle cores."""

WRITING = {"generate", "version"}
"""What writes into the clone: it runs in another one, of the last commit."""

LATE = 15
"""A session that takes as many times its seconds has to end: it waits for ever."""


def main(names: list[str]) -> int:
    """Run the sessions that *names* name; return the exit code."""
    begun = time.monotonic()
    running: set[int] = set()
    with (
        tempfile.TemporaryDirectory(prefix="counterseal-smoke-") as folder,
        ThreadPoolExecutor(AT_ONCE) as threads,
    ):
        try:
            runs = list(threads.map(lambda name: run_row(Path(folder), name, running), names))
        except BaseException:
            for group in running:
                kill_group(group)
            raise
    for name, took, cpu, code in runs:
        ended = f", exit code {code}" * bool(code)
        print(f"{name:20} {took:5.0f} s of {SMOKE[name][1]:2}, {cpu:4.0f} s CPU{ended}")
    cpu_time = sum(cpu for _, _, cpu, _ in runs)
    print(f"{'all':20} {time.monotonic() - begun:5.0f} s, {cpu_time:4.0f} s CPU")
    failed = [name for name, _, _, code in runs if code]
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def kill_group(group: int) -> None:
    """End the processes of a group, if there are any."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def run_row(folder: Path, name: str, running: set[int]) -> tuple[str, float, float, int]:
    """
    Run a row of `SMOKE`, and print its output when it has ended.

    Args:
        folder: Where to keep the output.
        name: The session's.
        running: Has the group of its processes, while they run.

    Returns:
        The name, the seconds that it took, those of CPU time in processes that something waits
        for (PostgreSQL's are not among them), and its exit code, which is not 0 if it hangs.
    """
    setting, seconds = SMOKE[name]
    clone = folder / "clones" / name
    command = [sys.executable, "-m", "nox", "-s", name, "--", *shlex.split(setting)]
    begun = time.monotonic()
    with (folder / f"{name}.txt").open("w+b") as output:
        if name in WRITING:
            shutil.rmtree(clone, ignore_errors=True)
            copy = ["git", "clone", "--quiet", "--shared", ROOT, clone]
            subprocess.run(copy, check=True)
        cwd = clone if name in WRITING else ROOT
        process = subprocess.Popen(
            command, cwd=cwd, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        running.add(process.pid)
        timer = threading.Timer(LATE * seconds, kill_group, (process.pid,))
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        timer.cancel()
        kill_group(process.pid)  # what it has left behind
        running.discard(process.pid)
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    took, cpu = time.monotonic() - begun, usage.ru_utime + usage.ru_stime
    print(f"nox -s {name} -- {setting}", text, sep="\n", flush=True)
    shutil.rmtree(clone, ignore_errors=True)
    return name, took, cpu, process.returncode


if __name__ == "__main__":
    unknown = [name for name in sys.argv[1:] if name not in SMOKE]
    if unknown:
        sys.exit(f"no session has these names: {', '.join(unknown)}")
    sys.exit(main(sys.argv[1:] or [*SMOKE]))
