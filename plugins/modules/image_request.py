# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin image_request, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_request
short_description: Read which image is declared, and hash what is in its tag
description:
  - Runs on the controller alone. Fails where no image can come of what is declared.
author: [Stanchion maintainers]
options:
  name:
    description: Repository name of the image.
    type: str
    required: true
  source:
    description: Where it comes from.
    type: str
    choices: [build, pull, archive]
    required: true
  context:
    description: Folder of the build context.
    type: path
  dockerfile:
    description: The Dockerfile, within the context.
    type: str
    default: Dockerfile
  args:
    description: Build arguments.
    type: dict
  packages:
    description: Debian packages whose versions are in the tag.
    type: list
    elements: str
  base:
    description: The base image.
    type: str
  reference:
    description: What is pulled, with its digest.
    type: str
  archive:
    description: What C(docker save) wrote.
    type: path
"""

EXAMPLES = r"""
- name: Read the request
  stanchion.stack.image_request:
    name: stanchion/postgres
    source: build
    context: "{{ role_path }}/files/image"
    dockerfile: Dockerfile
    base: debian:trixie-slim
"""

RETURN = r"""
request:
  description: Name, source, base, packages, and the digest of what is on the controller.
  returned: success
  type: dict
"""
