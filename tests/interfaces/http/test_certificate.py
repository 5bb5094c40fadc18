"""TLS on a real socket: spoken from version 1.2 on, renewed while a server runs, refused in plain words."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from poise.errors import PoiseError
from poise.interfaces.http.certificate import PASSWORD, Certificate
from poise.interfaces.http.server import serve
from poise.serving.served import Served
from poise.serving.tokens import Tokens, digest_of, new_token
from poise.stores.state_base import TokenRow

STAND_INS = Path(__file__).parents[2] / "serving" / "stand_ins.py"
pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates of these tests")


def make(folder: Path, name: str, *options: str) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    cert, key = folder / f"{name}.crt", folder / f"{name}.key"
    words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "2", "-subj"]
    more = ["-addext", "subjectAltName=IP:127.0.0.1", *(options or ("-nodes",))]
    command = ["openssl", *words, f"/CN={name}", *more, "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make(tmp_path_factory.mktemp("tls"), "poise")


@contextmanager
def server(cert: Path, key: Path, *options: str) -> Iterator[int]:
    command = [sys.executable, str(STAND_INS), "--tls-cert", str(cert), "--tls-key", str(key), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("https://127.0.0.1:")
        yield int(address.rsplit(":", 1)[1])
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_it_answers_over_tls_and_not_in_the_clear(files: tuple[Path, Path], stand_ins: ModuleType) -> None:
    trusting = ssl.create_default_context(cafile=str(files[0]))
    with server(*files, "--connections", "20") as port:
        with closing(http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=trusting)) as connection:
            for _ in range(3):  # the connection is kept
                connection.request(
                    "POST", "/v1/predict", json.dumps(stand_ins.ROW), {"content-type": "application/json"}
                )
                answer = connection.getresponse()
                assert answer.status == 200 and json.loads(answer.read())["release"] == "r1"
            origin = {"origin": f"https://127.0.0.1:{port}"}
            connection.request("GET", "/v1/releases", headers=origin)
            assert connection.getresponse().status == 200, "its own page"
        with socket.create_connection(("127.0.0.1", port), 20) as plain:
            plain.sendall(b"GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
            assert not plain.recv(1000).startswith(b"HTTP")
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        with socket.create_connection(("127.0.0.1", port), 20) as plain, pytest.raises(ssl.SSLError):
            old.wrap_socket(plain)


def test_a_renewed_certificate_is_taken_up_and_one_that_does_not_fit_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cert, key = make(tmp_path, "first")
    certificate = Certificate(cert, key)
    assert presented(certificate) == "first"
    other_cert, other_key = make(tmp_path, "second")
    shutil.copy(other_cert, cert)
    for _ in range(3):
        certificate.look()
    assert presented(certificate) == "first", "the key is still the old one"
    assert len(caplog.records) == 1 and "stays as it is" in caplog.text
    shutil.copy(other_key, key)
    certificate.look()
    assert presented(certificate) == "second"
    key.unlink()
    certificate.look()
    assert presented(certificate) == "second"


def presented(certificate: Certificate) -> str:
    """The name in the certificate that a client sees."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    asks = client.wrap_bio(to_client, to_server)
    answers = certificate.context.wrap_bio(to_server, to_client, server_side=True)
    for side in (asks, answers) * 4:
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    found = asks.getpeercert(binary_form=True)
    assert found is not None
    return next(name for name in ("first", "second") if name.encode() in found)


def test_a_key_with_a_password_reads_it_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cert, key = make(tmp_path, "first", "-passout", "pass:secret")
    monkeypatch.delenv(PASSWORD, raising=False)
    with pytest.raises(PoiseError, match=f"first.key: its key cannot be read.*{PASSWORD}"):
        Certificate(cert, key)
    monkeypatch.setenv(PASSWORD, "secret")
    assert presented(Certificate(cert, key)) == "first"


HOLLOW = "-----BEGIN {0}-----\naGVsbG8=\n-----END {0}-----\n"


@pytest.mark.parametrize(
    ("wrong", "text", "told"),
    [
        ("first.key", None, "first.key cannot be read: No such file"),
        ("first.crt", "", "first.crt: the file is empty"),
        ("first.key", " \n", "first.key: the file is empty"),
        ("first.crt", "hello", "first.crt: no certificate in it"),
        ("first.key", "hello", "first.key: no key in it"),
        ("first.crt", HOLLOW.format("CERTIFICATE"), "first.crt: its certificate cannot be read"),
        ("first.key", HOLLOW.format("PRIVATE KEY"), "first.key: its key cannot be read"),
        ("first.crt", "x" * 1_000_001, "first.crt: larger than 1,000,000 bytes"),
    ],
)
def test_files_that_cannot_be_used_are_told(tmp_path: Path, wrong: str, text: str | None, told: str) -> None:
    cert, key = make(tmp_path, "first")
    if text is None:
        (tmp_path / wrong).unlink()
    else:
        (tmp_path / wrong).write_text(text)
    with pytest.raises(PoiseError, match=re.escape(told)):
        Certificate(cert, key)


def test_a_key_that_is_absent_or_of_another_certificate_is_told(tmp_path: Path) -> None:
    cert, _ = make(tmp_path, "first")
    other = make(tmp_path, "second")[1]
    with pytest.raises(PoiseError, match=r"second.key: its key does not belong to .*first.crt"):
        Certificate(cert, other)
    with pytest.raises(PoiseError, match=r"first.crt: no key in it; give --tls-key"):
        Certificate(cert)


def test_a_client_that_does_not_agree_on_tls_is_cut_off(files: tuple[Path, Path]) -> None:
    with server(*files) as port, socket.create_connection(("127.0.0.1", port), 30) as connection:
        begun = time.monotonic()
        assert connection.recv(100) == b""
        assert time.monotonic() - begun < 25


def test_others_are_answered_over_tls_or_through_a_proxy_only(files: tuple[Path, Path], stand_ins: ModuleType) -> None:
    served, registry = Served.of_one(stand_ins.answerer()), stand_ins.StandInRegistry()
    tokens = Tokens([TokenRow("web", digest_of(new_token()), ("predict",), None, 0, "ana")])
    with pytest.raises(PoiseError, match=r"who could read the tokens.*--tls-cert"):
        serve(served, registry, host="0.0.0.0", tokens=tokens)
    with pytest.raises(PoiseError, match="there is no token"):
        serve(served, registry, host="0.0.0.0", tokens=Tokens(), certificate=Certificate(*files))
