#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Records which image a host uses and takes away old ones."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stanchion.stack.plugins.module_utils._image_docker import docker

DOCUMENTATION = r"""
module: image_settle
short_description: Record which image a host uses and take away old ones
description:
  - Makes sure that the image is there, writes the host's record of it, then removes the old tags.
author: [Stanchion maintainers]
options:
  ref:
    description: Name and tag of the image.
    type: str
    required: true
  record:
    description: The record.
    type: dict
    required: true
  prune:
    description: Names with tags that go.
    type: list
    elements: str
    default: []
  directory:
    description: Folder of the records.
    type: path
    default: /var/lib/stanchion/images
attributes:
  check_mode:
    support: none
"""

EXAMPLES = r"""
- name: Settle on the image
  stanchion.stack.image_settle:
    ref: stanchion/postgres:0123456789abcdef
    record: {name: stanchion/postgres, tag: 0123456789abcdef, tags: [0123456789abcdef]}
"""

RETURN = r"""
id:
  description: The image's id.
  returned: always
  type: str
pruned:
  description: The tags that were removed.
  returned: always
  type: list
  elements: str
"""


def write(path: Path, record: dict) -> None:
    """Write the record whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}")
    with os.fdopen(handle, "w") as stream:
        json.dump(record, stream, indent=2, sort_keys=True)
        stream.write("\n")
    Path(draft).replace(path)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "ref": {"type": "str", "required": True},
            "record": {"type": "dict", "required": True},
            "prune": {"type": "list", "elements": "str", "default": []},
            "directory": {"type": "path", "default": "/var/lib/stanchion/images"},
        },
    )
    ref, record, prune = module.params["ref"], module.params["record"], module.params["prune"]
    image_id = docker(
        module,
        *("image", "inspect", "--format", "{{.Id}}", ref),
        timeout=30,
        what=f"The image {ref} is not on this host although it was built or brought here",
    ).strip()
    try:
        write(Path(module.params["directory"]) / f"{record['name'].replace('/', '_')}.json", record)
    except OSError as error:
        module.fail_json(msg=f"Could not record the image {ref}: {error}.")
    for old in prune:
        docker(module, "image", "rm", old, timeout=120, what=f"The old image {old} could not be removed")
    module.exit_json(changed=bool(prune), id=image_id, pruned=prune)


if __name__ == "__main__":
    main()
