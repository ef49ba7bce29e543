"""Certificates: made, kept, remade and refused."""

import datetime
import ipaddress
import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from fleet import clock
from fleet.server.tls import certificate, check_pair, context, ensure_certificate


def read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def names(cert: Path) -> x509.SubjectAlternativeName:
    return read(cert).extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def test_a_new_certificate_is_ecdsa_for_this_machine_and_825_days(tmp_path: Path) -> None:
    cert, key = ensure_certificate(tmp_path / "data", ["fleet.example.com", "10.1.2.3"])
    made = read(cert)
    public = made.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert public.curve.name == "secp256r1"
    assert made.not_valid_after_utc - made.not_valid_before_utc == datetime.timedelta(days=825)
    found = names(cert)
    assert {"localhost", "fleet.example.com"} <= set(found.get_values_for_type(x509.DNSName))
    addresses = {ipaddress.ip_address(text) for text in ("127.0.0.1", "::1", "10.1.2.3")}
    assert addresses <= set(found.get_values_for_type(x509.IPAddress))
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert b"BEGIN PRIVATE KEY" in key.read_bytes()
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key)


def test_a_certificate_is_kept_while_it_is_good(tmp_path: Path) -> None:
    cert, key = ensure_certificate(tmp_path)
    before = cert.read_bytes(), key.read_bytes()
    assert ensure_certificate(tmp_path) == (cert, key)
    assert (cert.read_bytes(), key.read_bytes()) == before


def test_it_is_remade_when_expired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cert, _ = ensure_certificate(tmp_path)
    before = cert.read_bytes()
    later = clock.now() + datetime.timedelta(days=826)
    monkeypatch.setattr(clock, "now", lambda: later)
    ensure_certificate(tmp_path)
    assert cert.read_bytes() != before


def test_it_is_remade_when_a_name_is_missing_or_a_file_is_damaged_or_anothers(tmp_path: Path) -> None:
    cert, key = ensure_certificate(tmp_path)
    before = cert.read_bytes()
    ensure_certificate(tmp_path, ["new.example.com"])
    assert cert.read_bytes() != before
    _, other = ensure_certificate(tmp_path / "other")
    for damaged, content in ((cert, b"nonsense"), (key, b"nonsense"), (key, other.read_bytes())):
        damaged.write_bytes(content)
        ensure_certificate(tmp_path)
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key)


def test_without_a_given_pair_the_own_one_serves(tmp_path: Path) -> None:
    assert certificate(None, None, tmp_path) == ensure_certificate(tmp_path)


def test_a_given_pair_is_taken_as_it_is(tmp_path: Path) -> None:
    pair = ensure_certificate(tmp_path / "given")
    assert certificate(*pair, tmp_path / "data") == pair


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_a_key_in_the_traditional_form_serves_as_well(tmp_path: Path, kind: str) -> None:
    cert, key = ensure_certificate(tmp_path / "given")
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    if kind == "rsa":
        private = rsa.generate_private_key(65537, 2048)
        made = read(cert)
        builder = x509.CertificateBuilder(made.issuer, made.subject, private.public_key(), made.serial_number)
        builder = builder.not_valid_before(made.not_valid_before_utc).not_valid_after(made.not_valid_after_utc)
        from cryptography.hazmat.primitives import hashes

        signed = builder.sign(private, hashes.SHA256())
        cert.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    old = serialization.PrivateFormat.TraditionalOpenSSL
    key.write_bytes(private.private_bytes(serialization.Encoding.PEM, old, serialization.NoEncryption()))
    assert b"BEGIN PRIVATE KEY" not in key.read_bytes()
    check_pair(cert, key)
    assert context(cert, key).minimum_version == ssl.TLSVersion.TLSv1_2


def test_what_cant_work_is_refused_by_the_name_of_its_variable(tmp_path: Path) -> None:
    cert, key = ensure_certificate(tmp_path / "a")
    _, other = ensure_certificate(tmp_path / "b")
    encrypted, text = tmp_path / "encrypted.pem", tmp_path / "text.pem"
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    encrypted.write_bytes(private.private_bytes(pem, pkcs8, serialization.BestAvailableEncryption(b"x")))
    text.write_text("hello")
    missing = tmp_path / "missing.pem"
    for given, variable, reason in (
        ((missing, key), "FLEET_SERVER_CERT", "No such file"),
        ((cert, missing), "FLEET_SERVER_KEY", "No such file"),
        ((tmp_path, key), "FLEET_SERVER_CERT", "directory"),
        ((text, key), "FLEET_SERVER_CERT", "no certificate"),
        ((cert, text), "FLEET_SERVER_KEY", "no private key"),
        ((key, key), "FLEET_SERVER_CERT", "no certificate"),
        ((cert, cert), "FLEET_SERVER_KEY", "no private key"),
        ((cert, encrypted), "FLEET_SERVER_KEY", "encrypted"),
        ((cert, other), "FLEET_SERVER_KEY", "does not belong"),
    ):
        with pytest.raises(ValueError, match=f"^{variable}: .*{reason}"):
            check_pair(*given)
