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


def mixed_scripts(domain: str) -> tuple[str, ...]:
    """The scripts of a label that mixes them as no language does: `pаypal` with a Cyrillic а; none where all is well.

    A label of one script passes, whichever it is: whole languages live there. So does Latin beside the scripts that
    Chinese, Japanese and Korean are written in.
    """
    for label in _readable(domain).split("."):
        scripts = {_script(char) for char in label if char.isalpha()}
        if len(scripts) > 1 and not scripts <= _TOGETHER:
            return tuple(sorted(script.capitalize() for script in scripts))
    return ()


_TOGETHER = frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "BOPOMOFO", "HANGUL"})


def _readable(domain: str) -> str:
    """With the letters that stand behind `xn--`."""
    if "xn--" not in domain.lower():
        return domain
    import idna

    with suppress(UnicodeError):
        return idna.decode(domain)
    return domain


def _script(char: str) -> str:
    """The first word of a letter's name is its script, but for the likes of MODIFIER and FULLWIDTH, which fold away."""
    return unicodedata.name(unicodedata.normalize("NFKC", char)[:1], "UNKNOWN").partition(" ")[0]
