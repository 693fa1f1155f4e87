"""`make down`: ask the `make up` of this checkout to stop, and wait until it has."""

import fcntl
import os
import signal
import sys
import time

from scripts.processes import RUN

_WITHIN = 30.0


def main() -> None:
    path = RUN / "lock"
    if not path.exists():
        sys.exit("nothing is running")
    with path.open("r+") as lock:
        if _is_free(lock.fileno()):
            sys.exit("nothing is running")
        # The lock is held, so its owner lives and the pid is the owner's.
        os.kill(int(lock.read()), signal.SIGTERM)
        deadline = time.monotonic() + _WITHIN
        while not _is_free(lock.fileno()):
            if time.monotonic() > deadline:
                sys.exit("it has not stopped yet; look at the terminal where `make up` runs")
            time.sleep(0.1)
    print("stopped")


def _is_free(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True


if __name__ == "__main__":
    main()
