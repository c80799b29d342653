"""Makes the collection importable the way Ansible does: the root is ansible_collections.stanchion.stack."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

from stanchion.run.paths import STATE_VARIABLE

ROOT = Path(__file__).resolve().parents[2]

_AnsibleCollectionFinder(paths=[str(ROOT / ".ansible" / "collections")])._install()


@pytest.fixture(scope="session", autouse=True)
def records_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs that tests begin are not kept beside a person's own."""
    own = ROOT / ".stanchion" / "runs"
    before = set(own.glob("*"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(STATE_VARIABLE, str(tmp_path_factory.mktemp("state")))
        yield
    assert set(own.glob("*")) == before, "a test has begun a run among a person's own"
