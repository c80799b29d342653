"""The source `monitoring`: both programs as they were recorded, and what else may answer there."""

import base64
import datetime
import http.server
import json
import os
import socket
import ssl
import threading
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from ansible_collections.stanchion.stack.plugins.module_utils import _facts_monitoring as monitoring
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

TABLE = "# a table\n* * * * * root figures\n"
LOGIN = "watcher:m0st-secret"


class Server(http.server.ThreadingHTTPServer):
    """Answers by path; a query by its first words. What it was asked for is kept."""

    def __init__(self, answers):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.asked, self.credentials = answers, [], []

    @property
    def port(self):
        return self.server_address[1]

    def answer(self, path, query):
        if path != "/api/v1/query":
            return self.answers[path]
        return next(self.answers[key] for key in self.answers if f"query {query}".startswith(key))


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        length = int(self.headers.get("Content-Length") or 0)
        given = parse_qs(self.rfile.read(length).decode())
        self.server.asked.append((self.path, given))
        self.server.credentials.append(self.headers.get("Authorization"))
        answer = self.server.answer(urlsplit(self.path).path, given.get("query", [""])[0])
        if answer is None:
            time.sleep(20)
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def do_POST(self):
        self.do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture
def served(recorded):
    """Both programs at one port."""
    server = Server(recorded("monitoring"))
    server.daemon_threads, server.block_on_close = True, False
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def ask(server, tmp_path, timeout=3.0, scheme="http", **more):
    url = f"{scheme}://127.0.0.1:{server.port}"
    asked = {"prometheus": url, "alertmanager": url, **more}
    return monitoring.monitoring_facts("s", str(tmp_path), asked, timeout, tmp_path)


def test_prometheus(served, tmp_path):
    told = ask(served, tmp_path)["prometheus"]
    assert told["ok"], told
    assert (told["reload_ok"], told["retention"], told["alertmanagers"]) == (True, "30d or 2GiB", 1)
    assert told["loaded"] == 1796082296.0
    assert told["started"] == pytest.approx(1796082296.4014)
    targets = {each["job"]: each for each in told["targets"]}
    assert {job: each["health"] for job, each in targets.items()} == {
        "alertmanager": "up",
        "postgres": "down",
        "prometheus": "up",
    }
    assert targets["postgres"]["error"].endswith("connection refused")
    assert targets["postgres"]["instance"] == "127.0.0.1:19187"
    assert targets["postgres"]["scraped"] > told["started"]
    assert [job for job, each in targets.items() if each["up_lately"]] == ["alertmanager", "prometheus"]
    assert told["exporter"] == {"up": None, "scrape_error": None, "up_lately": False}
    assert told["dropped"] == 0.0


def test_rules_and_the_metrics_that_they_name(served, tmp_path):
    told = ask(served, tmp_path)["prometheus"]
    rules = {each["alert"]: each for each in told["rules"]}
    assert set(rules) == {"DatabaseDown", "DeadMansSwitch", "NotificationsFailing"}
    assert rules["DatabaseDown"]["expr"] == "pg_up == 0"
    assert (rules["DatabaseDown"]["health"], rules["DatabaseDown"]["error"]) == ("ok", "")
    assert rules["DatabaseDown"]["interval"] == 2.0
    assert rules["DatabaseDown"]["evaluated"] > told["started"]
    assert told["metrics"] == [
        "alertmanager_config_last_reload_successful",
        "alertmanager_notifications_failed_total",
        "up",
    ]
    # One question for all of them, of what the rules name alone, and no length of an address limits it.
    (query,) = [
        form["query"][0] for _, form in served.asked if form.get("query", [""])[0].startswith("group")
    ]
    assert "pg_up" in query
    assert "stanchion_container_running" not in query


def test_alerts(served, tmp_path):
    alerts = {each["alert"]: each for each in ask(served, tmp_path)["prometheus"]["alerts"]}
    assert alerts["DeadMansSwitch"]["state"] == "firing"
    assert alerts["DeadMansSwitch"]["labels"] == {"check": "monitoring.switch", "severity": "none"}
    assert alerts["NotificationsFailing"]["labels"]["receiver_name"] == "team"
    assert alerts["NotificationsFailing"]["since"] > 1796082000


def test_deliveries(served, tmp_path):
    told = {each["receiver"]: each for each in ask(served, tmp_path)["prometheus"]["deliveries"]}
    beat, team = told["heartbeat"], told["team"]
    assert (beat["integration"], beat["failed"], beat["refused"]) == ("webhook", 0, None)
    assert beat["tried"] > 5
    assert beat["delivered"] > 1796082500
    assert team["tried"] == team["failed"] > 5
    assert team["delivered"] is None
    assert team["refused"] == beat["delivered"]


