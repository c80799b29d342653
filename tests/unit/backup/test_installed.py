"""The schedule on the host against what the role wrote, and who runs it."""

import dataclasses

import pytest
from stanchion_backup.looks import installed
from stanchion_backup.settings import Settings

TEXT = "MAILTO=\n* * * * * root /usr/local/sbin/stanchion-s watch --scheduled\n"


@pytest.fixture
def settings(tmp_path, monkeypatch):
    names = {field.name: "" for field in dataclasses.fields(Settings) if field.default is dataclasses.MISSING}
    folder = tmp_path / "cron.d"
    folder.mkdir()
    monkeypatch.setattr(installed, "_OTHER_TABLES", (str(folder),))
    path = folder / "stanchion-s"
    given = {
        **names,
        "stack": "s",
        "cron_file": str(path),
        "cron_text": TEXT,
        "path": tmp_path / "settings.json",
    }
    return Settings(**given)


def write(settings, text, name="stanchion-s"):
    path = settings.path.parent / "cron.d" / name
    path.write_text(text)
    path.chmod(0o644)
    return path


class TestCron:
    @pytest.fixture(autouse=True)
    def as_root(self, monkeypatch):
        """Tests need not run as root: who they are counts as root."""
        real = installed.Path.stat

        def stat(path, **options):
            seen = real(path, **options)
            return type("Seen", (), {"st_uid": 0, "st_mode": seen.st_mode, "st_mtime": seen.st_mtime})()

        monkeypatch.setattr(installed.Path, "stat", stat)

    def test_missing(self, settings):
        assert installed._cron(settings)["cron_file"] == "missing"

    def test_exact(self, settings):
        path = write(settings, TEXT)
        facts = installed._cron(settings)
        assert (facts["cron_file"], facts["cron_others"]) == ("exact", [])
        assert facts["cron_since"] == path.stat().st_mtime

    @pytest.mark.parametrize(
        "text,says",
        [
            ("MAILTO=\n", "missing: * * * * * root /usr/local/sbin/stanchion-s watch --scheduled"),
            (f"{TEXT}# more\n", "added: # more"),
            ("".join(reversed(TEXT.splitlines(keepends=True))), "its lines stand in another order"),
        ],
    )
    def test_differs(self, settings, text, says):
        write(settings, text)
        facts = installed._cron(settings)
        assert (facts["cron_file"], facts["cron_difference"]) == ("differs", says)

    def test_others_may_write_it(self, settings):
        write(settings, TEXT).chmod(0o666)
        facts = installed._cron(settings)
        assert facts["cron_file"] == "differs"
        assert "cron does not read it" in facts["cron_difference"]

    def test_another_table_starts_it_too(self, settings):
        write(settings, TEXT)
        other = write(settings, f"{TEXT}# stanchion-s watch\n", "mine")
        write(settings, "# stanchion-s watch\n* * * * * root stanchion-s2 watch\n", "another-stack")
        assert installed._cron(settings)["cron_others"] == [str(other)]


class TestDaemon:
    @pytest.fixture
    def proc(self, tmp_path):
        self.process(tmp_path, "self", "python3")
        return tmp_path

    @staticmethod
    def process(proc, pid, *argv, comm="cron", namespace="pid:[1]"):
        folder = proc / pid
        (folder / "ns").mkdir(parents=True)
        (folder / "comm").write_text(f"{comm}\n")
        (folder / "cmdline").write_bytes(b"".join(each.encode() + b"\0" for each in argv))
        (folder / "ns" / "pid").symlink_to(namespace)

    @pytest.mark.parametrize("argv", [("cron",), ("/usr/sbin/cron", "-f"), ("crond", "-n")])
    def test_alive(self, proc, argv):
        self.process(proc, "10", *argv)
        assert installed.cron_runs(proc)

    def test_none(self, proc):
        self.process(proc, "10", "cronometer")
        assert not installed.cron_runs(proc)

    def test_dead_but_not_buried(self, proc):
        self.process(proc, "10")
        assert not installed.cron_runs(proc)

    def test_a_job_that_has_outlived_it(self, proc):
        self.process(proc, "10", "/usr/sbin/CRON", "-f")
        assert not installed.cron_runs(proc)

    def test_one_in_a_container(self, proc):
        self.process(proc, "10", "cron", namespace="pid:[2]")
        assert not installed.cron_runs(proc)


class TestBoot:
    @pytest.mark.parametrize(
        "link,under_systemd,known",
        [
            ("systemd/system/multi-user.target.wants/cron.service", True, True),
            ("systemd/system/multi-user.target.wants/crond.service", True, True),
            ("systemd/system/multi-user.target.wants/cron-apt.service", True, False),
            ("systemd/system/multi-user.target.wants/cron.service", False, False),
            ("rc2.d/S01cron", False, True),
            ("rc2.d/K01cron", False, False),
            ("rc2.d/S01cron", True, False),
        ],
    )
    def test_a_link_is_looked_for_where_it_counts(self, tmp_path, link, under_systemd, known):
        path = tmp_path / "etc" / link
        path.parent.mkdir(parents=True)
        path.touch()
        systemd = tmp_path / ("etc" if under_systemd else "none")
        assert installed.starts_at_boot(tmp_path / "etc", systemd) is known


class TestInForce:
    @pytest.mark.parametrize("missing", ["nothing", "cron_file", "daemon", "boot"])
    def test_all_of_it_or_not(self, settings, monkeypatch, missing):
        monkeypatch.setattr(
            installed, "_cron", lambda _: {"cron_file": "differs" if missing == "cron_file" else "exact"}
        )
        monkeypatch.setattr(installed, "cron_runs", lambda: missing != "daemon")
        monkeypatch.setattr(installed, "starts_at_boot", lambda: missing != "boot")
        assert installed.in_force(settings) is (missing == "nothing")
