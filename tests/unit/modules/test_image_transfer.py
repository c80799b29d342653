"""An image on its way from one host to another."""

from __future__ import annotations

import gzip
import subprocess
from types import SimpleNamespace

from ansible_collections.stanchion.stack.plugins.modules import image_transfer


def test_what_is_handed_on_is_compressed(tmp_path, monkeypatch):
    archive = tmp_path / "image.tar"

    def docker(_module, *arguments, **_):
        assert arguments == ("save", "--output", str(archive), "demo:1")
        archive.write_bytes(b"layer" * 10_000)

    monkeypatch.setattr(image_transfer, "docker", docker)
    module = SimpleNamespace(run_command=lambda argv, check_rc: subprocess.run(argv, check=check_rc))
    image_transfer.saved(module, "demo:1", {"archive": str(archive), "timeout": 9})
    assert gzip.decompress(archive.read_bytes()) == b"layer" * 10_000
    assert archive.stat().st_size < 1000
    assert list(tmp_path.iterdir()) == [archive]
