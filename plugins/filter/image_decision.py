# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Decides what a host has to do for an image, from what all hosts of the play have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from ansible_collections.stanchion.stack.plugins.plugin_utils._package import part

DOCUMENTATION = r"""
name: image_decision
short_description: Decide what a host has to do for an image
description:
  - The logic is stanchion.image.decision; this hands it the registers of the role container_image.
positional: _input, host, hosts, hostvars
options:
  _input:
    description: What image_request returned.
    type: dict
    required: true
  host:
    description: The host to decide for.
    type: str
    required: true
  hosts:
    description: The hosts of the play, in order.
    type: list
    elements: str
    required: true
  hostvars:
    description: The variables of all hosts.
    type: dict
    required: true
  resolution:
    description: Base and versions as the host has just looked them up that an earlier decision named.
    type: dict
  update:
    description: Whether versions are looked up anew.
    type: bool
    default: false
  resolve_after:
    description: After how many seconds a build that is needed anyway looks them up anew.
    type: int
    default: 86400
  keep:
    description: How many of the image's own tags stay.
    type: int
    default: 3
"""

EXAMPLES = r"""
decision: "{{ request | stanchion.stack.image_decision(inventory_hostname, ansible_play_hosts, hostvars) }}"
"""

RETURN = r"""
_value:
  description: Tag, builder, giver, receivers, what to record and what to prune.
  type: dict
"""

LOOK = "__container_image_look"


def image_decision(
    request: Mapping[str, Any],
    host: str,
    hosts: Iterable[str],
    hostvars: Mapping[str, Mapping[str, Any]],
    *,
    resolution: Mapping[str, Any] | None = None,
    **policy: Any,
) -> dict[str, Any]:
    decision = part("image.decision")
    looks = {name: hostvars[name][LOOK] for name in hosts if LOOK in hostvars[name]}
    return decision.decide(
        part("image.request").Request.of(request),
        # A host that skipped the role for this image has the look of another one, or of a skipped task.
        {name: look for name, look in looks.items() if look.get("name") == request["name"]},
        host,
        decision.Policy(**policy),
        resolution=_resolution(decision, resolution) if resolution else None,
    ).as_dict()


def _resolution(decision: ModuleType, found: Mapping[str, Any]) -> object:
    fields = {name: found[name] for name in ("host", "base_id", "base_origin", "resolved_at")}
    versions = found.get("versions")
    return decision.Resolution(
        **fields, versions=decision.versions_of(found["simulation"]) if versions is None else versions
    )


class FilterModule:
    """The filter image_decision."""

    def filters(self) -> dict:
        return {"image_decision": image_decision}
