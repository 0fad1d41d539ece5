"""Random well-typed expressions and a batch of hard accounts, for holding the back ends against each other."""

import random
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from hypothesis import strategies as st

from engine.catalogue import Catalogue, EventKind, Field, RecordKind, Type
from engine.expressions import Scope

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
WAYS = ("highest", "lowest", "trend")

_TYPES: dict[str, Type] = {
    **{f"account.n{i}": "number" for i in range(3)},
    **{f"account.t{i}": "text" for i in range(2)},
    "account.c": "choice",
    **{f"account.b{i}": "bool" for i in range(2)},
    **{f"account.d{i}": "date" for i in range(2)},
    **{f"account.i{i}": "instant" for i in range(2)},
    "account.g": "tags",
}
OPTIONS = ("red", "yellow", "green")
_PROPS: dict[str, Type] = {"n": "number", "t": "text", "c": "choice", "b": "bool", "d": "date", "i": "instant"}


def _fields(types: dict[str, Type]) -> dict[str, Field]:
    return {
        name: Field(name=name, type=type_, options=OPTIONS if type_ == "choice" else ())
        for name, type_ in types.items()
    }


FIELDS = _fields(_TYPES)
SCOPE = Scope(
    catalogue=Catalogue(
        fields=FIELDS,
        records={"sub": RecordKind(name="sub", props=_fields(_PROPS))},
        events={"use": EventKind(name="use", props=_fields(_PROPS))},
    ),
    aggregates=True,
)

# --- expressions ----------------------------------------------------------------------------------------------------

_NUMBERS = st.one_of(
    st.integers(-40, 40).map(str),
    st.sampled_from(["0.5", "0.1", "1e99", "1e-99", "25000", "3", "7", "0"]),
    st.floats(1e-90, 1e90, allow_nan=False).map(repr),
)
_WORDS = ["", "a", "A", "Z", "aé", "Ä", "ß", "Ω", "Я", "red", "e", "\U0001f600", "ab c", 'q"q', "it's", "%", "_", "\\"]
_DATES = ["2026-11-22", "2024-02-29", "2026-01-31", "0001-01-01", "9999-12-31", "2026-11-21"]


