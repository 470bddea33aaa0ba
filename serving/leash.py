"""Runs a program that the kernel ends when its parent dies, even by `kill -9`.

`python leash.py PARENT_PID SIGNAL PROGRAM ARGUMENT...`: a script of its own, because between fork and exec in a
process with threads (gRPC has them) only a fresh program may safely do anything.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, number, *command = sys.argv[1:]
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0) != 0:
        sys.exit(71)
    if os.getppid() != int(parent):  # it died before the kernel knew
        sys.exit(72)
    os.execvp(command[0], command)  # noqa: S606 - the caller's own list, no shell


if __name__ == "__main__":
    main()
