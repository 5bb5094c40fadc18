"""The certificate by which a server speaks TLS; renewed files are taken up without a restart."""

from __future__ import annotations

import logging
import os
import ssl
from pathlib import Path

from poise.errors import PoiseError

PASSWORD = "POISE_TLS_KEY_PASSWORD"
"""The environment variable that holds the password of the key, where it has one."""
_LOG = logging.getLogger("poise.http")
_Stamp = tuple[tuple[int, int, int], ...]


class Certificate:
    """A certificate (with its chain) and its key, as PEM files. TLS 1.2 and later.

    key: None where the key stands in the file of the certificate. Raises `PoiseError` for files that are not there or
    do not go together.
    """

    def __init__(self, certificate: Path, key: Path | None = None) -> None:
        self._certificate, self._key = certificate, key
        self._failed: _Stamp | None = None
        self._seen = self._stamp()
        self.context = self._loaded()
        """What connections are made with; those made after the files were renewed use the new ones."""

    def look(self) -> None:
        """Take up the files where they have changed; what cannot be used is logged once, and the old ones stay."""
        try:
            stamp = self._stamp()
            if stamp in (self._seen, self._failed):
                return
            self._failed = stamp
            self._loaded()  # tried beside the one in use, which a key that does not fit would spoil
            self.context.load_cert_chain(self._certificate, self._key, _password)
        except (PoiseError, OSError) as error:
            _LOG.warning("the certificate stays as it is: %s", error)
            return
        self._seen = stamp
        _LOG.info("the certificate was renewed")

    def _loaded(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(self._certificate, self._key, _password)
        except ssl.SSLError as error:
            reason = error.reason or str(error)
            hint = f"PEM files, the key unencrypted or its password in {PASSWORD}"
            raise PoiseError(f"certificate and key cannot be used: {reason}", hint=hint) from None
        return context

    def _stamp(self) -> _Stamp:
        """Which files these are. Raises `PoiseError` where one cannot be read."""
        found = []
        for path in (self._certificate, *([self._key] if self._key else [])):
            try:
                path.open("rb").close()
                one = path.stat()
            except OSError as error:
                raise PoiseError(f"{path} cannot be read: {error.strerror}", hint="a PEM file is needed") from None
            found.append((one.st_mtime_ns, one.st_size, one.st_ino))
        return tuple(found)


def _password() -> str:
    """Asked for an encrypted key only; a server asks nobody at a terminal."""
    return os.environ.get(PASSWORD, "")