def _quoted(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


_TEXTS = st.sampled_from([_quoted(word) for word in _WORDS])
_CHOICES = st.sampled_from([_quoted(word) for word in OPTIONS])
_SIGNS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
_DAY_SPANS = st.sampled_from(
    ["1 day", "30 days", "2 weeks", "1 month", "13 months", "4 years", "100 years", "36525 days"]
)
_TIME_SPANS = st.sampled_from(["5 minutes", "1 hour", "30 days", "2 weeks", "876600 hours", "36525 days"])
_WINDOWS = st.sampled_from(["1 hour", "10 days", "30 days", "8 weeks"])


def _names(type_: Type, row: str) -> list[str]:
    names = [name for name, each in _TYPES.items() if each == type_]
    if row:
        names += [prop for prop, each in _PROPS.items() if each == type_] * 2
        if type_ == "instant":
            names += ["at"] if row.startswith("event") else ["start", "end"]
        if type_ == "bool" and row == "sub":
            names += ["active", "open"]
    if type_ == "date":
        names.append("today")
    if type_ == "instant":
        names.append("now")
    return names


def _fill(form: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda given: form.format(*given))


@cache
def of_type(type_: Type, depth: int = 3, row: str = "") -> st.SearchStrategy[str]:
    """The text of an expression of a type; inside an aggregate, `row` is its source."""
    leaf = st.sampled_from(_names(type_, row))
    constants = {"number": _NUMBERS, "text": _TEXTS, "choice": _CHOICES, "bool": st.sampled_from(["true", "false"])}
    constants["date"] = st.sampled_from(_DATES)
    if type_ in constants:
        leaf = st.one_of(leaf, leaf, constants[type_])
    if depth == 0:
        return leaf

    def sub(inner: Type) -> st.SearchStrategy[str]:
        return st.deferred(lambda: of_type(inner, depth - 1, row))

    forms = [leaf, _fill("coalesce({}, {})", sub(type_), sub(type_)), *_FORMS[type_](sub)]
    if not row:
        forms += _aggregates(type_, depth - 1)
    return st.one_of(forms)


def _number_forms(sub: Any) -> list[st.SearchStrategy[str]]:
    number, date_, instant = sub("number"), sub("date"), sub("instant")
    return [
        _fill("({} {} {})", number, st.sampled_from("+-*/"), number),
        _fill("({} {} {})", number, st.sampled_from("+-*/"), number),
        _fill("-{}", number.map(lambda text: f"({text})")),
        _fill("abs({})", number),
        _fill("round({}, {})", number, st.integers(0, 6).map(str)),
        _fill("{}({}, {}, {})", st.sampled_from(["min", "max"]), number, number, number),
        _fill("len({})", sub("text")),
        _fill("({} - {})", date_, date_),
        _fill("({} - {})", instant, instant),
        _fill("{}({})", st.sampled_from(["days_until", "days_since"]), st.one_of(date_, instant)),
        _fill(
            "{}({}, {})",
            st.sampled_from(WAYS),
            st.sampled_from(["account.n0", "account.n1"]),
            _WINDOWS,
        ),
    ]


def _bool_forms(sub: Any) -> list[st.SearchStrategy[str]]:
    boolean, text = sub("bool"), st.one_of(sub("text"), sub("choice"))
    compared = [_fill("({} {} {})", sub(type_), _SIGNS, sub(type_)) for type_ in ("number", "date", "instant", "text")]
    equal = [_fill("({} {} {})", sub(t), st.sampled_from(["==", "!="]), sub(t)) for t in ("bool", "choice")]
    among = [
        _fill("({} {} [{}, {}])", sub(type_), st.sampled_from(["in", "not in"]), constants, constants)
        for type_, constants in (
            ("number", _NUMBERS),
            ("text", _TEXTS),
            ("date", st.sampled_from(_DATES)),
            ("choice", _CHOICES),
        )
    ]
    known = st.sampled_from(["known", "unknown"])
    return [
        *compared,
        *equal,
        *among,
        _fill("({} and {} and {})", boolean, boolean, boolean),
        _fill("({} or {})", boolean, boolean),
        _fill("({} and {})", boolean, boolean),
        _fill("(not {})", boolean),
        _fill("({} {} {})", text, st.sampled_from(["contains", "starts_with"]), text),
        _fill("(account.g contains {})", text),
        st.sampled_from(["(account.g is known)", "(account.g is unknown)"]),
        *(_fill("({} is {})", sub(type_), known) for type_ in ("number", "bool", "text", "date")),
    ]


def _date_forms(sub: Any) -> list[st.SearchStrategy[str]]:
    return [
        _fill("({} {} {})", sub("date"), st.sampled_from("+-"), _DAY_SPANS),
        _fill("{}({}, {})", st.sampled_from(["min", "max"]), sub("date"), sub("date")),
        _fill("next_anniversary({})", st.one_of(sub("date"), sub("instant"))),
        _fill("date({})", sub("instant")),
    ]


def _instant_forms(sub: Any) -> list[st.SearchStrategy[str]]:
    return [
        _fill("({} {} {})", sub("instant"), st.sampled_from("+-"), _TIME_SPANS),
        _fill("{}({}, {})", st.sampled_from(["min", "max"]), sub("instant"), sub("instant")),
    ]


_FORMS: dict[str, Any] = {
    "number": _number_forms,
    "bool": _bool_forms,
    "date": _date_forms,
    "instant": _instant_forms,
    "text": lambda sub: [_fill("lower({})", st.one_of(sub("text"), sub("choice")))],
    "choice": lambda sub: [],
}


def _aggregates(type_: Type, depth: int) -> list[st.SearchStrategy[str]]:
    forms = [form for source in ("sub", "event.use") for form in _aggregates_over(source, type_, depth)]
    return forms + ([_OF_CONTACTS] if type_ == "bool" else [])


_ROLE = st.sampled_from(['"champion"', '"admin"', '"any"']).map(lambda role: f"roles contains {role}")
_CONTACT = st.one_of(
    _ROLE, st.sampled_from(["do_not_contact", "email is known", 'lower(name) == "a"', "zone is unknown"])
)
_OF_CONTACTS = st.one_of(
    _fill("{}(contact where {} and not {})", st.sampled_from(["any", "all"]), _CONTACT, _CONTACT),
    _fill("(count(contact where {} or {}) > 1)", _CONTACT, _CONTACT),
)


def _aggregates_over(source: str, type_: Type, depth: int) -> list[st.SearchStrategy[str]]:
    condition = st.deferred(lambda: of_type("bool", max(depth, 0), source))
    where = st.one_of(st.just(""), condition.map(lambda text: f" where {text}"))
    window = st.one_of(st.just(""), _WINDOWS.map(lambda text: f", {text}"))

    def over(names: list[str], inner: Type) -> st.SearchStrategy[str]:
        prop = st.sampled_from([f"{source}.{prop}" for prop, each in _PROPS.items() if each == inner])
        deeper = st.deferred(lambda: of_type(inner, max(depth, 0), source))
        whole = _fill("coalesce({}, {})", prop, deeper)
        return _fill("{}({}{}{})", st.sampled_from(names), st.one_of(prop, prop, whole), where, window)

    if type_ == "number":
        rows = _fill("count({}{}{})", st.just(source), where, window)
        counted = [over(["count", "count_distinct"], each) for each in ("text", "number", "bool", "date")]
        return [rows, *counted, over(["sum", "avg"], "number"), over(["min", "max", "last"], "number")]
    if type_ == "bool":
        asked = _fill("{}({} where {}{})", st.sampled_from(["any", "all"]), st.just(source), condition, window)
        return [asked, over(["last"], type_)]
    if type_ in ("date", "instant"):
        return [over(["min", "max", "last"], type_)]
    return [over(["last"], type_)]


# --- accounts -------------------------------------------------------------------------------------------------------

_HARD_NUMBERS = [0.0, -0.0, 1.0, -1.0, 60.0, 0.1, 0.3, 2.5, -2.5, 1e15, 1e99, 1e100, 1e101, 1.7e308, -1.7e308]
_HARD_NUMBERS += [5e-324, -5e-324, 1e-101, 1e-99, 1e-85, 2.0**-332, 2.0**-333, 0.49999999999999994, 1e-300, 123456.789]
_HARD_DATES = [date.fromisoformat(day) for day in _DATES] + [date(2025, 11, 22), date(2027, 11, 22), date(2020, 2, 29)]
_WRONG_JSON: list[Any] = [
    None,
    [],
    {},
    "",
    "2026-02-30",
    "2026-13-01",
    "0000-01-01",
    "12",
    12,
    True,
    "true",
    1e200,
    10**300,
]
_WRONG_JSON += ["2026-11-22T09:30:00", "2026-11-22T24:00:00Z", "0001-01-01T00:00:00+14:00", "2026-11-22", "٢٠٢٦-١١-٢٢"]


class Account:
    """One account's values and rows, as an `Env`; the zone is three hours east of UTC."""

    def __init__(self, number: int, choose: random.Random) -> None:
        self.number = number
        self.now = NOW
        self.today = self.local_date(NOW)
        self.values = {name: _value(type_, choose) for name, type_ in _TYPES.items()}
        self.extremes = {(way, name): _value("number", choose) for way in WAYS for name in self.values}
        self.events = sorted(
            ({"at": _moment(choose), **_props(choose)} for _ in range(choose.choice([0, 0, 1, 3, 6]))),
            key=lambda row: row["at"],
        )
        self.contacts = [_contact(choose) for _ in range(choose.choice([0, 1, 1, 3]))]
        self.records = sorted(
            (
                {"start": _moment(choose), "end": _end(choose), **_props(choose)}
                for _ in range(choose.choice([0, 1, 2, 4]))
            ),
            key=lambda row: row["start"],
        )

    def field(self, name: str) -> Any:
        return self.values[name]

    def local_date(self, at: datetime) -> date:
        return (at.replace(tzinfo=None) + timedelta(hours=3)).date() if at.year < 9999 else at.date()

    def highest(self, name: str, window: Any) -> Any:
        return self.extremes["highest", name]

    def lowest(self, name: str, window: Any) -> Any:
        return self.extremes["lowest", name]

    def trend(self, name: str, window: Any) -> Any:
        return self.extremes["trend", name]

    def aggregate(self, node: Any, work_out: Any) -> Any:
        return work_out(self)

    def rows(self, source: str) -> Any:
        if source == "contact":
            return [
                {**one, "roles": f",{','.join(one['roles'])}," if one["roles"] is not None else None}
                for one in self.contacts
            ]
        return (
            [row for row in self.events if row["at"] <= NOW]
            if source == "event.use"
            else [row for row in self.records if row["start"] <= NOW]
        )


def _contact(choose: random.Random) -> dict[str, Any]:
    words = {name: _value("text", choose) for name in ("name", "first_name", "email", "zone")}
    roles = choose.sample(["champion", "admin", "billing-admin", "any"], choose.randint(0, 3))
    return {**words, "roles": roles, "do_not_contact": choose.random() < 0.5}


def accounts(count: int) -> list[Account]:
    choose = random.Random(20261122)
    return [Account(number, choose) for number in range(1, count + 1)]


def _value(type_: Type, choose: random.Random) -> Any:
    if choose.random() < 0.2:
        return None
    match type_:
        case "number":
            return choose.choice(
                [choose.choice(_HARD_NUMBERS), float(choose.randint(-50, 50)), choose.uniform(-1e6, 1e6)]
            )
        case "text":
            return choose.choice(_WORDS)
        case "choice":
            return choose.choice(OPTIONS)
        case "bool":
            return choose.random() < 0.5
        case "date":
            return choose.choice([choose.choice(_HARD_DATES), NOW.date() + timedelta(days=choose.randint(-800, 800))])
        case "instant":
            return _moment(choose)
        case "tags":
            return choose.sample(_WORDS, choose.randint(0, 4))


def _moment(choose: random.Random) -> datetime:
    near = [NOW, NOW - timedelta(hours=1), NOW - timedelta(days=30), NOW + timedelta(seconds=1)]
    return choose.choice([choose.choice(near), NOW - timedelta(seconds=choose.uniform(-(10**6), 10**7))])


def _end(choose: random.Random) -> datetime | None:
    return choose.choice([None, _moment(choose), NOW + timedelta(days=3)])


def _props(choose: random.Random) -> dict[str, Any]:
    return {name: value for name, type_ in _PROPS.items() if (value := _prop(type_, choose)) != "absent"}


def _prop(type_: Type, choose: random.Random) -> Any:
    """As JSON holds it: mostly right, sometimes of another type, sometimes not there."""
    if choose.random() < 0.15:
        return choose.choice([*_WRONG_JSON, "absent"])
    value = _value(type_, choose)
    return value.isoformat().replace("+00:00", choose.choice(["Z", "+00:00"])) if isinstance(value, date) else value
