"""Which variables are known, what is meant by the others, and where they stand."""

import pytest

from stanchion import variables

SPEC = """\
argument_specs:
  main:
    options: &options
      postgres_memory: {type: str}
      stack_name: {type: str}
  preflight:
    options: *options
"""


@pytest.fixture
def known(tmp_path):
    roles = tmp_path / "roles"
    (roles / "postgres" / "meta").mkdir(parents=True)
    (roles / "postgres" / "meta" / "argument_specs.yml").write_text(SPEC)
    (roles / "postgres" / "vars").mkdir()
    (roles / "postgres" / "vars" / "main.yml").write_text("postgres_internal: 1\n")
    (roles / "stack_network" / "meta").mkdir(parents=True)
    (roles / "stack_network" / "meta" / "argument_specs.yml").write_text(
        "argument_specs: {main: {options: {stack_app_subnet: {type: str}}}}\n"
    )
    (roles / "half_made").mkdir()
    (roles / "a_file").touch()
    return variables.known(roles)


def names(found):
    return [unknown.name for unknown in found]


def test_options_of_all_roles_are_known(known):
    assert {"postgres_memory", "stack_name", "stack_app_subnet", "postgres_internal"} <= known.names
    assert known.prefixes == ("half_made_", "postgres_", "stack_", "stack_network_")


def test_names_of_the_playbooks_are_known(known):
    assert variables.unknown(variables.PLAYBOOK_VARIABLES, known) == []


def test_a_misspelt_variable_gets_its_near_matches(known):
    (found,) = variables.unknown({"postgres_memroy": "2g", "postgres_memory": "2g"}, known)
    assert (found.name, found.near) == ("postgres_memroy", ["postgres_memory"])
    assert str(found) == "postgres_memroy. Did you mean postgres_memory?"


def test_a_variable_that_is_like_none(known):
    (found,) = variables.unknown(["postgres_xyz"], known)
    assert str(found) == "postgres_xyz."


@pytest.mark.parametrize(
    "name",
    [
        "__postgres_volume",
        "ansible_postgres_x",
        "postgresql_version",
        "stacks",
        "my_stack_name",
        "inventory_dir",
    ],
)
def test_what_is_none_of_ours_is_passed_over(known, name):
    assert variables.unknown([name], known) == []


def test_order_is_stable(known):
    assert names(variables.unknown(["stack_b", "postgres_a", "stack_a"], known)) == [
        "postgres_a",
        "stack_a",
        "stack_b",
    ]


def test_a_misspelt_prefix_is_suspicious(known):
    found = variables.suspicious(["postgress_memory", "stak_name", "backend_name", "ansible_port"], known)
    assert [(unknown.name, unknown.near) for unknown in found] == [
        ("postgress_memory", ["postgres_memory"]),
        ("stak_name", ["stack_name"]),
    ]


class TestLocate:
    @pytest.fixture
    def inventory(self, tmp_path, monkeypatch):
        folder = tmp_path / "inventory"
        (folder / "group_vars").mkdir(parents=True)
        (folder / "hosts.yml").write_text("stack:\n  hosts:\n    a:\n      backend_prot: 1\n")
        (folder / "group_vars" / "stack.yml").write_text(
            "# backend_prot: commented out\nstack_name: x\n'backend_prot': 2\nbackend_protocol: 3\n"
        )
        (folder / "group_vars" / "vault.yml").write_text("$ANSIBLE_VAULT;1.1;AES256\nbackend_prot: 4\n")
        (folder / "group_vars" / "picture.png").write_bytes(b"backend_prot: 5")
        (folder / "group_vars" / "binary.yml").write_bytes(b"\xff\xfebackend_prot: 5")
        monkeypatch.chdir(tmp_path)
        return folder

    def test_in_a_folder(self, inventory):
        assert variables.locate("backend_prot", [str(inventory)]) == [
            "inventory/group_vars/stack.yml:3",
            "inventory/hosts.yml:4",
        ]

    def test_in_a_file_and_the_folders_beside_it(self, inventory):
        assert variables.locate("backend_prot", [str(inventory / "hosts.yml")]) == [
            "inventory/hosts.yml:4",
            "inventory/group_vars/stack.yml:3",
        ]

    def test_in_an_ini_file(self, tmp_path):
        (tmp_path / "hosts").write_text("[stack]\nhost-1 ansible_host=192.0.2.1 backend_prot=5000\n")
        assert variables.locate("backend_prot", [str(tmp_path / "hosts")]) == [f"{tmp_path}/hosts:2"]

    def test_in_a_json_file(self, tmp_path):
        (tmp_path / "hosts.json").write_text('{"stack": {"vars": {\n"backend_prot": 5}}}')
        assert variables.locate("backend_prot", [str(tmp_path / "hosts.json")]) == [
            f"{tmp_path}/hosts.json:2"
        ]

    def test_on_the_command_line(self, tmp_path):
        (tmp_path / "extra.json").write_text('{"backend_prot": 5}')
        for argument in (
            "backend_prot=1",
            "a=1 backend_prot=2",
            '{"backend_prot": 1}',
            f"@{tmp_path}/extra.json",
        ):
            assert variables.locate("backend_prot", [], [argument]) == ["-e on the command line"]

    def test_nowhere(self, inventory):
        assert (
            variables.locate("backend_other", [str(inventory), "/none", "host,"], ["x=backend_other"]) == []
        )

    def test_a_file_beside_a_folder_of_its_name_is_not_read_by_ansible(self, inventory):
        sources = [str(inventory)]
        assert variables.shadowed(sources) == []
        (inventory / "group_vars" / "stack").mkdir()
        (inventory / "group_vars" / "stack" / "vault.yml").touch()
        seen = [("inventory/group_vars/stack.yml", "inventory/group_vars/stack")]
        assert variables.shadowed(sources) == seen
        assert variables.shadowed([str(inventory / "hosts.yml")]) == seen

    def test_as_text(self, inventory):
        found = variables.located(variables.Unknown("backend_prot", ["backend_port"]), [str(inventory)])
        assert str(found) == (
            "backend_prot (inventory/group_vars/stack.yml:3, inventory/hosts.yml:4). "
            "Did you mean backend_port?"
        )
