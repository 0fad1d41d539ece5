"""One name for a person's mail address however it is written, and a key that names the address without showing it."""

import hashlib
import unicodedata
from contextlib import suppress


def same_person(address: str) -> str:
    """The address as it is compared: small letters, one form of each letter, the domain in ASCII where it has one."""
    local, at, domain = unicodedata.normalize("NFC", address.strip()).casefold().rpartition("@")
    with suppress(UnicodeError):
        domain = domain.encode("idna").decode("ascii")
    return f"{local}{at}{domain}"


def address_key(address: str) -> str:
    """What consent is kept by: it still knows the person when the address itself is erased."""
    return hashlib.sha256(same_person(address).encode()).hexdigest()[:32]
