# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the backups' command on the host tells of them; one that is not installed is an answer too."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from ansible_collections.stanchion.stack.plugins.module_utils._facts_sources import UnreadableError

PROGRAMS = Path("/usr/local/sbin")
# Of the source's time, what the command may wait for a repository or the server, three times in a row.
_SHARE = 0.3


def backup_facts(stack: str, timeout: float, programs: Path = PROGRAMS) -> dict:
    """Run the command's `observe`; it changes nothing."""
    program = programs / f"stanchion-{stack}"
    if not program.exists():
        return {"program": str(program), "installed": False, "observed": None}
    argv = [str(program), "observe", "--without-windows", "--within", f"{timeout * _SHARE:g}"]
    try:
        done = subprocess.run(  # noqa: S603
            argv, capture_output=True, text=True, errors="replace", timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise UnreadableError(f"{program} observe did not answer within {timeout:g} s") from error
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()
        raise UnreadableError(
            f"{program} observe ended with {done.returncode}: {reason[-1] if reason else 'it said nothing'}"
        )
    try:
        observed = json.loads(done.stdout)
    except ValueError as error:
        raise UnreadableError(f"{program} observe printed no JSON: {error}") from error
    return {"program": str(program), "installed": True, "observed": observed}
