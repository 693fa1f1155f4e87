"""`make up`: start everything, wait until it is ready, say what to do next, stop everything."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from scripts.processes import ON_REQUEST, RUN, Program, environment, programs, requested, taken_ports

_READY_WITHIN = 60.0
_STOPPED_WITHIN = 20.0
_LOG_TAIL = 15
# Ctrl-C, `make down`, and a terminal window that is closed.
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Running = list[tuple[Program, "subprocess.Popen[bytes]"]]


class Stop(Exception):
    """One of the signals in `_STOPPING` came."""


class Failed(Exception):
    """One of the processes cannot go on; the message is for the person."""


def main() -> None:
    RUN.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Held for as long as this process lives: whoever finds it free knows that the pid in it is stale.
    with (RUN / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit("make up runs already; stop it with Ctrl-C there or `make down` here")
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        sys.exit(run())


def run() -> int:
    """The exit code."""
    if unknown := requested(os.environ) - ON_REQUEST:
        print(f"WITH can add {', '.join(sorted(ON_REQUEST))}, not {', '.join(sorted(unknown))}", file=sys.stderr)
        return 1
    chosen = programs(os.environ)
    if problems := taken_ports(chosen):
        print("\n".join(problems), file=sys.stderr)
        return 1
    running: Running = []
    signals: list[int] = []
    for number in _STOPPING:
        signal.signal(number, lambda came, _frame: signals.append(came))
    try:
        variables = environment(chosen, os.environ)
        for program in chosen:
            print(f"starting {program.name}")
            running.append((program, program.start(variables)))
        _wait_until_ready(running, signals)
        print(_what_next(variables), flush=True)
        _wait_for_exit(running, signals)
    except Stop:
        print("\nstopping", flush=True)
        return 0
    except Failed as failure:
        print(f"\n{failure}", file=sys.stderr, flush=True)
        return 1
    finally:
        _stop(running)


def _wait_until_ready(running: Running, signals: Sequence[int]) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    for program, process in running:
        while not program.is_ready():
            if process.poll() is not None:
                raise Failed(_ended(program, process))
            if time.monotonic() > deadline:
                raise Failed(f"{program.name} is not ready after {_READY_WITHIN:.0f} s; see {_relative(program.log)}")
            _pause(0.05, signals)
    for program, process in running:
        if process.poll() is not None:
            raise Failed(_ended(program, process))


def _wait_for_exit(running: Running, signals: Sequence[int]) -> NoReturn:
    while True:
        for program, process in running:
            if process.poll() is not None:
                raise Failed(_ended(program, process))
        _pause(0.2, signals)


def _pause(seconds: float, signals: Sequence[int]) -> None:
    """Sleep; raise Stop here if one came, and never between the start of a process and the note of it."""
    time.sleep(seconds)
    if signals:
        raise Stop


def _ended(program: Program, process: "subprocess.Popen[bytes]") -> str:
    tail = program.log.read_text(errors="replace").splitlines()[-_LOG_TAIL:]
    return "\n".join([f"{program.name} ended with exit code {process.returncode}:", *tail])


def _stop(running: Running) -> None:
    """Ask everything that we started to stop, then insist."""
    for _, process in reversed(running):
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + _STOPPED_WITHIN
    for _, process in running:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _what_next(variables: dict[str, str]) -> str:
    url, web_app = f"{variables['MCP_EXTERNAL_BASE_URL']}/mcp", ""
    login = "make login" + (" WITH=edge" if "edge" in requested(variables) else "")
    if "web_app" in requested(variables):
        web_app = f"  In a web app:       {variables['EXAMPLE_WEB_APP_GATEWAY_URI'].removesuffix('callback')}\n"
    return f"""
Ready. Your MCP server is at {url}

{web_app}  Try it here:        {login:<22}(in a second terminal)
  With Claude Code:   claude mcp add --transport http demo {url}
  Any other client:   give it the URL above; it finds the rest by itself

  When a browser asks you to sign in, any name will do: nothing here is real.
  Logs are in {_relative(RUN)}/, one file a process. Stop with Ctrl-C, or `make down`."""


def _relative(path: Path) -> str:
    return os.path.relpath(path)


if __name__ == "__main__":
    main()
