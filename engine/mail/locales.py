"""Picks the text a person can read out of those there are."""

from collections.abc import Mapping


def in_locale(translations: Mapping[str, str], locale: str | None, own: str) -> str:
    """The translation for a locale: the very same, else that of its language; otherwise `own`, the untranslated."""
    if not locale:
        return own
    wanted = _plain(locale)
    by_name = {_plain(name): text for name, text in translations.items()}
    return by_name.get(wanted) or by_name.get(wanted.partition("-")[0]) or own


def _plain(locale: str) -> str:
    """As CRMs write them: de_AT, DE-at."""
    return locale.strip().replace("_", "-").lower()
