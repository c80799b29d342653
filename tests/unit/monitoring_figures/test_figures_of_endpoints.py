"""Published addresses: up, down, slow, and no HTTP at all."""

import shutil
import socket
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from stanchion_figures import endpoints
from stanchion_figures.endpoints import Answer

SOON = 0.5


@contextmanager
def serving(status=200, after=0.0, context=None):
    """A server that answers like this; gives its port and what it was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers["User-Agent"]))
            time.sleep(after)
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.server_port, asked
    finally:
        server.shutdown()
        server.server_close()


def told(*urls, within=SOON):
    """Return the values by figure and URL."""
    every = endpoints.samples(urls, endpoints.look(urls, within))
    return {
        (each.name.removeprefix("stanchion_endpoint_"), each.labels["instance"]): each.value for each in every
    }


def test_one_that_is_up():
    with serving() as (port, asked):
        url = f"http://127.0.0.1:{port}/healthz?deep=1"
        seen = told(url)
    assert seen["up", url] == 1
    assert 0 < seen["seconds", url] < SOON
    assert asked == [("/healthz?deep=1", "stanchion-figures")]


@pytest.mark.parametrize(("status", "up"), [(204, 1), (302, 1), (404, 0), (500, 0), (503, 0)])
def test_an_answer_that_is_none_of_health(status, up):
    with serving(status) as (port, _):
        url = f"http://127.0.0.1:{port}"
        seen = told(url)
    assert seen["up", url] == up
    assert seen["seconds", url] > 0


def test_one_that_is_slow_says_so():
    with serving(after=0.3) as (port, _):
        url = f"http://127.0.0.1:{port}/"
        seen = told(url, within=5)
    assert (seen["up", url], seen["seconds", url] > 0.3) == (1, True)


def test_one_that_does_not_answer_in_time_is_down_and_holds_up_no_other():
    with serving(after=3) as (slow, _), serving() as (quick, _):
        down, up = f"http://127.0.0.1:{slow}/", f"http://127.0.0.1:{quick}/"
        began = time.monotonic()
        seen = told(down, up)
        assert time.monotonic() - began < 2
    assert (seen["up", down], seen["seconds", down], seen["up", up]) == (0, None, 1)


def test_nobody_there():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/"
        assert told(url) == {("up", url): 0, ("seconds", url): None}


@pytest.mark.parametrize(
    "url", ["http://[::1/", "http://127.0.0.1:port/", "http:///healthz", "http://a..b/", ""]
)
def test_what_is_no_url_is_down(url):
    assert told(url)["up", url] == 0


def test_what_speaks_another_language():
    server = socket.create_server(("127.0.0.1", 0))

    def answer():
        connection, _ = server.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    with server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        assert told(url)["up", url] == 0
        thread.join(5)


@pytest.mark.skipif(not shutil.which("openssl"), reason="makes a certificate")
def test_a_certificate_for_another_name_is_up(tmp_path):
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=elsewhere", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*make, *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving(context=context) as (port, _):
        url = f"https://127.0.0.1:{port}/"
        assert told(url, within=5)["up", url] == 1
        plain = f"http://127.0.0.1:{port}/"
        assert told(plain)["up", plain] == 0


def test_what_was_not_asked_is_down():
    assert [each.value for each in endpoints.samples(["http://a/"], {})] == [0, None]
    good = endpoints.samples(["http://a/"], {"http://a/": Answer(True, 0.25)})
    assert [each.value for each in good] == [1, 0.25]
