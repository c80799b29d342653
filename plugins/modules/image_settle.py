#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Records which image a host uses and takes away old ones."""

from __future__ import annotations

import json
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stanchion.stack.plugins.module_utils._image_docker import (
    ask,
    docker,
    failure,
    root_of,
)
from ansible_collections.stanchion.stack.plugins.module_utils._private import write_file

DOCUMENTATION = r"""
module: image_settle
short_description: Record which image a host uses and take away old ones
description:
  - Makes sure that the image is there, removes the old tags, and writes the host's record of it.
  - An old tag that can't be removed, because a container was made from it meanwhile for instance, is a
    warning. It stays in the record, and the next time tries again.
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

REMOVED_WITHIN = 120


def remove(module: AnsibleModule, refs: list[str]) -> list[str]:
    """Take the tags away, and return those that went; warn of each that did not."""
    gone = []
    for ref in refs:
        status, output, errors = ask(module, "image", "rm", ref, timeout=REMOVED_WITHIN)
        if status == 0:
            gone.append(ref)
        else:
            what = f"The old image {ref} could not be removed and stays"
            text = failure(what, status, output + errors, REMOVED_WITHIN, root_of(module))
            module.warn(" ".join(text.split()))
    return gone


def with_tags(record: dict, refs: list[str]) -> dict:
    """Return the record with the tags of these images too, as the oldest."""
    return {**record, "tags": [*record.get("tags", []), *(ref.rpartition(":")[2] for ref in refs)]}


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
    # Before the record: one that names a tag that is gone does no harm, a tag that no record names stays.
    gone = remove(module, prune)
    kept = [ref for ref in prune if ref not in gone]
    text = json.dumps(with_tags(record, kept), indent=2, sort_keys=True) + "\n"
    try:
        write_file(
            Path(module.params["directory"]) / f"{record['name'].replace('/', '_')}.json", text.encode()
        )
    except OSError as error:
        module.fail_json(msg=f"Could not record the image {ref}: {error}.")
    module.exit_json(changed=bool(gone), id=image_id, pruned=gone)


if __name__ == "__main__":
    main()
