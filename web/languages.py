"""Which of the languages that Tenure speaks to customers a browser asks for, on pages that know nothing else."""

from fastapi import Request

from engine.phrases import language_known


def asked_for(request: Request) -> str | None:
    """The one it likes best of those there are; None where it names none of them."""
    wanted = [_ranked(one) for one in request.headers.get("accept-language", "")[:500].split(",")]
    for quality, locale in sorted(wanted, key=lambda one: -one[0]):
        if quality > 0 and locale and (language := language_known(locale)):
            return language
    return None


def _ranked(item: str) -> tuple[float, str]:
    locale, _, quality = item.partition(";")
    try:
        return float(quality.strip().removeprefix("q=") or 1), locale.strip()
    except ValueError:
        return 0.0, ""
