"""Random keys, and the digests under which they are stored."""

import base64
import hashlib
import secrets


def random_key(size: int) -> str:
    """`size` random bytes as standard base64: session keys, node keys, enroll secrets."""
    return base64.b64encode(secrets.token_bytes(size)).decode()


def digest(key: str) -> str:
    """What is stored in place of a key: its SHA-256 in hex. Keys are random, so no slow hash is needed."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
