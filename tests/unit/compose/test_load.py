"""Compose files as compose reads them, or refused by name."""

import pytest

from stanchion.compose.load import load
from stanchion.compose.merge import plain
from stanchion.compose.trouble import FileError

ONE = "services:\n  web:\n    image: nginx:1\n"


def service(project, name="web"):
    return plain(project.services[name])


def refusal(*arguments, **options):
    with pytest.raises(FileError) as refused:
        load(*arguments, **options)
    assert refused.value.exit_code == 2
    return refused.value.what


class TestYaml:
    def test_everything_is_text_and_knows_its_line(self, project):
        found = project(
            "services:\n  web:\n    image: nginx\n    user: 22:22\n    init: yes\n    cpus: 0.5\n"
        )
        assert service(found) == {"image": "nginx", "user": "22:22", "init": "yes", "cpus": "0.5"}
        assert found.services["web"].get("cpus").place.line == 6
        assert found.services["web"].place.line == 2

    @pytest.mark.parametrize(
        "value,read", [("null", None), ("~", None), ("", None), ("notes", "notes"), ("Nil", "Nil")]
    )
    def test_what_is_nothing(self, project, value, read):
        found = project(f"services:\n  web:\n    image: a\n    hostname: {value}\n")
        assert service(found)["hostname"] == read

    def test_anchors_and_merge_keys(self, project):
        found = project(
            "x-a: &a {init: true, user: '1'}\nx-b: &b {user: '2', cpus: 1}\n"
            "services:\n  web:\n    <<: [*a, *b]\n    image: i\n    cpus: 2\n"
        )
        assert service(found) == {"init": "true", "user": "1", "cpus": "2", "image": "i"}
        assert found.services["web"].get("init").place.line == 1

    @pytest.mark.parametrize(
        "text,says",
        [
            ("services:\n  web:\n   image: [a\n", "compose.yml:4:1: this is no YAML"),
            ("services:\n\tweb: a\n", "compose.yml:2:1: this is no YAML"),
            ("services:\n  a: {image: b}\n  a: {image: c}\n", "compose.yml:3: the key 'a' stands in line 2"),
            ("a: 1\n---\nb: 2\n", "compose.yml:2:1: this is no YAML"),
            ("services: &a\n  web: *a\n", "make too large a tree"),
            ("services:\n  web:\n    <<: text\n", "no mapping"),
            (f"services: {'[' * 1000}{']' * 1000}\n", "nested too deeply"),
            ("services:\n  web:\n    ? [a]\n    : b\n", "a key is no text"),
        ],
    )
    def test_malformed(self, write, text, says):
        assert says in refusal([write("compose.yml", text)], {})

    def test_aliases_of_aliases_end(self, write):
        lines = ["x0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]"]
        lines += [f"x{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
        assert "too large" in refusal([write("compose.yml", "\n".join([*lines, ONE]))], {})


class TestShape:
    @pytest.mark.parametrize(
        "text,says",
        [
            ("", "it is no mapping"),
            ("- a\n", "it is no mapping"),
            ("apiVersion: v1\nkind: Pod\n", "no compose file: its keys are apiVersion, kind"),
            ("web:\n  image: nginx\n", "no compose file: its keys are web"),
            ("services:\n", "there is no service in it"),
            ("services: [web]\n", "`services` is no mapping"),
            ("services:\n  web: nginx\n", "the service web is no mapping"),
            ("services:\n  web: {image: a, environment: [{a: b}]}\n", "no NAME=VALUE"),
        ],
    )
    def test_what_is_not_compose(self, write, text, says):
        assert says in refusal([write("compose.yml", text)], {})

    def test_the_first_form_of_compose_is_told_what_to_do(self, write):
        with pytest.raises(FileError) as refused:
            load([write("compose.yml", "web:\n  image: nginx\n")], {})
        assert "below `services:`" in refused.value.advice

    def test_a_file_that_is_not_there_or_no_text(self, write, tmp_path):
        assert "cannot be read" in refusal([tmp_path / "none.yml"], {})
        binary = write("compose.yml", "")
        binary.write_bytes(b"\xff\xfe\x00")
        assert "this is no text" in refusal([binary], {})
        binary.write_bytes(b"a: \x07")
        assert "this is no text" in refusal([binary], {})

    def test_a_key_that_compose_does_not_know_is_told(self, project):
        found = project("services:\n  web:\n    image: a\n    helthcheck: {}\n    x-mine: {}\n")
        (warning,) = found.warnings
        assert "compose.yml:4: a service has no key 'helthcheck' (did you mean healthcheck?)" in warning

    @pytest.mark.parametrize(
        "text,says",
        [
            ("{user: a}", "web has neither an image nor a build"),
            ("{image: 'app:$TAG'}", "the image of web is 'app:', which is none"),
            ("{image: '$IMAGE'}", "the image of web is '', which is none"),
            ("{image: }", "the image of web is '', which is none"),
            ("{image: a, networks: [back]}", "web uses `networks.back`, which the file does not define"),
            ("{image: a, volumes: ['data:/data']}", "web uses `volumes.data`"),
            ("{image: a, volumes: [{type: volume, source: data, target: /d}]}", "web uses `volumes.data`"),
            ("{image: a, depends_on: [db]}", "web depends on the service db, which is not there"),
        ],
    )
    def test_names_that_nothing_has(self, write, text, says):
        assert says in refusal([write("compose.yml", f"services:\n  web: {text}\n")], {})

    @pytest.mark.parametrize(
        "image,advice",
        [("'app:$TAG'", "Give TAG a value"), ("'$A:${B}'", "Give A and B a value"), ("", "Write `image: ")],
    )
    def test_an_image_that_is_none_names_the_variables_without_a_value(self, write, image, advice):
        with pytest.raises(FileError) as refused:
            load([write("compose.yml", f"services:\n  web:\n    image: {image}\n")], {})
        assert refused.value.advice.startswith(advice)

    def test_paths_are_no_volumes(self, project):
        project("services:\n  web: {image: a, volumes: ['./a:/a', '/b:/b', '~/c:/c', /d]}\n")

    def test_a_dependency_that_may_be_missing(self, project):
        project(
            "services:\n  web: {image: a, depends_on: {db: {condition: service_started, required: false}}}\n"
        )


class TestVariables:
    def test_one_without_a_value_is_empty_and_told(self, project):
        found = project("services:\n  web:\n    image: a\n    user: ${WHO}\n    hostname: ${WHO}\n")
        assert service(found)["user"] == ""
        assert found.services["web"].get("user").symbolic == "«WHO»"
        (warning,) = found.warnings
        assert warning.endswith("compose.yml:4: the variable WHO has no value; compose takes it for empty")

    def test_env_file_beside_it_and_what_goes_before_it(self, write):
        write(".env", "A=file\nB=file\n# C=no\nD='with blanks'\n")
        path = write("compose.yml", "services:\n  web: {image: '$A-$B', user: $D}\n")
        found = service(load([path], {"A": "environment"}))
        assert found == {"image": "environment-file", "user": "with blanks"}

    def test_a_named_env_file_in_its_place(self, write):
        write(".env", "A=default\nB=default\n")
        named = write("prod.env", "A=named\n")
        path = write("compose.yml", "services:\n  web: {image: '$A${B:-none}'}\n")
        assert service(load([path], {}, [named]))["image"] == "namednone"

    def test_a_named_env_file_that_is_not_there(self, write, tmp_path):
        assert "no such file" in refusal([write("compose.yml", ONE)], {}, [tmp_path / "none.env"])

    def test_what_the_file_itself_says(self, project):
        text = "services:\n  web: {image: a, environment: {A: '${A:-default}', B: 'x${B:?why}y'}}\n"
        found = project(text, {"A": "given", "B": "given"}).services["web"].get("environment").mapping
        assert (found["A"].text, found["A"].literal) == ("given", "default")
        assert (found["B"].text, found["B"].literal) == ("xgiveny", "xy")


class TestForms:
    def test_short_forms_are_written_out(self, project):
        found = service(
            project(
                "services:\n  db: {image: a}\n  web:\n    build: ./web\n    depends_on: [db]\n"
                "    environment: [A=1, B, C=x=y]\n    networks: [back]\n    tmpfs: /tmp\n    labels: [l=1]\n"
                "networks: {back: }\n",
                {"B": "handed on"},
            )
        )
        assert found["build"] == {"context": "./web"}
        assert found["depends_on"] == {"db": {"condition": "service_started"}}
        assert found["environment"] == {"A": "1", "B": "handed on", "C": "x=y"}
        assert found["networks"] == {"back": None}
        assert found["tmpfs"] == ["/tmp"]
        assert found["labels"] == {"l": "1"}

    def test_the_line_of_an_item(self, project):
        found = project("services:\n  web:\n    image: a\n    environment:\n      - A=1\n      - B=2\n")
        assert found.services["web"].get("environment.B").place.line == 6

    def test_env_files_of_a_service(self, write, project):
        write("web.env", "A=file\nB=file\n")
        found = project(
            "services:\n  web:\n    image: a\n    env_file:\n      - web.env\n"
            "      - {path: none.env, required: false}\n    environment: {B: own}\n"
        )
        assert service(found)["environment"] == {"A": "file", "B": "own"}
        assert found.services["web"].get("environment.A").place.line == 5

    def test_an_env_file_that_is_not_there(self, write):
        path = write("compose.yml", "services:\n  web: {image: a, env_file: none.env}\n")
        assert "compose.yml:2: `env_file` names" in refusal([path], {})


class TestSeveralFiles:
    def merged(self, write, first, second):
        paths = [
            write("a.yml", f"services:\n  web: {{image: a, {first[1:]}\nvolumes: {{v: , w: }}\n"),
            write("b.yml", f"services:\n  web: {second}\n"),
        ]
        return load(paths, {})

    @pytest.mark.parametrize(
        "first,second,key,result",
        [
            ("{user: x}", "{user: y}", "user", "y"),
            ("{environment: {A: 1, B: 1}}", "{environment: [B=2]}", "environment", {"A": "1", "B": "2"}),
            ("{ports: ['80:80']}", "{ports: ['80:80', '81:81']}", "ports", ["80:80", "81:81"]),
            ("{command: [a, b]}", "{command: [c]}", "command", ["c"]),
            ("{volumes: ['v:/data', 'w:/w']}", "{volumes: ['w:/data']}", "volumes", ["w:/w", "w:/data"]),
            ("{healthcheck: {test: [CMD, a], retries: 2}}", "{healthcheck: {test: [CMD, b]}}", "healthcheck",
             {"test": ["CMD", "b"], "retries": "2"}),
            ("{logging: {driver: syslog, options: {a: 1}}}", "{logging: {driver: local}}", "logging",
             {"driver": "local"}),
            ("{logging: {driver: local, options: {a: 1}}}", "{logging: {options: {b: 2}}}", "logging",
             {"driver": "local", "options": {"a": "1", "b": "2"}}),
            ("{ports: ['80:80']}", "{ports: !override ['81:81']}", "ports", ["81:81"]),
            ("{build: ./a}", "{build: {target: t}}", "build", {"context": "./a", "target": "t"}),
        ],
    )  # fmt: skip
    def test_the_later_goes_over_the_earlier(self, write, first, second, key, result):
        assert service(self.merged(write, first, second))[key] == result

    def test_what_is_taken_back(self, write):
        found = self.merged(write, "{ports: ['80:80']}", "{ports: !reset []}")
        assert service(found) == {"image": "a"}

    def test_each_value_keeps_its_file(self, write):
        found = self.merged(write, "{init: true}", "{user: y}").services["web"]
        assert found.get("image").place.file.endswith("a.yml")
        assert found.get("user").place.file.endswith("b.yml")


class TestExtends:
    def test_a_service_of_the_same_file(self, project):
        found = project(
            "services:\n  base: {image: a, environment: {A: 1}}\n"
            "  web:\n    extends: base\n    environment: {B: 2}\n"
        )
        assert service(found) == {"image": "a", "environment": {"A": "1", "B": "2"}}
        assert found.services["web"].place.line == 3

    def test_one_of_another_file_which_extends_another(self, write, project):
        write(
            "sub/base.yml",
            "services:\n  low: {image: low, build: ./here}\n  base: {extends: {service: low}}\n",
        )
        found = project("services:\n  web:\n    extends: {file: sub/base.yml, service: base}\n    user: x\n")
        assert service(found) == {"image": "low", "build": {"context": "./here"}, "user": "x"}
        assert found.path(found.services["web"].get("build.context")).parts[-2:] == ("sub", "here")

    @pytest.mark.parametrize(
        "text,says",
        [
            ("{extends: none}", "names the service none, which is not there"),
            ("{extends: web}", "web extends itself"),
            ("{extends: {file: none.yml, service: a}}", "none.yml, and there is no such file"),
            ("{extends: {file: compose.yml}}", "names no service"),
        ],
    )
    def test_refused(self, write, text, says):
        assert says in refusal([write("compose.yml", f"services:\n  web: {text}\n")], {})


class TestInclude:
    def test_its_services_come_along(self, write, project):
        write("db/compose.yml", "services:\n  db: {image: postgres:17, volumes: ['d:/d']}\nvolumes: {d: }\n")
        found = project("include: [db/compose.yml]\n" + ONE)
        assert set(found.services) == {"web", "db"}
        assert found.services["db"].place.file.endswith("db/compose.yml")

    def test_several_over_each_other(self, write, project):
        write("a.yml", "services:\n  db: {image: a}\n")
        write("b.yml", "services:\n  db: {user: b}\n")
        found = project("include:\n  - path: [a.yml, b.yml]\n" + ONE)
        assert service(found, "db") == {"image": "a", "user": "b"}

    @pytest.mark.parametrize(
        "text,says",
        [
            ("include: [none.yml]", "names"),
            ("include: [compose.yml]", "includes itself"),
            ("include: [{path: a.yml, env_file: x.env}]", "`include` with `env_file` is not read here"),
            ("include: [{}]", "names no file"),
            ("include: [a.yml]", "`services.web` comes with an included file, too"),
        ],
    )
    def test_refused(self, write, text, says):
        write("a.yml", ONE)
        assert says in refusal([write("compose.yml", f"{text}\n{ONE}")], {})


class TestProfiles:
    TEXT = ONE + "  tools: {image: b, profiles: [debug, ops]}\n"

    def test_those_that_are_not_active_are_left_out_and_told(self, project):
        found = project(self.TEXT)
        assert set(found.services) == {"web"}
        assert "the service tools was not looked at" in found.warnings[0]

    @pytest.mark.parametrize("profile", ["debug", "ops", "*"])
    def test_active_ones(self, project, profile):
        found = project(self.TEXT, profiles=[profile])
        assert set(found.services) == {"web", "tools"}
        assert not found.warnings

    def test_who_depends_on_one_that_is_not_active(self, write):
        text = self.TEXT.replace("image: nginx:1", "image: a\n    depends_on: [tools]")
        assert "whose profile is not active" in refusal([write("compose.yml", text)], {})
