"""How dates, numbers and amounts are written in a language; English where Tenure does not know it."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from engine.values import Value


class Notation(Value):
    """One language. Patterns take `day`, `month`, `year`, `weekday`, and `number` and `unit`."""

    months: tuple[str, ...]
    weekdays: tuple[str, ...]
    """From Monday on."""
    long: str
    short: str
    weekday: str
    first: str = "{day}"
    """How the first day of a month is written."""
    group: str
    point: str
    money: str
    """With a symbol; a currency's letters stand where English has them."""

    def date(self, day: date, style: str) -> str:
        pattern = {"long": self.long, "short": self.short, "weekday": self.weekday}[style]
        month = self.months[day.month - 1]
        return pattern.format(
            day=self.first.format(day=day.day) if day.day == 1 else day.day,
            month=month,
            month_short=month[:3],
            date=day,
            year=day.year,
            weekday=self.weekdays[day.weekday()],
        )

    def number(self, value: Decimal, digits: int | None = None) -> str:
        """With so many decimals; without `digits`, only those that say something."""
        text = f"{value:,f}" if digits is None else f"{value:,.{digits}f}"
        if digits is None and "." in text:
            text = text.rstrip("0").rstrip(".")
        return text.translate({ord(","): self.group, ord("."): self.point})


def notation_of(locale: str | None) -> Notation:
    return NOTATIONS.get((locale or "en").replace("_", "-").partition("-")[0].lower(), NOTATIONS["en"])


_THIN, _FIXED = "\u202f", "\u00a0"
"""Spaces at which no line breaks."""

NOTATIONS: Mapping[str, Notation] = {
    "en": Notation(
        months=(
            *("January", "February", "March", "April", "May", "June", "July", "August"),
            *("September", "October", "November", "December"),
        ),
        weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        long="{day} {month} {year}",
        short="{day} {month_short} {year}",
        weekday="{weekday} {day} {month}",
        group=",",
        point=".",
        money="{unit}{number}",
    ),
    "de": Notation(
        months=(
            *("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August"),
            *("September", "Oktober", "November", "Dezember"),
        ),
        weekdays=("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
        long="{day}. {month} {year}",
        short="{date:%d.%m.}{year}",
        weekday="{weekday}, {day}. {month}",
        group=".",
        point=",",
        money=f"{{number}}{_FIXED}{{unit}}",
    ),
    "fr": Notation(
        months=(
            *("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août"),
            *("septembre", "octobre", "novembre", "décembre"),
        ),
        weekdays=("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
        long="{day} {month} {year}",
        short="{date:%d/%m/}{year}",
        weekday="{weekday} {day} {month}",
        first="1er",
        group=_THIN,
        point=",",
        money=f"{{number}}{_FIXED}{{unit}}",
    ),
    "es": Notation(
        months=(
            *("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto"),
            *("septiembre", "octubre", "noviembre", "diciembre"),
        ),
        weekdays=("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
        long="{day} de {month} de {year}",
        short="{date:%d/%m/}{year}",
        weekday="{weekday}, {day} de {month}",
        group=".",
        point=",",
        money=f"{{number}}{_FIXED}{{unit}}",
    ),
}
