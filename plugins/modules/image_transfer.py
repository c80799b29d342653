#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Moves an image out of or into a host's engine."""

from __future__ import annotations

import re
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stanchion.stack.plugins.module_utils._image_docker import docker

DOCUMENTATION = r"""
module: image_transfer
short_description: Move an image out of or into a host's engine
description:
  - Saves an image into a file of the controller, loads one from there, pushes it to a registry or pulls it.
author: [Stanchion maintainers]
options:
  ref:
    description: Name and tag that the image has, or gets, on this host.
    type: str
    required: true
  state:
    description:
      - V(saved) writes the image to O(path), compressed. V(loaded) loads it from there, compressed or not.
      - V(pushed) sends it under the name O(reference), V(pulled) gets what has that name.
    type: str
    choices: [saved, loaded, pushed, pulled]
    required: true
  path:
    description:
      - Archive on the controller, for V(saved) and V(loaded).
      - Without it, a file in the run's own temporary folder, by which one host hands an image to another.
    type: path
  reference:
    description: Name in a registry, for V(pushed) and V(pulled).
    type: str
  timeout:
    description: Seconds after which it is given up.
    type: int
    default: 900
  archive:
    description: Where the archive is on the host. Set by the action plugin.
    type: path
attributes:
  check_mode:
    support: full
"""

EXAMPLES = r"""
- name: Pull by digest
  stanchion.stack.image_transfer:
    ref: prometheus:0123456789abcdef
    state: pulled
    reference: registry.example/prometheus@sha256:DIGEST

- name: Load from an archive of the controller
  stanchion.stack.image_transfer:
    ref: prometheus:0123456789abcdef
    state: loaded
    path: images/prometheus.tar
"""

RETURN = r"""
ref:
  description: Name and tag.
  returned: always
  type: str
"""

_LOADED = re.compile(r"^Loaded image(?: ID)?: (\S+)$", re.MULTILINE)


def saved(module: AnsibleModule, ref: str, params: dict) -> None:
    docker(
        module,
        *("save", "--output", params["archive"], ref),
        timeout=params["timeout"],
        what=f"The image {ref} could not be saved",
    )
    # It crosses the network twice, at a third of the size. Engines load it as it is.
    module.run_command(["gzip", "-1", params["archive"]], check_rc=True)
    Path(f"{params['archive']}.gz").replace(params["archive"])


def loaded(module: AnsibleModule, ref: str, params: dict) -> None:
    what = f"The image {ref} could not be loaded from {params['path']}"
    output = docker(module, "load", "--input", params["archive"], timeout=params["timeout"], what=what)
    names = _LOADED.findall(output)
    if len(names) != 1:
        module.fail_json(msg=f"{what}: the archive has {len(names)} images, not one: {', '.join(names)}.")
    if names[0] != ref:
        docker(module, "tag", names[0], ref, timeout=60, what=what)


def pushed(module: AnsibleModule, ref: str, params: dict) -> None:
    reference, what = params["reference"], f"The image {ref} could not be pushed as {params['reference']}"
    docker(module, "tag", ref, reference, timeout=60, what=what)
    docker(module, "push", reference, timeout=params["timeout"], what=what)
    docker(module, "image", "rm", reference, timeout=60, what=what)


def pulled(module: AnsibleModule, ref: str, params: dict) -> None:
    reference, what = params["reference"], f"The image {ref} could not be pulled as {params['reference']}"
    docker(module, "pull", reference, timeout=params["timeout"], what=what)
    docker(module, "tag", reference, ref, timeout=60, what=what)
    if "@" not in reference:
        docker(module, "image", "rm", reference, timeout=60, what=what)


STATES = {"saved": saved, "loaded": loaded, "pushed": pushed, "pulled": pulled}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "ref": {"type": "str", "required": True},
            "state": {"type": "str", "required": True, "choices": list(STATES)},
            "path": {"type": "path"},
            "reference": {"type": "str"},
            "timeout": {"type": "int", "default": 900},
            "archive": {"type": "path"},
        },
        required_if=[
            ("state", "pushed", ["reference"]),
            ("state", "pulled", ["reference"]),
        ],
        supports_check_mode=True,
    )
    state, ref = module.params["state"], module.params["ref"]
    if not module.check_mode:
        STATES[state](module, ref, module.params)
    module.exit_json(changed=state in ("loaded", "pulled"), ref=ref)


if __name__ == "__main__":
    main()
