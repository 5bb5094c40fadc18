"""The certificate by which a server speaks TLS; renewed files are taken up without a restart."""

from __future__ import annotations

import logging
import os
import re
import ssl
from pathlib import Path

from poise.errors import PoiseError

PASSWORD = "POISE_TLS_KEY_PASSWORD"
"""The environment variable that holds the password of the key, where it has one."""
LARGEST = 1_000_000
"""Bytes of one file; a certificate with its chain and key has some thousand."""
_PEM = "a file in PEM form is needed, as 'openssl req' writes it"
_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")
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
        self._check()
        try:
            context.load_cert_chain(self._certificate, self._key, _password)
        except ssl.SSLError as error:
            raise self._told(error) from None
        return context

    def _check(self) -> None:
        """Raises `PoiseError` for files that do not hold what they should, in words that OpenSSL does not have."""
        text = _text(self._certificate)
        if _CERTIFICATE not in text:
            raise PoiseError(f"{self._certificate}: no certificate in it", hint=_PEM)
        try:
            ssl.create_default_context(cafile=str(self._certificate))
        except ssl.SSLError as error:
            raise PoiseError(f"{self._certificate}: its certificate cannot be read: {_why(error)}", hint=_PEM) from None
        if self._key is None and not _KEY.search(text):
            raise PoiseError(f"{self._certificate}: no key in it; give --tls-key")
        if self._key is not None and not _KEY.search(_text(self._key)):
            raise PoiseError(f"{self._key}: no key in it", hint=_PEM)

    def _told(self, error: ssl.SSLError) -> PoiseError:
        """What OpenSSL said of files that hold a certificate and a key."""
        key = self._key or self._certificate
        if error.reason == "KEY_VALUES_MISMATCH":
            return PoiseError(f"{key}: its key does not belong to the first certificate in {self._certificate}")
        hint = f"a key in PEM form is needed, unencrypted or its password in {PASSWORD}"
        return PoiseError(f"{key}: its key cannot be read: {_why(error)}", hint=hint)

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


def _text(path: Path) -> bytes:
    """Raises `PoiseError` for an empty file, and one that holds more than certificates do."""
    with path.open("rb") as file:
        text = file.read(LARGEST + 1)
    if not text.strip():
        raise PoiseError(f"{path}: the file is empty", hint=_PEM)
    if len(text) > LARGEST:
        raise PoiseError(f"{path}: larger than {LARGEST:,} bytes", hint=_PEM)
    return text


def _why(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).lower().replace("_", " ")


def _password() -> str:
    """Asked for an encrypted key only; a server asks nobody at a terminal."""
    return os.environ.get(PASSWORD, "")