def test_alertmanager_without_where_its_receivers_are(served, tmp_path):
    told = ask(served, tmp_path)["alertmanager"]
    assert told["ok"], told
    assert (told["version"], told["reload_ok"]) == ("0.28.1+ds", True)
    assert told["loaded"] == pytest.approx(1796082341.774892)
    assert told["receivers"] == ["nobody", "heartbeat", "team"]
    assert told["switch"]["receivers"] == ["heartbeat"]
    assert not told["switch"]["silenced"]
    assert told["switch"]["came"] > told["started"]
    assert "http" not in json.dumps(told)
    assert ("/api/v2/alerts?filter=alertname%3D%22DeadMansSwitch%22", {}) in served.asked


def test_a_switch_that_never_came(served, tmp_path):
    served.answers["/api/v2/alerts"] = []
    assert ask(served, tmp_path)["alertmanager"]["switch"] is None


def test_a_refused_configuration(served, tmp_path):
    served.answers["/metrics"] = "alertmanager_config_last_reload_successful 0\n"
    told = ask(served, tmp_path)["alertmanager"]
    assert (told["reload_ok"], told["loaded"]) == (False, None)


@pytest.mark.parametrize(
    ("path", "answer", "says"),
    [
        ("/api/v1/rules", (503, "Service Unavailable"), "answers 503: Service Unavailable"),
        ("/api/v1/targets", (401, "Unauthorized\n"), "answers 401: Unauthorized"),
        ("/api/v1/alerts", "<html>", "answers no JSON"),
        ("/api/v1/alerts", {"status": "success"}, "KeyError: 'data'"),
        ("/api/v1/status/runtimeinfo", None, "timed out"),
    ],
)
def test_one_that_cannot_be_read_says_why_and_the_other_is_told(served, tmp_path, path, answer, says):
    served.answers[path] = answer
    told = ask(served, tmp_path, timeout=1.0)
    assert not told["prometheus"]["ok"]
    assert says in told["prometheus"]["error"]
    assert told["alertmanager"]["ok"]
    assert told["figures"]["ok"]


def test_silence_of_both_costs_the_time_limit_once(served, tmp_path):
    served.answers["/api/v1/rules"] = served.answers["/api/v2/status"] = None
    began = time.monotonic()
    told = ask(served, tmp_path, timeout=1.0)
    assert time.monotonic() - began < 3
    assert not told["prometheus"]["ok"]
    assert not told["alertmanager"]["ok"]


def test_nobody_listens(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        asked = {"prometheus": url, "alertmanager": url}
        told = monitoring.monitoring_facts("s", str(tmp_path), asked, 1.0, tmp_path)
    assert "refused" in told["prometheus"]["error"]


def test_nobody_is_asked_where_no_address_is_given(tmp_path):
    assert set(monitoring.monitoring_facts("s", str(tmp_path), None, 1.0, tmp_path)) == {"figures"}


def test_passwords_in_addresses_stay_there(served, tmp_path):
    target = served.answers["/api/v1/targets"]["data"]["activeTargets"][0]
    target["labels"]["instance"] = "https://u:t0psecret@host/"
    target["lastError"] = 'Get "https://u:t0psecret@host/": refused'
    alert = served.answers["/api/v1/alerts"]["data"]["alerts"][0]
    alert["labels"]["instance"] = "https://u:t0psecret@host/"
    assert "t0psecret" not in json.dumps(ask(served, tmp_path))


class TestOpened:
    """Pages that were opened to others: TLS, and a login."""

    @pytest.fixture
    def certificate(self, tmp_path):
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "monitoring.example.org")])
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody else")])
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder(issuer, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
        )
        path = tmp_path / "served.pem"
        path.write_bytes(
            made.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return path

    @pytest.fixture
    def opened(self, served, certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        served.socket = context.wrap_socket(served.socket, server_side=True)
        return served

    @pytest.fixture
    def login(self, tmp_path):
        path = tmp_path / "login"
        path.write_text(f"{LOGIN}\n")
        return str(path)

    def test_any_certificate_will_do_where_nothing_secret_is_sent(self, opened, tmp_path):
        assert ask(opened, tmp_path, scheme="https")["prometheus"]["ok"]
        assert set(opened.credentials) == {None}

    def test_the_login_goes_to_whom_the_file_vouches_for(self, opened, certificate, login, tmp_path):
        told = ask(opened, tmp_path, scheme="https", auth_file=login, ca_file=str(certificate))
        assert told["prometheus"]["ok"], told["prometheus"]
        assert set(opened.credentials) == {f"Basic {base64.b64encode(LOGIN.encode()).decode()}"}
        assert "m0st-secret" not in json.dumps(told)

    def test_another_certificate_gets_no_login(self, opened, login, tmp_path):
        other = tmp_path / "other.pem"
        other.write_bytes(self._another())
        told = ask(opened, tmp_path, scheme="https", auth_file=login, ca_file=str(other))
        assert "certificate verify failed" in told["prometheus"]["error"]
        assert opened.credentials == []

    @staticmethod
    def _another():
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "another")])
        now = datetime.datetime.now(datetime.UTC)
        made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
        return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_no_login_without_a_proof_of_who_listens(self, served, login, tmp_path, scheme):
        told = ask(served, tmp_path, scheme=scheme, auth_file=login)
        assert "is sent only over https" in told["prometheus"]["error"]
        assert served.credentials == []

    def test_files_that_are_not_there(self, opened, certificate, tmp_path):
        gone = str(tmp_path / "gone")
        told = ask(opened, tmp_path, scheme="https", ca_file=gone)
        assert told["prometheus"]["error"].startswith(f"{gone} can't be read as certificates")
        told = ask(opened, tmp_path, scheme="https", auth_file=gone, ca_file=str(certificate))
        assert told["prometheus"]["error"] == f"{gone} can't be read: No such file or directory"


