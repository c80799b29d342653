# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A web interface on this host, asked within one time limit: silence and nonsense are told as such."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from ansible_collections.stanchion.stack.plugins.module_utils._facts_sources import UnreadableError

# Far more than either program tells of one stack.
_MOST_BYTES = 16 * 1024**2
# ssl has a name for it from Python 3.10 on: the certificate that is served may itself be the one to trust.
_PARTIAL_CHAIN = 0x80000
_SAID = 200


class Web:
    """One web interface.

    Args:
        url: scheme, host and port, and a path before all others where it has one.
        timeout: seconds for all that is asked of it together.
        auth_file: a file with one line, USER:PASSWORD. It is sent only over TLS to whom `ca_file` vouches
            for: on a port that nobody holds just now anybody may listen.
        ca_file: certificates, one of which is served, or has signed what is. Its name is not compared: it is
            asked by an address of this host.
    """

    def __init__(
        self, url: str, timeout: float, auth_file: str | None = None, ca_file: str | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self._deadline = time.monotonic() + timeout
        self._auth_file = auth_file
        self._ca_file = ca_file

    def json(self, path: str, form: Mapping[str, Any] | None = None) -> Any:
        """Return what is answered, as JSON.

        Raises:
            UnreadableError: there is no answer in time, or none that can be read.
        """
        text = self.text(path, form)
        try:
            return json.loads(text)
        except ValueError as error:
            raise UnreadableError(f"{self.url}{path} answers no JSON: {error}") from error

    def text(self, path: str, form: Mapping[str, Any] | None = None) -> str:
        """Return what is answered; with a form it is sent as one, which no length limits.

        Raises:
            UnreadableError: there is no answer in time, or another one than 200.
        """
        where = f"{self.url}{path}"
        connection = self._connection()
        try:
            self._send(connection, path, form)
            answer = connection.getresponse()
            text = answer.read(_MOST_BYTES).decode(errors="replace")
        except http.client.HTTPException as error:
            raise UnreadableError(f"{where}: {type(error).__name__}: {error}") from error
        except OSError as error:
            raise UnreadableError(f"{where}: {error}") from error
        finally:
            connection.close()
        if answer.status != http.client.OK:
            said = " ".join(text.split())[:_SAID]
            raise UnreadableError(f"{where} answers {answer.status}: {said or answer.reason}")
        return text

    def _connection(self) -> http.client.HTTPConnection:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise UnreadableError(f"{self.url} did not answer everything in time")
        parts = urlsplit(self.url)
        if parts.scheme == "https":
            return http.client.HTTPSConnection(parts.netloc, timeout=left, context=self._trust())
        return http.client.HTTPConnection(parts.netloc, timeout=left)

    def _trust(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        if self._ca_file is None:
            # Nothing is sent that is secret, and what is read is on this host.
            context.verify_mode = ssl.CERT_NONE
            return context
        try:
            context.load_verify_locations(self._ca_file)
        except OSError as error:
            raise UnreadableError(f"{self._ca_file} can't be read as certificates: {error}") from error
        context.verify_flags |= _PARTIAL_CHAIN
        return context

    def _send(
        self, connection: http.client.HTTPConnection, path: str, form: Mapping[str, Any] | None
    ) -> None:
        headers = self._credentials()
        target = f"{urlsplit(self.url).path}{path}"
        if form is None:
            connection.request("GET", target, headers=headers)
            return
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request("POST", target, body=urlencode(form), headers=headers)

    def _credentials(self) -> dict[str, str]:
        if self._auth_file is None:
            return {}
        if not (self.url.startswith("https:") and self._ca_file):
            how = "is sent only over https, to whom a ca_file vouches for"
            raise UnreadableError(f"{self.url}: the password in {self._auth_file} {how}")
        try:
            line = Path(self._auth_file).read_text().strip()
        except OSError as error:
            raise UnreadableError(f"{self._auth_file} can't be read: {error.strerror}") from error
        return {"Authorization": f"Basic {base64.b64encode(line.encode()).decode()}"}
