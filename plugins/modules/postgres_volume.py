#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Decides which volume the database container may mount, and keeps the record of it."""

from __future__ import annotations

import datetime
import json
import os
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stanchion.stack.plugins.module_utils import _adoption
from ansible_collections.stanchion.stack.plugins.module_utils._docker_api import (
    DEFAULT_HOST,
    Engine,
    EngineError,
)
from ansible_collections.stanchion.stack.plugins.module_utils._one_shot import one_shot, sweep
from ansible_collections.stanchion.stack.plugins.module_utils._postgres import (
    NotConnectedError,
    StatementError,
    connect,
    need_psycopg2,
    rows,
)
from ansible_collections.stanchion.stack.plugins.module_utils._private import write_file
from ansible_collections.stanchion.stack.plugins.module_utils._volume import (
    ACTIVE,
    INITIALISING,
    Decision,
    RefusedError,
    decide,
    strangers,
)

DOCUMENTATION = r"""
module: postgres_volume
short_description: Decide which volume the database container may mount
description:
  - Reads the record of the active volume, looks at the volume and at every container, and refuses whatever
    would put the database on a wrong, empty or shared volume.
  - Where there is neither a record nor data, writes the record as V(initialising), makes the volume, and says
    that it has to be initialised.
  - With O(adopt), a volume without a record has to hold somebody's cluster that can be taken over; then the
    record says that its adoption was begun. It is never initialised.
  - With O(state=active), asks the running server for its identity and completes the record. Encoding and
    locale are recorded once, as they were first seen, for the check C(collation.encoding).
author: [Stanchion maintainers]
options:
  state:
    description: V(ready) before the server starts, V(active) once it is healthy.
    type: str
    choices: [ready, active]
    default: ready
  stack:
    description: Name of the stack.
    type: str
    required: true
  record:
    description: File of the record.
    type: path
    required: true
  volume:
    description: Name of the volume for a stack that has no record yet.
    type: str
    required: true
  container:
    description: Name of the server's container.
    type: str
    required: true
  image:
    description: The image whose C(identify) looks into the volume. Without it, in check mode, nothing looks.
    type: str
  major:
    description: Major version of the image's Postgres.
    type: str
    required: true
  socket:
    description: Folder of the operators' socket.
    type: path
    required: true
  adopt:
    description: Whose cluster is taken over where there is no record yet.
    type: dict
    suboptions:
      superuser:
        description: The cluster's bootstrap superuser.
        type: str
        required: true
      database:
        description: The application's database in it.
        type: str
        required: true
      role:
        description: The application's role.
        type: str
        required: true
attributes:
  check_mode:
    support: full
    description: Without an image, everything counts as not there yet.
  diff_mode:
    support: full
    description: Shows the record.
"""

EXAMPLES = r"""
- name: Decide which volume to mount
  stanchion.stack.postgres_volume:
    stack: medication-tracker
    record: /var/lib/stanchion/medication-tracker/postgres/volume.json
    volume: medication-tracker-pgdata
    container: medication-tracker-db
    image: stanchion/postgres:1f2e3d4c
    major: "17"
    socket: /var/lib/stanchion/medication-tracker/postgres/socket
  register: __postgres_volume
"""

RETURN = r"""
volume:
  description: The volume to mount.
  type: str
  returned: always
initialise:
  description: Whether a cluster has to be made in it first.
  type: bool
  returned: always
adopt:
  description: The step with which an adoption goes on, V(backup) or V(takeover); null without one.
  type: str
  returned: with O(state=ready)
verified:
  description: Whether the record is complete and the volume's identity was seen to be the recorded one.
  type: bool
  returned: always
record:
  description: The record as it is now; null in check mode where there is none yet.
  type: dict
  returned: always
cpus:
  description: The engine's processors; null with O(state=active).
  type: int
  returned: always
start_interval:
  description: Whether the engine can run a health check more often while a container starts.
  type: bool
  returned: always
"""

ASK_WITHIN = 20.0
LOOK_WITHIN = 60


