#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Builds an image from a context that the action plugin of the same name has sent."""

from __future__ import annotations

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stanchion.stack.plugins.module_utils._image_docker import docker

DOCUMENTATION = r"""
module: image_build
short_description: Build an image on the host from a folder of the controller
description:
  - Sends the context as one tar, without what its C(.dockerignore) names, and builds it with the host's
    Docker client. A build that fails ends with its last lines and the place of the Dockerfile.
  - Always builds; whether there is anything to build is decided by the tag before.
author: [Stanchion maintainers]
options:
  ref:
    description: Name and tag of the image.
    type: str
    required: true
  context:
    description: Folder on the controller.
    type: path
    required: true
  dockerfile:
    description: The Dockerfile, within the context.
    type: str
    default: Dockerfile
  args:
    description: Build arguments.
    type: dict
    default: {}
  labels:
    description: Labels of the image.
    type: dict
    default: {}
  timeout:
    description: Seconds after which the build is given up.
    type: int
    default: 1800
  archive:
    description: Where the tar is on the host. Set by the action plugin.
    type: path
attributes:
  check_mode:
    support: full
    description: Nothing is sent or built.
"""

EXAMPLES = r"""
- name: Build the image
  stanchion.stack.image_build:
    ref: stanchion/postgres:0123456789abcdef
    context: "{{ role_path }}/files/image"
    args:
      BASE: debian:trixie-slim
"""

RETURN = r"""
ref:
  description: Name and tag.
  returned: always
  type: str
"""


def command_of(params: dict) -> list[str]:
    """Return the arguments of docker, the context on standard input."""
    command = ["build", "--force-rm", "--tag", params["ref"], "--file", params["dockerfile"]]
    for name, value in sorted(params["args"].items()):
        command += ["--build-arg", f"{name}={value}"]
    for name, value in sorted(params["labels"].items()):
        command += ["--label", f"{name}={value}"]
    return [*command, "-"]


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "ref": {"type": "str", "required": True},
            "context": {"type": "path", "required": True},
            "dockerfile": {"type": "str", "default": "Dockerfile"},
            "args": {"type": "dict", "default": {}},
            "labels": {"type": "dict", "default": {}},
            "timeout": {"type": "int", "default": 1800},
            "archive": {"type": "path"},
        },
        supports_check_mode=True,
    )
    params = module.params
    if not module.check_mode:
        docker(
            module,
            *command_of(params),
            timeout=params["timeout"],
            what=f"The image {params['ref']} failed to build from {params['context']}/{params['dockerfile']}",
            data=Path(params["archive"]).read_bytes(),
        )
    module.exit_json(changed=True, ref=params["ref"])


if __name__ == "__main__":
    main()
