"""Keeps what is posted to it, a line of JSON for each request: receiver.py PORT FILE."""

import http.server
import json
import sys
import time
from pathlib import Path


class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes everything."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with Path(sys.argv[2]).open("a") as file:
            print(
                json.dumps({"at": time.time(), "path": self.path, **json.loads(body)}, separators=(",", ":")),
                file=file,
                flush=True,
            )
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        """Say nothing."""


http.server.ThreadingHTTPServer(("", int(sys.argv[1])), Receiver).serve_forever()
