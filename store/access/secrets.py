"""Secrets that somebody else keeps: made at random, and known here by their hash alone."""

import hashlib
import hmac
import secrets


def new_secret(prefix: str = "") -> str:
    """256 random bits as text that fits into addresses and headers."""
    return prefix + secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    """What is stored of it. It is random, so a fast hash is enough."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def derived(secret: str, purpose: str) -> str:
    """Another secret that only the holder of the first can work out."""
    return hmac.digest(secret.encode("utf-8", "surrogateescape"), purpose.encode(), "sha256").hex()


def equal(one: str, other: str) -> bool:
    """Compared in a time that says nothing about where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "surrogateescape"), other.encode("utf-8", "surrogateescape"))
