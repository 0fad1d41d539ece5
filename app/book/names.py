"""Words that names are made of: places, trades, people. All invented; addresses end in .example."""

from dataclasses import dataclass

HEADS = (
    "Aster", "Bram", "Calder", "Corv", "Dorn", "Elm", "Fenn", "Grav", "Hask", "Ister", "Jarl", "Kest", "Lind", "Mar",
    "Nor", "Ostr", "Pell", "Quill", "Rav", "Sund", "Tarn", "Ulm", "Vel", "Wend", "Yar", "Zell",
)  # fmt: skip
TAILS = (
    "brook",
    "dale",
    "forge",
    "gate",
    "haven",
    "holt",
    "lund",
    "mark",
    "mere",
    "moor",
    "ridge",
    "stad",
    "vane",
    "wick",
)

TRADES = {
    "Construction": ("Bau", "Build", "Works"),
    "Facilities": ("Facilities", "Service"),
    "Utilities": ("Energy", "Water", "Grid"),
    "Logistics": ("Logistics", "Freight"),
    "Health": ("Care", "Clinics"),
    "Events": ("Events", "Venues"),
}
"""An industry, and what such a company calls itself."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a customer sits: its holidays, its days, the names of its people."""

    country: str
    zone: str
    share: int
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]


_GERMAN = (
    ("Anna", "Jonas", "Lea", "Felix", "Miriam", "Tobias", "Katrin", "Nils", "Sophie", "Emre"),
    ("Keller", "Brandt", "Vogel", "Hartmann", "Lorenz", "Seidel", "Yildiz", "Winter", "Albrecht", "Kuhn"),
)
_ENGLISH = (
    ("Grace", "Owen", "Priya", "Daniel", "Hannah", "Marcus", "Ruth", "Caleb", "Imani", "Theo"),
    ("Whitfield", "Okafor", "Mercer", "Patel", "Langley", "Reyes", "Doyle", "Ashworth", "Nguyen", "Carver"),
)
_FRENCH = (
    ("Camille", "Hugo", "Nadia", "Julien", "Elise", "Mathis", "Ines", "Bastien"),
    ("Moreau", "Lefort", "Benali", "Garnier", "Roux", "Chauvet", "Delmas", "Perrin"),
)
_NORDIC = (
    ("Astrid", "Erik", "Maja", "Lars", "Ingrid", "Anton", "Freja", "Oskar"),
    ("Lindqvist", "Berg", "Holm", "Sandberg", "Dahl", "Nyström", "Kjær", "Falk"),
)
_SPANISH = (
    ("Lucia", "Mateo", "Carmen", "Javier", "Elena", "Pablo", "Marta", "Diego"),
    ("Navarro", "Ortega", "Vidal", "Campos", "Rubio", "Serrano", "Molina", "Ibarra"),
)


def _place(country: str, zone: str, share: int, people: tuple[tuple[str, ...], tuple[str, ...]]) -> Place:
    return Place(country=country, zone=zone, share=share, first_names=people[0], last_names=people[1])


PLACES = (
    _place("DE", "Europe/Berlin", 22, _GERMAN),
    _place("AT", "Europe/Vienna", 5, _GERMAN),
    _place("CH", "Europe/Zurich", 5, _GERMAN),
    _place("NL", "Europe/Amsterdam", 6, _NORDIC),
    _place("SE", "Europe/Stockholm", 5, _NORDIC),
    _place("DK", "Europe/Copenhagen", 4, _NORDIC),
    _place("FR", "Europe/Paris", 8, _FRENCH),
    _place("ES", "Europe/Madrid", 6, _SPANISH),
    _place("GB", "Europe/London", 12, _ENGLISH),
    _place("IE", "Europe/Dublin", 3, _ENGLISH),
    _place("US", "America/New_York", 10, _ENGLISH),
    _place("US", "America/Chicago", 6, _ENGLISH),
    _place("US", "America/Los_Angeles", 5, _ENGLISH),
    _place("AU", "Australia/Sydney", 3, _ENGLISH),
)
FIRST_MORNING = PLACES[-1]
"""Where a day begins first."""
