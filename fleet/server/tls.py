"""The certificate the server shows: the one it is given, or one that it makes for itself."""

import datetime
import ipaddress
import os
import socket
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from fleet import clock

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

VALID_DAYS = 825

CERTIFICATE, KEY = "server-cert.pem", "server-key.pem"


def own_names() -> list[str]:
    """The names and addresses under which this machine may be reached."""
    names = ["localhost", "127.0.0.1", "::1", socket.gethostname()]
    try:
        found = socket.getaddrinfo(socket.gethostname(), None, type=socket.SOCK_STREAM)
    except OSError:
        found = []
    names += [str(entry[4][0]).partition("%")[0] for entry in found]
    for family, target in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        # Connecting a datagram socket sends nothing; it asks the routing table which address is ours.
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((target, 9))
                names.append(str(probe.getsockname()[0]))
        except OSError:
            continue
    return list(dict.fromkeys(name for name in names if name))


def certificate(cert: Path | None, key: Path | None, data_dir: Path) -> tuple[Path, Path]:
    """The pair to serve with: the given one, once checked, else one that is made and kept in the data folder."""
    if cert is not None and key is not None:
        check_pair(cert, key)
        return cert, key
    return ensure_certificate(data_dir)


def context(cert: Path, key: Path) -> ssl.SSLContext:
    """How TLS is spoken with that pair: from version 1.2 on."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.load_cert_chain(cert, key)
    return made


def ensure_certificate(data_dir: Path, hostnames: Iterable[str] = ()) -> tuple[Path, Path]:
    """The paths of a self-signed certificate and its key in the data folder, made anew where needed:
    when there is none, when it has expired, or when a name is missing from it."""
    cert_path, key_path = data_dir / CERTIFICATE, data_dir / KEY
    names = list(dict.fromkeys([*own_names(), *hostnames]))
    if not _still_good(cert_path, key_path, list(hostnames)):
        _make(cert_path, key_path, names)
    return cert_path, key_path


def check_pair(cert: Path, key: Path) -> None:
    """Nothing, if they can be served with; else a ValueError that names the variable at fault and says why."""
    from cryptography.hazmat.primitives import serialization

    certificate = _read_certificate(cert)
    raw = _read(key, "FLEET_SERVER_KEY")
    try:
        private = serialization.load_pem_private_key(raw, None)
    except TypeError:
        raise ValueError(f"FLEET_SERVER_KEY: {key} is encrypted; give a key without a passphrase") from None
    except ValueError:
        raise ValueError(f"FLEET_SERVER_KEY: {key} holds no private key in PEM form") from None
    if _spki(private.public_key()) != _spki(certificate.public_key()):
        raise ValueError(f"FLEET_SERVER_KEY: {key} does not belong to the certificate {cert}")


def _read(path: Path, variable: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{variable}: {path} can't be read: {error.strerror}") from None


def _read_certificate(path: Path) -> "x509.Certificate":
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(_read(path, "FLEET_SERVER_CERT"))[0]
    except ValueError as error:
        if "FLEET_SERVER_CERT" in str(error):
            raise
        raise ValueError(f"FLEET_SERVER_CERT: {path} holds no certificate in PEM form") from None


def _spki(key: "PublicKeyTypes") -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _still_good(cert: Path, key: Path, wanted: list[str]) -> bool:
    """Whether the pair made before can go on: it belongs together, is valid and bears the names."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    try:
        certificate = x509.load_pem_x509_certificate(cert.read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), None)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    return (
        _spki(private.public_key()) == _spki(certificate.public_key())
        and certificate.not_valid_after_utc > clock.now()
        and all(_general_name(name) in names for name in wanted)
    )


def _general_name(name: str) -> "x509.GeneralName":
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _make(cert: Path, key: Path, names: list[str]) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Fleet")])
    start = clock.now() - datetime.timedelta(hours=1)
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(server, critical=False)
        .sign(private, hashes.SHA256())
    )
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    _write(key, private.private_bytes(pem, pkcs8, serialization.NoEncryption()), 0o600)
    _write(cert, certificate.public_bytes(pem), 0o644)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Put the file in place in one step; nobody sees it half written, or a key with a wider mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
