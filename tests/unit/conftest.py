"""Makes the collection importable the way Ansible does: the root is ansible_collections.stanchion.stack."""

from pathlib import Path

from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

ROOT = Path(__file__).resolve().parents[2]

_AnsibleCollectionFinder(paths=[str(ROOT / ".ansible" / "collections")])._install()
