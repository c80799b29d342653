"""Which inventory, which hosts, and whether sudo is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from stanchion.errors import InventoryError, SudoError
from stanchion.run import inventory, sudo

LISTING = {
    "_meta": {"hostvars": {"db1": {"stack_name": "demo"}, "app1": {}}},
    "all": {"children": ["ungrouped", "stack"]},
    "stack": {"children": ["database", "backend"]},
    "database": {"hosts": ["db1"]},
    "backend": {"hosts": ["app1", "app2"]},
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("local", "production"):
        (tmp_path / "root" / "inventory" / name).mkdir(parents=True)
    (tmp_path / "cwd" / "mine").mkdir(parents=True)
    return tmp_path / "root"


def test_relative_to_the_current_folder_then_to_the_root(root: Path) -> None:
    cwd = root.parent / "cwd"
    assert inventory.resolve("mine", root, cwd) == cwd / "mine"
    assert inventory.resolve("inventory/local", root, cwd) == root / "inventory" / "local"
    assert inventory.resolve(str(cwd / "mine"), root, cwd) == cwd / "mine"


def test_an_unknown_one_names_the_near_ones(root: Path) -> None:
    with pytest.raises(InventoryError, match="Did you mean inventory/production") as caught:
        inventory.resolve("inventory/prodution", root, root)
    assert caught.value.exit_code == 2


def test_groups_hold_the_hosts_of_their_children() -> None:
    seen = inventory.parse(LISTING)
    assert seen.groups["stack"] == {"db1", "app1", "app2"}
    assert set(seen.hosts) == {"db1", "app1", "app2"}
    assert seen.hosts["db1"] == {"stack_name": "demo"}


@pytest.mark.parametrize(
    "limit",
    ["db1", "backend", "app*", "stack:!db1", "db1,app1", "~app.", "stack:&backend", "backend[0]", "all"],
)
def test_limits_that_match(limit: str) -> None:
    inventory.check_limit(limit, inventory.parse(LISTING))


@pytest.mark.parametrize(
    ("limit", "near"), [("bd1", "db1"), ("db1,bakend", "backend"), ("stack:!ap1", "app1")]
)
def test_limits_that_match_nothing_name_the_near_hosts(limit: str, near: str) -> None:
    with pytest.raises(InventoryError, match=f"Did you mean .*{near}"):
        inventory.check_limit(limit, inventory.parse(LISTING))


def test_without_a_near_match_all_are_named() -> None:
    assert inventory.did_you_mean("zzz", {"db1", "app1"}) == "There is: app1, db1."
    assert inventory.did_you_mean("zzz", set()) == ""


def test_an_inventory_is_read(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text("stack:\n  hosts:\n    one:\n      stack_name: demo\n")
    seen = inventory.read(tmp_path / "hosts.yml", tmp_path)
    assert seen.hosts == {"one": {"stack_name": "demo"}}


def test_an_unreadable_inventory_is_told(tmp_path: Path) -> None:
    (tmp_path / "ansible.cfg").write_text("[inventory]\nany_unparsed_is_failed = True\n")
    (tmp_path / "hosts.yml").write_text("stack: [")
    with pytest.raises(InventoryError, match="could not be read"):
        inventory.read(tmp_path / "hosts.yml", tmp_path)


def local(**more: object) -> inventory.Inventory:
    return inventory.Inventory(hosts={"here": {"ansible_connection": "local", **more}}, groups={})


def test_no_sudo_on_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    refuses = tmp_path / "sudo"
    refuses.write_text("#!/bin/sh\nexit 1\n")
    refuses.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(SudoError, match="--ask-become-pass") as caught:
        sudo.check(local())
    assert caught.value.exit_code == 2
    known = {"ansible_become_password": "from vault"}
    sudo.check(local(**known))
    sudo.check(local(ansible_become=False))
    sudo.check(inventory.Inventory(hosts={"far": {"ansible_connection": "ssh"}}, groups={}))


def test_sudo_without_a_password_is_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    allows = tmp_path / "sudo"
    allows.write_text('#!/bin/sh\n[ "$1" = -n ]\n')
    allows.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    sudo.check(local())


def test_a_machine_without_sudo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SudoError, match="no sudo"):
        sudo.check(local())


def test_when_sudo_is_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert sudo.needs_check(password_given=False, environment={})
    assert not sudo.needs_check(password_given=True, environment={})
    assert not sudo.needs_check(password_given=False, environment={"ANSIBLE_BECOME_PASSWORD_FILE": "x"})
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert not sudo.needs_check(password_given=False, environment={})