def read_record(path: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(path.read_text())
        if record["state"] not in (INITIALISING, ACTIVE) or not record["volume"]:
            raise ValueError(f"its state is {record['state']!r}")
        if record["state"] == ACTIVE:
            int(record["system_identifier"]), int(record["timeline"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise RefusedError(
            f"The record of the active volume, {path}, can't be read ({error}). "
            "Without it nobody knows which volume is the database. Put it back from a copy"
        ) from error
    return record


# What sorting and text depend on, as initdb made it; kept as it was first seen.
FIRST_SEEN = ("encoding", "provider", "collation")


def text_of(record: dict[str, Any] | None) -> str:
    return json.dumps(record, indent=2) + "\n" if record else ""


def new_record(volume: str, major: str, found: dict[str, str], adopt: str | None = None) -> dict[str, Any]:
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    record = {
        "volume": volume,
        "state": INITIALISING,
        "system_identifier": found.get("system_identifier"),
        "timeline": None,
        "major": major,
        "created_at": now,
    }
    return {**record, "adopting": adopt} if adopt else record


def identity(socket: str, within: float) -> dict[str, Any]:
    """Ask the running server who it is."""
    connection = connect(socket, within=within)
    try:
        ((identifier, timeline, major, *first_seen),) = rows(
            connection,
            "SELECT s.system_identifier::text, c.timeline_id,"
            " current_setting('server_version_num')::int / 10000,"
            " pg_encoding_to_char(d.encoding),"
            " CASE d.datlocprovider WHEN 'b' THEN 'builtin' WHEN 'i' THEN 'icu' ELSE 'libc' END,"
            " d.datcollate"
            " FROM pg_control_system() s, pg_control_checkpoint() c, pg_database d"
            " WHERE d.datname = 'template0'",
        )
    finally:
        connection.close()
    return {
        "content": "cluster",
        "system_identifier": identifier,
        "timeline": str(timeline),
        "major": str(major),
        **dict(zip(FIRST_SEEN, first_seen)),
    }


def is_empty(mountpoint: str | None) -> bool:
    """Say whether nothing at all is in a volume; no, where its driver does not keep it on this host."""
    try:
        return bool(mountpoint) and not any(Path(mountpoint or "").iterdir())
    except OSError:
        return False


class Volumes:
    """What the engine knows of volumes and containers."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.params = module.params
        self.engine = Engine(os.environ.get("DOCKER_HOST") or DEFAULT_HOST, ASK_WITHIN)

    def mountpoint(self, volume: str) -> str | None:
        """Return where the volume lies on the host; None where there is no such volume."""
        listed = self.engine.get("/volumes", filters={"name": [volume]})
        for found in listed.get("Volumes") or []:
            if found["Name"] == volume:
                return str(found.get("Mountpoint") or "").rstrip("/")
        return None

    def found(self, volume: str, exists: bool, server: dict[str, Any] | None) -> dict[str, str]:
        """Say what the volume holds, asking the server where it runs on it already."""
        if not exists:
            return {"content": "missing"}
        mounted = server and any(m.get("Name") == volume for m in server.get("Mounts") or [])
        if mounted and server["State"] in ("running", "paused", "restarting"):
            try:
                return identity(self.params["socket"], within=0)
            except NotConnectedError:
                return {"content": "silent"}
        if not self.params["image"]:
            return {"content": "unlooked"}
        return self.identify(volume)

    def identify(self, volume: str) -> dict[str, str]:
        arguments = [
            *("--memory", "128m", "--pids-limit", "32"),
            *("--volume", f"{volume}:/var/lib/postgresql/data:ro", self.params["image"], "identify"),
        ]
        status, output, errors = one_shot(
            self.module, self.params["stack"], "identify", arguments, LOOK_WITHIN
        )
        if status != 0:
            reason = errors.strip() or f"it ended with {status}"
            raise RefusedError(f"Could not look into the volume {volume}: {reason}")
        return dict(line.split("=", 1) for line in output.splitlines() if "=" in line)

    def create(self, volume: str) -> None:
        labels = {"io.stanchion.stack": self.params["stack"], "io.stanchion.role": "postgres"}
        status, _, errors = self.module.run_command(
            ["docker", "volume", "create", *(f"--label={k}={v}" for k, v in labels.items()), volume]
        )
        if status != 0:
            raise RefusedError(f"The volume {volume} could not be made: {errors.strip()}")


def ready(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    path = Path(params["record"])
    record = read_record(path)
    volume = record["volume"] if record else params["volume"]
    wanted = adoption(params, record, path)
    if wanted and record and not module.check_mode:
        # A server that a killed run has left on the volume: nothing may run there while it is looked at.
        sweep(module, params["stack"], _adoption.PURPOSE)
    try:
        volumes = Volumes(module)
        cpus = int(volumes.engine.get("/info")["NCPU"])
        start_interval = volumes.engine.has_start_interval()
        containers = volumes.engine.get("/containers/json", all="true")
        mountpoint = volumes.mountpoint(volume)
    except EngineError as error:
        raise RefusedError(f"Could not look at the volumes: {error}") from error

    server = next((c for c in containers if f"/{params['container']}" in c["Names"]), None)
    if server and (server.get("Labels") or {}).get("io.stanchion.stack") != params["stack"]:
        raise RefusedError(
            f"A container {params['container']} is there that this stack did not make. "
            "Rename or remove it, or choose another stack_name"
        )
    own = {params["container"], f"{params['container']}-initialise"}
    others = strangers(containers, volume, mountpoint, params["stack"], own)
    if others:
        raise RefusedError(
            f"The volume {volume} is mounted by {', '.join(others)} too. "
            "Two servers on one volume destroy it, even when one is stopped and starts later. "
            + (
                "Take the old stack down first, and leave its volume: `docker compose down` (never with -v)"
                if wanted
                else "Remove that container first"
            )
        )
    found = volumes.found(volume, mountpoint is not None, server)
    if found["content"] == "silent" and record and record["state"] == ACTIVE and is_empty(mountpoint):
        # One that has lost its data is started again and again: nobody has to wait for its answer.
        found = {"content": "empty"}
    step = None
    if wanted:
        decision, step = _adoption.decide(record, volume, found, params["major"], wanted)
    else:
        decision = decide(record, volume, found, params["major"])
    record = carry_out(module, volumes, path, record, volume, decision, found, step)
    return {
        "changed": decision.create or decision.record,
        "volume": volume,
        "initialise": decision.initialise,
        "adopt": step,
        "verified": bool(record) and record["state"] == ACTIVE and found["content"] == "cluster",
        "record": record,
        "cpus": cpus,
        "start_interval": start_interval,
    }


def adoption(params: dict[str, Any], record: dict[str, Any] | None, path: Path) -> _adoption.Adoption | None:
    """Whose cluster is taken over, where one is; one that was begun has to be finished."""
    if record and "adopting" not in record:
        return None
    if params["adopt"]:
        return _adoption.Adoption(stack=params["stack"], **params["adopt"])
    if record:
        raise RefusedError(
            f"The adoption of the volume {record['volume']} was begun and is not finished ({path}). Set "
            "postgres_adopt_superuser as it was, and deploy again. To give it up, remove that file: "
            "while its `adopting` is `backup`, nothing in the volume was changed"
        )
    return None


def carry_out(
    module: AnsibleModule,
    volumes: Volumes,
    path: Path,
    record: dict[str, Any] | None,
    volume: str,
    decision: Decision,
    found: dict[str, str],
    step: str | None,
) -> dict[str, Any] | None:
    """The record first: a run killed after it resumes, one killed before it has made nothing."""
    if module.check_mode:
        return record
    if decision.record:
        record = new_record(volume, module.params["major"], found, step)
        write_file(path, text_of(record).encode())
    if decision.create:
        volumes.create(volume)
    return record


def active(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    path = Path(params["record"])
    record = read_record(path)
    result = {"initialise": False, "verified": True, "cpus": None, "start_interval": False}
    if record is None:
        if module.check_mode:
            return {"changed": True, "volume": params["volume"], "record": None, **result}
        raise RefusedError(f"There is no record {path} to complete. Run the whole role again")
    try:
        found = identity(params["socket"], within=ASK_WITHIN)
    except NotConnectedError as error:
        if module.check_mode:
            return {"changed": False, "volume": record["volume"], "record": record, **result}
        raise RefusedError(
            f"The server does not answer on its socket in {params['socket']}: {error}"
        ) from error
    decide(record, record["volume"], found, params["major"])
    completed = {
        **record,
        "state": ACTIVE,
        "system_identifier": found["system_identifier"],
        "timeline": int(found["timeline"]),
        "major": found["major"],
        **{name: record.get(name) or found[name] for name in FIRST_SEEN},
    }
    changed = completed != record
    if changed and not module.check_mode:
        write_file(path, text_of(completed).encode())
    diff = {"before": text_of(record), "after": text_of(completed)}
    return {"changed": changed, "volume": record["volume"], "record": completed, "diff": diff, **result}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["ready", "active"], "default": "ready"},
            "stack": {"type": "str", "required": True},
            "record": {"type": "path", "required": True},
            "volume": {"type": "str", "required": True},
            "container": {"type": "str", "required": True},
            "image": {"type": "str"},
            "major": {"type": "str", "required": True},
            "socket": {"type": "path", "required": True},
            "adopt": {
                "type": "dict",
                "options": {
                    "superuser": {"type": "str", "required": True},
                    "database": {"type": "str", "required": True},
                    "role": {"type": "str", "required": True},
                },
            },
        },
        supports_check_mode=True,
    )
    if not module.check_mode:
        need_psycopg2(module)
    try:
        result = active(module) if module.params["state"] == "active" else ready(module)
    except (RefusedError, EngineError) as error:
        module.fail_json(msg=f"{error}.")
    except StatementError as error:
        module.fail_json(msg=f"The server could not be asked for its identity: {error}.")
    except OSError as error:
        module.fail_json(
            msg=f"The record {module.params['record']} can't be kept: {error.strerror or error}."
        )
    module.exit_json(**result)


if __name__ == "__main__":
    main()
