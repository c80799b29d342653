"""Dockerfiles: read, matched with services, and asked."""

import pytest
from asking import ask, found

from stanchion.compose.dockerfile import is_dockerfile, read
from stanchion.compose.files import gather
from stanchion.compose.trouble import FileError

STAGES = """\
# syntax=docker/dockerfile:1
ARG TAG=3.13
FROM python:${TAG}-slim AS build
RUN apt-get update \\
    # between
    && apt-get install -y curl netcat-openbsd
RUN <<EOF
USER nobody
EOF
FROM build AS final
USER app:app
copy --chown=1:1 ["a b", "/c"]
ENV A=1 B="two words"
ENV OLD style of it
CMD ["a"]
FROM scratch
COPY --from=build /a /b
"""


def test_stages_lines_and_forms(write):
    parsed = read(write("Dockerfile", STAGES))
    assert [(stage.name, stage.base, stage.place.line) for stage in parsed.stages] == [
        ("build", "python:3.13-slim", 3),
        ("final", "build", 10),
        ("", "scratch", 16),
    ]
    assert parsed.base("final") == "python:3.13-slim"
    assert parsed.last("final", "USER").value == "app:app"
    assert parsed.last("build", "USER") is None
    (copy,) = parsed.stages[1].of("COPY")
    assert (copy.words, copy.options, copy.place.line) == (["a b", "/c"], {"chown": "1:1"}, 12)
    assert [pair for each in parsed.stages[1].of("ENV") for pair in each.pairs] == [
        ("A", "1"),
        ("B", "two words"),
        ("OLD", "style of it"),
    ]
    assert parsed.installs("curl", "final")
    assert parsed.installs("nc", "final")
    assert not parsed.installs("wget", "final")


def test_arguments_that_the_service_gives(write):
    path = write("Dockerfile", STAGES)
    assert read(path, {"TAG": "3.12"}).stages[0].base == "python:3.12-slim"
    assert read(write("b/Dockerfile", "ARG BASE\nFROM $BASE\n")).stages[0].base == "$BASE"


@pytest.mark.parametrize("text", ["", "# nothing\n", "RUN a\n"])
def test_what_is_no_dockerfile(write, text):
    with pytest.raises(FileError, match="it has no FROM"):
        read(write("Dockerfile", text))


def test_one_that_cannot_be_read(tmp_path):
    with pytest.raises(FileError, match="cannot be read"):
        read(tmp_path / "Dockerfile")


@pytest.mark.parametrize(
    "name,text,is_one",
    [
        ("Dockerfile", "", True),
        ("web.Dockerfile", "", True),
        ("Containerfile.prod", "", True),
        ("compose.yml", "FROM a\n", False),
        ("image", "# a\nFROM a\n", True),
        ("stack", "services:\n", False),
    ],
)
def test_which_files_are_dockerfiles(write, name, text, is_one):
    assert is_dockerfile(write(name, text)) is is_one


class TestWhoseItIs:
    TEXT = "services:\n  web: {build: ./web}\n  job: {build: {context: ., dockerfile: job/Dockerfile}}\n"

    def test_where_the_build_says(self, write, project):
        path = write("web/Dockerfile", "FROM a:1\n")
        files = gather(project(self.TEXT), [])
        assert files.service("web").dockerfile.path == path
        assert files.unread == {"job": f"{path.parent.parent}/job/Dockerfile is not there"}

    def test_one_that_is_named_elsewhere(self, write, project):
        named = write("elsewhere/job/Dockerfile", "FROM a:1\n")
        files = gather(project(self.TEXT), [named])
        assert files.service("job").dockerfile.path == named
        assert set(files.unread) == {"web"}

    def test_the_only_one_for_the_only_service(self, write, project):
        named = write("other/Dockerfile.web", "FROM a:1\n")
        files = gather(project("services:\n  web: {build: ./web}\n"), [named])
        assert files.service("web").dockerfile.path == named

    def test_one_that_is_nobodys(self, write, project):
        named = write("other/Dockerfile", "FROM a:1\n")
        files = gather(project("services:\n  web: {image: b}\n"), [named])
        assert [each.path for each in files.dockerfiles] == [named]

    @pytest.mark.parametrize(
        "build",
        ["https://example.org/web.git", "git@example.org:web.git", "{context: ., dockerfile_inline: FROM a}"],
    )
    def test_one_that_lies_elsewhere(self, project, build):
        files = gather(project(f"services:\n  web: {{build: {build}}}\n"), [])
        assert files.unread == {"web": "its build names none that lies here"}