class TestDelivered:
    """What two counters tell of a receiver, point by point."""

    @staticmethod
    def told(*points, since=0.0):
        counted = {1000.0 + 15 * at: point for at, point in enumerate(points)}
        found = monitoring.delivered(counted, since or 1000.0)
        return found["tried"], found["failed"], found["delivered"], found["refused"]

    def test_nothing_known(self):
        assert monitoring.delivered({}, 1000.0) == {
            "tried": 0,
            "failed": 0,
            "delivered": None,
            "refused": None,
        }

    def test_what_was_before_the_window_is_none_of_it(self):
        assert self.told((7, 3), (7, 3)) == (0, 0, None, None)

    def test_delivered_and_failed(self):
        assert self.told((7, 3), (8, 3), (9, 4), (9, 4)) == (2, 1, 1015.0, 1030.0)

    def test_one_of_two_failed(self):
        assert self.told((0, 0), (2, 1)) == (2, 1, 1015.0, 1015.0)

    def test_a_restart_begins_anew(self):
        assert self.told((90, 80), (0, 0), (1, 0)) == (1, 0, 1030.0, None)
        assert self.told((90, 80), (2, 1)) == (2, 1, 1015.0, 1015.0)

    def test_who_was_not_counted_before_has_begun_with_nothing(self):
        assert self.told((1, 0), since=100.0) == (1, 0, 1000.0, None)


def test_the_exporter_of_the_database(served, tmp_path):
    sample = {"value": [1796082530.5, "0"]}
    served.answers["query {__name__"]["data"]["result"] = [{"metric": {"__name__": "pg_up"}, **sample}]
    served.answers["query max_over_time(pg_up["]["data"]["result"] = [{"metric": {}, **sample}]
    told = ask(served, tmp_path)["prometheus"]["exporter"]
    assert told == {"up": 0.0, "scrape_error": None, "up_lately": True}


def test_receivers_that_are_not_told_apart(served, tmp_path):
    for each in served.answers["/api/v1/query_range"]["data"]["result"]:
        each["metric"].pop("receiver_name")
    told = ask(served, tmp_path)["prometheus"]["deliveries"]
    assert [each["receiver"] for each in told] == [""]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-30T23:45:41.697Z", 1796082341.697),
        ("2026-11-30T23:45:41.697123456+01:00", 1796078741.697123456),
        ("2026-11-30T23:45:41Z", 1796082341.0),
        ("0001-01-01T00:00:00Z", None),
        ("never", None),
    ],
)
def test_moments(text, at):
    assert monitoring.moment(text) == (at if at is None else pytest.approx(at))


class TestFigures:
    @pytest.fixture
    def folder(self, tmp_path):
        (tmp_path / "metrics").mkdir()
        (tmp_path / "settings.json").write_text(json.dumps({"cron_text": TABLE}))
        (tmp_path / "stanchion-s-monitoring").write_text(TABLE)
        (tmp_path / "metrics" / monitoring.FIGURES).write_text(
            f"# TYPE {monitoring.WRITTEN} gauge\n"
            f'{monitoring.WRITTEN}{{stack="s"}} 1.7960823e+09\nstanchion_disk_size_bytes{{of="data"}} 5\n'
        )
        return tmp_path

    def test_nothing_installed_is_an_answer(self, tmp_path):
        told = monitoring.figures_facts("s", tmp_path, tmp_path)
        assert (told["installed"], told["cron_file"], told["written"]) == (False, "missing", None)
        assert told["cron_path"] == str(tmp_path / "stanchion-s-monitoring")

    @pytest.mark.skipif(os.getuid() != 0, reason="cron's tables are root's")
    def test_as_written(self, folder):
        told = monitoring.figures_facts("s", folder, folder)
        assert (told["installed"], told["cron_file"], told["written"]) == (True, "exact", 1796082300.0)
        (folder / "stanchion-s-monitoring").write_text(TABLE + "# by hand\n")
        assert monitoring.figures_facts("s", folder, folder)["cron_difference"] == "added: # by hand"

    def test_figures_that_do_not_say_when(self, folder):
        (folder / "metrics" / monitoring.FIGURES).write_text(f"{monitoring.WRITTEN} soon\nother 1\n")
        assert monitoring.figures_facts("s", folder, folder)["written"] is None
