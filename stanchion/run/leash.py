"""Runs Ansible so that it does not outlive its parent: python -m stanchion.run.leash PARENT_PID SCRIPT ...

ansible-runner gives Ansible a session of its own. When the command line is killed outright, nobody could
tell Ansible, and a run that nobody sees would go on changing hosts.
"""

from __future__ import annotations

import ctypes
import gc
import os
import runpy
import shutil
import signal
import sys

_PR_SET_PDEATHSIG = 1
# Ansible makes little garbage, and a process for each task. Looking for some as often as Python does by
# default took 1.3 s of an unchanged deploy's 24 s of processor time (Python 3.11).
GARBAGE_AFTER = (50_000, 50, 100)


def main(arguments: list[str]) -> None:
    """Ask the kernel for SIGINT at the parent's death (Linux), then become the script."""
    parent, program = int(arguments[0]), arguments[1]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:
            sys.exit(f"{program}: the process that started this is gone")
    script = shutil.which(program)
    if script is None:
        sys.exit(f"[ERROR]: {program} is not installed beside this Python ({sys.executable})")
    gc.set_threshold(*GARBAGE_AFTER)
    sys.argv = [script, *arguments[2:]]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