class TestChecks:
    def lines(self, write, text, *names, **context):
        for name, content in context.items():
            write(name.replace("__", "."), content)
        return found(ask(write("Dockerfile", text), only=names))

    @pytest.mark.parametrize(
        "text,bad",
        [
            ("FROM python\n", True),
            ("FROM python:latest\n", True),
            ("FROM localhost:5000/python\n", True),
            ("ARG BASE\nFROM $BASE\n", True),
            ("FROM python:3.13-slim\n", False),
            ("FROM a@sha256:0123\n", False),
            ("FROM scratch\n", False),
            ("FROM a:1 AS one\nFROM one\n", False),
        ],
    )
    def test_base(self, write, text, bad):
        assert bool(self.lines(write, text, "dockerfile.base_pinned")) is bad

    @pytest.mark.parametrize(
        "text,lines",
        [
            ("FROM a:1\n", ["Dockerfile:1 dockerfile.user Dockerfile"]),
            ("FROM a:1\nUSER app\nUSER 0:0\n", ["Dockerfile:3 dockerfile.user Dockerfile"]),
            ("FROM a:1\nUSER root\nUSER app\n", []),
            ("FROM postgres:17\n", []),
            ("FROM gcr.io/distroless/static:nonroot\n", []),
        ],
    )
    def test_user(self, write, text, lines):
        assert self.lines(write, text, "dockerfile.user") == lines

    @pytest.mark.parametrize(
        "line,bad",
        [
            ("COPY .env /app/", True),
            ("COPY .env.example /app/", False),
            ("COPY config/prod.env /app/", True),
            ("COPY keys/id_ed25519 /root/.ssh/", True),
            ("COPY id_rsa.pub /a", False),
            ("COPY server.key /a", True),
            ("COPY ca-certificates.pem /a", False),
            ("COPY private.pem /a", True),
            ("ADD .aws /root/.aws", True),
            ("COPY --from=build /app/.env /app/", False),
            ("COPY app.py secrets.py /app/", False),
            ("ARG NPM_TOKEN", True),
            ("ARG NPM_VERSION=1", False),
            ("ENV DB_PASSWORD=abc", True),
            ("ENV DB_PASSWORD_FILE=/run/x", False),
            ("ENV URL=postgres://u:p@h/d", True),
            ("ENV TOKEN_SECONDS=60", False),
        ],
    )
    def test_secrets(self, write, line, bad):
        assert bool(self.lines(write, f"FROM a:1\n{line}\n", "dockerfile.secrets")) is bad

    def test_a_context_with_a_secret_in_it(self, write):
        text = "FROM a:1\nCOPY . .\n"
        assert self.lines(write, text, "dockerfile.secrets", __env="A=1\n") == [
            "Dockerfile:2 dockerfile.secrets Dockerfile"
        ]
        assert self.lines(write, text, "dockerfile.secrets", __dockerignore=".env*\n") == []

    @pytest.mark.parametrize(
        "line,bad",
        [
            ('CMD ["a"]', False),
            ("CMD a b", True),
            ("CMD exec a b", False),
            ("ENTRYPOINT a", True),
            ("EXPOSE 1", False),
        ],
    )
    def test_exec_form(self, write, line, bad):
        assert bool(self.lines(write, f"FROM a:1\n{line}\n", "dockerfile.exec_form")) is bad

    def test_health(self, write):
        assert self.lines(write, "FROM a:1\n", "dockerfile.health_check")
        assert not self.lines(write, "FROM a:1\nHEALTHCHECK CMD a\n", "dockerfile.health_check")

    def test_only_checks_of_dockerfiles_are_asked_where_there_is_nothing_else(self, write):
        result = ask(write("Dockerfile", "FROM a:1\n"))
        subjects = {each.slug.partition(".")[0] for each in result.validations[0].findings}
        assert subjects == {"dockerfile"}

    def test_what_the_service_says_counts(self, write):
        write("Dockerfile", "FROM a:1\n")
        compose = write(
            "compose.yml", "services:\n  web: {build: ., user: '1', healthcheck: {test: [CMD, a]}}\n"
        )
        assert found(ask(compose, only=("dockerfile",))) == []

    def test_only_the_stage_that_is_built(self, write):
        write("Dockerfile", "FROM a:1 AS final\nUSER app\nFROM a:1 AS test\nCMD sh\n")
        compose = write("compose.yml", "services:\n  web: {build: {context: ., target: final}}\n")
        assert found(ask(compose, only=("dockerfile.user", "dockerfile.exec_form"))) == []
