#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Looks at what a host has of one image."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stanchion.stack.plugins.module_utils._docker_api import (
    DEFAULT_HOST,
    Engine,
    EngineError,
)

DOCUMENTATION = r"""
module: image_state
short_description: Look at what a host has of one image
description:
  - Returns the tags of one image, its base image, the images that containers were made from, and the
    host's record of the image. Changes nothing.
author: [Stanchion maintainers]
options:
  name:
    description: Repository name of the image.
    type: str
    required: true
  base:
    description: The base image that a build takes; empty where nothing is built.
    type: str
    default: ''
  directory:
    description: Folder of the records.
    type: path
    default: /var/lib/stanchion/images
attributes:
  check_mode:
    support: full
"""

EXAMPLES = r"""
- name: Look at the image of the database
  stanchion.stack.image_state:
    name: stanchion/postgres
    base: debian:trixie-slim
"""

RETURN = r"""
name:
  description: The name that was asked for.
  returned: always
  type: str
record:
  description: The record of the image, or null where there is none.
  returned: always
  type: dict
base:
  description: Id and origin (pulled, bootstrapped) of the base image, or null where it is missing.
  returned: always
  type: dict
tags:
  description: Each tag with its image's id, creation time, and whether it carries this project's label.
  returned: always
  type: dict
in_use:
  description: Ids of the images of all containers, stopped ones included.
  returned: always
  type: list
  elements: str
"""

IMAGE_LABEL = "io.stanchion.image"
BASE_LABEL = "io.stanchion.base"
_ANSWER_WITHIN = 20


def tags_of(images: list[dict], name: str) -> dict[str, dict]:
    """Return the tags of the repository `name`."""
    found = {}
    for image in images:
        own = (image.get("Labels") or {}).get(IMAGE_LABEL) == name
        for reference in image.get("RepoTags") or []:
            repository, _, tag = reference.rpartition(":")
            if repository == name:
                found[tag] = {"id": image["Id"], "created": image["Created"], "own": own}
    return found


def base_of(images: list[dict], base: str) -> dict[str, str] | None:
    """Return the base image, if it is there."""
    wanted = base if ":" in base.rpartition("/")[2] else f"{base}:latest"
    for image in images:
        if base and wanted in (image.get("RepoTags") or []):
            return {"id": image["Id"], "origin": (image.get("Labels") or {}).get(BASE_LABEL, "pulled")}
    return None


def record_of(path: Path) -> dict | None:
    """Return the record; one that cannot be read is as good as none, for all in it can be found again."""
    try:
        record = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "base": {"type": "str", "default": ""},
            "directory": {"type": "path", "default": "/var/lib/stanchion/images"},
        },
        supports_check_mode=True,
    )
    name, base = module.params["name"], module.params["base"]
    engine = Engine(os.environ.get("DOCKER_HOST") or DEFAULT_HOST, _ANSWER_WITHIN)
    try:
        images = engine.get("/images/json", filters={"reference": [name, *([base] if base else [])]})
        containers = engine.get("/containers/json", all="true")
        record = record_of(Path(module.params["directory"]) / f"{name.replace('/', '_')}.json")
    except (EngineError, OSError) as error:
        module.fail_json(msg=f"Could not look for the image {name}: {error}.")
    module.exit_json(
        changed=False,
        name=name,
        record=record,
        base=base_of(images, base),
        tags=tags_of(images, name),
        in_use=sorted({container["ImageID"] for container in containers}),
    )


if __name__ == "__main__":
    main()
