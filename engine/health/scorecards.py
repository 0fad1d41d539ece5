"""How a score is made: reads a scorecard, and computes it for one account; store/current/scoring.py is the same in SQL.

The order of the sums and the rounding are part of the meaning: both back ends must give the same double.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator
from pydantic_core import PydanticCustomError

from engine.catalogue import Catalogue
from engine.catalogue import Field as CatalogueField
from engine.documents.document import Document, read_model
from engine.documents.scalars import Span
from engine.documents.shape import Shape
from engine.documents.wording import ConditionText, ExpressionText
from engine.expressions import Env, ExpressionError, Scope, evaluate, parse_expression
from engine.health.rollups import Rollup, RollupText, children_field
from engine.problems import DocumentError, Problem, did_you_mean
from engine.values import Condition, Value

TOP = 100.0
"""Scores run from 0 to here."""


class Range(Value):
    """From `low` (included) to `high`, which `below` leaves out: `40..<70` or `0..6`."""

    low: float
    high: float
    below: bool = False

    def holds(self, value: float) -> bool:
        return self.low <= value < self.high if self.below else self.low <= value <= self.high


class Component(Value):
    """One input of a score and what its values are worth, from 0 to 100. A yes is worth 100, a no 0."""

    id: str
    input: Condition
    scale: tuple[tuple[float, float], ...] = ()
    """Corners (value, points), values rising; straight lines between them, flat outside."""
    steps: tuple[tuple[Range, float], ...] = ()
    """Ranges of the value and their points; a value in none of them counts as missing."""
    weight: float
    stale_after: Span | None = None
    missing: Literal["exclude", "unknown"] | float = "exclude"


class Band(Value):
    """A named stretch of the score."""

    name: str
    range: Range


class Scorecard(Value):
    """A checked scorecard. Several may share an id; the first one that applies to an account scores it."""

    id: str
    applies_to: Condition | None = None
    components: tuple[Component, ...]
    bands: tuple[Band, ...]
    minimum_known: float
    """The share of the weight, 0 to 1, that must be known."""
    rollup: Rollup | None = None
    """What the scores of its children tell a parent. Of several cards of one id, all say the same."""

    def band_of(self, value: float | None) -> str | None:
        if value is None:
            return None
        return next((band.name for band in self.bands if band.range.holds(value)), None)

    def fields(self) -> tuple[CatalogueField, ...]:
        """What the catalogue gains by this card."""
        names = tuple(band.name for band in self.bands)
        return (
            CatalogueField(name=f"{self.id}.score", type="number", says="the score, 0 to 100"),
            CatalogueField(name=f"{self.id}.band", type="choice", options=names, says="the band of the score"),
            CatalogueField(name=f"{self.id}.since", type="instant", says="since when the account is in its band"),
        )


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """What one component brought in; `points` is None where it counts for nothing."""

    id: str
    value: float | bool | None
    points: float | None
    weight: float
    state: Literal["known", "missing", "stale"]


@dataclass(frozen=True, kw_only=True)
class Score:
    """The result for one account."""

    value: float | None
    band: str | None
    known_weight: float
    """The share of the weight that is known, 0 to 1."""
    contributions: tuple[Contribution, ...]


def score(card: Scorecard, env: Env, stale: Sequence[str] = ()) -> Score:
    """The score of the account `env` speaks of; `stale` names the components whose data is too old to count."""
    contributions = tuple(_contribution(component, env, component.id in stale) for component in card.components)
    weighted = counted = known = whole = 0.0
    spoilt = False
    for component, part in zip(card.components, contributions, strict=True):
        whole += part.weight
        known += part.weight if part.state == "known" else 0.0
        counted += part.weight if part.points is not None else 0.0
        weighted += part.points * part.weight if part.points is not None else 0.0
        spoilt = spoilt or (part.state != "known" and component.missing == "unknown")
    share = known / whole
    value = None if spoilt or counted == 0.0 or share < card.minimum_known else rounded(weighted / counted)
    return Score(value=value, band=card.band_of(value), known_weight=share, contributions=contributions)


def applies(card: Scorecard, env: Env) -> bool:
    return card.applies_to is None or evaluate(card.applies_to.expression, env) is True


def card_for(cards: Sequence[Scorecard], env: Env) -> Scorecard | None:
    """The first card that applies; cards of one id, in their order."""
    return next((card for card in cards if applies(card, env)), None)


STEP = 0.1
"""Scores are told to a tenth: the least by which two differ."""


def rounded(value: float) -> float:
    """Half up to one decimal."""
    return math.floor(value * 10.0 + 0.5) / 10.0


def points_of(component: Component, value: float | bool) -> float | None:  # noqa: FBT001 - a value, not a flag
    """What a value is worth; None for a value in none of the ranges."""
    if isinstance(value, bool):
        return TOP if value else 0.0
    if component.steps:
        return next((points for span, points in component.steps if span.holds(value)), None)
    corners = component.scale
    if value <= corners[0][0]:
        return corners[0][1]
    for (x0, y0), (x1, y1) in pairwise(corners):
        if value <= x1:
            return y0 + (value - x0) * slope(x0, y0, x1, y1)
    return corners[-1][1]


def slope(x0: float, y0: float, x1: float, y1: float) -> float:
    """Of the line between two corners; both back ends multiply by this very double."""
    return (y1 - y0) / (x1 - x0)


def _contribution(component: Component, env: Env, is_stale: bool) -> Contribution:  # noqa: FBT001 - private and two-valued
    value: Any = evaluate(component.input.expression, env)
    points = None if is_stale or value is None else points_of(component, value)
    state: Literal["known", "missing", "stale"] = "known" if points is not None else "stale" if is_stale else "missing"
    if points is None and isinstance(component.missing, float):
        points = component.missing
    return Contribution(id=component.id, value=value, points=points, weight=component.weight, state=state)


# --- the document ---------------------------------------------------------------------------------------------------

_RANGE = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*\.\.\s*(<?)\s*(-?\d+(?:\.\d+)?)\s*", re.ASCII)
_WORD = r"^[a-z][a-z0-9_]{0,39}$"
Word = Annotated[str, Field(pattern=_WORD)]
"""A name in a workspace: small letters, digits and underscores."""
Bounded = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]
_Points = Annotated[float, Field(ge=0, le=TOP, allow_inf_nan=False)]


def _range(text: Any) -> Any:
    if isinstance(text, Range):
        return text
    match = _RANGE.fullmatch(str(text))
    if match is None or float(match[1]) > float(match[3]):
        raise PydanticCustomError(
            "PB503", '"{text}" is not a range', {"text": str(text), "hint": "write 0..<40 or 40..100"}
        )
    return Range(low=float(match[1]), high=float(match[3]), below=bool(match[2]))


def _share(text: Any) -> Any:
    match = re.fullmatch(r"\s*(\d{1,3}(?:\.\d+)?)\s*%\s*", text, re.ASCII) if isinstance(text, str) else None
    if match is None or float(match[1]) > 100:
        raise PydanticCustomError("PB503", "this is not a share", {"hint": "write it as 50%"})
    return float(match[1]) / 100


def _missing(value: Any) -> Any:
    if value in ("exclude", "unknown"):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= TOP:
        return float(value)
    raise PydanticCustomError(
        "PB503", "not a policy for missing data", {"hint": "write exclude, unknown, or points from 0 to 100"}
    )


_MISSING = {"anyOf": [{"enum": ["exclude", "unknown"]}, {"type": "number", "minimum": 0, "maximum": TOP}]}
_SHARE = {"type": "string", "pattern": r"^\s*\d{1,3}(\.\d+)?\s*%\s*$"}
_RangeText = Annotated[
    Any,
    BeforeValidator(_range),
    WithJsonSchema({"type": "string", "pattern": r"^\s*-?\d+(\.\d+)?\s*\.\.\s*<?\s*-?\d+(\.\d+)?\s*$"}),
]


class ComponentDocument(Shape):
    """One input of a score: a metric, or an expression, and what its values are worth from 0 to 100."""

    id: Word = Field(description="its name in explanations; unique in the card")
    metric: str | None = Field(None, description="a metric of tenure.yaml, by its short name")
    expr: ExpressionText | None = Field(None, description="an expression instead; a yes is worth 100, a no 0")
    scale: dict[str, _Points] | None = Field(
        None, description="value: points, with straight lines between: { 0: 0, 10: 100 }"
    )
    bands: dict[str, _Points] | None = Field(None, description="range: points: { 0..6: 10, 7..8: 60, 9..10: 100 }")
    weight: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)] = Field(
        description="how much it counts, beside the weights of the others"
    )
    stale_after: Span | None = Field(None, description="data older than this counts as missing")
    missing: Annotated[Any, BeforeValidator(_missing), WithJsonSchema(_MISSING)] = Field(
        "exclude",
        description="without a value: exclude (the others share its weight), unknown (so is the score), points",
    )

    @field_validator("scale")
    @classmethod
    def _corners_are_numbers(cls, scale: dict[str, float] | None) -> dict[str, float] | None:
        if scale is not None:
            corners(scale)
        return scale

    @field_validator("bands")
    @classmethod
    def _bands_are_ranges(cls, bands: dict[str, float] | None) -> dict[str, float] | None:
        for text in bands or {}:
            _range(text)
        return bands

    @model_validator(mode="after")
    def _has_one_input(self) -> "ComponentDocument":
        if (self.metric is None) == (self.expr is None):
            raise PydanticCustomError(
                "PB503", "a component reads one thing", {"hint": "give either metric: or expr:, not both"}
            )
        if self.scale is not None and self.bands is not None:
            raise PydanticCustomError("PB503", "a component has a scale or bands, not both", {"hint": "leave one out"})
        return self


class CardDocument(Shape):
    """A scorecards/NAME.yaml: how a score is made."""

    scorecard: Word = Field(description="the score's name: `health` makes health.score, health.band and health.since")
    applies_to: ConditionText | None = Field(
        None, description="whom it scores; of several cards of one name the first that applies does"
    )
    components: Annotated[tuple[ComponentDocument, ...], Field(min_length=1, max_length=50)] = Field(
        description="what goes into the score"
    )
    bands: Annotated[dict[Word, _RangeText], Field(min_length=1, max_length=20)] = Field(
        description="named stretches that cover 0 to 100 once: { red: 0..<40, yellow: 40..<70, green: 70..100 }"
    )
    minimum_known: Annotated[Any, BeforeValidator(_share), WithJsonSchema(_SHARE)] = Field(
        0.5, description="with less of the weight known, the score is unknown; such as 50%"
    )
    rollup: RollupText | None = Field(
        None, description="tells parents what their children's scores come to: worst, or { by: account.arr }"
    )

    @field_validator("bands")
    @classmethod
    def _every_score_has_its_band(cls, bands: dict[str, Range]) -> dict[str, Range]:
        for value in _tenths_near_edges(bands.values()):
            holding = [name for name, span in bands.items() if span.holds(value)]
            if len(holding) != 1:
                what = "is in no band" if not holding else f"is in {' and '.join(holding)}"
                raise PydanticCustomError(
                    "PB503",
                    "a score of {value} {what}",
                    {"value": value, "what": what, "hint": "bands cover 0 to 100 once: 0..<40, 40..<70, 70..100"},
                )
        return bands


def _tenths_near_edges(ranges: Iterable[Range]) -> Iterator[float]:
    """In rising order; scores are tenths, and only at an edge is the next one in other bands than the one before."""
    edges = [min(max(edge, 0.0), TOP) for one in ranges for edge in (one.low, one.high)]
    near = {round(edge * 10) + step for edge in (0.0, TOP, *edges) for step in (-1, 0, 1)}
    return (tenth / 10 for tenth in sorted(near) if 0 <= tenth <= TOP * 10)


def corners(scale: Mapping[str, float]) -> tuple[tuple[float, float], ...]:
    """The corners of a scale as written, in rising order."""
    pairs = []
    for text, points in scale.items():
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not abs(value) <= 1e12:
            raise PydanticCustomError(
                "PB503", '"{text}" is not a number', {"text": text, "hint": "write value: points"}
            )
        pairs.append((value, float(points)))
    pairs.sort()
    if len(pairs) < 2 or any(x0 == x1 for (x0, _), (x1, _) in pairwise(pairs)):
        raise PydanticCustomError("PB503", "a scale needs two different values at least", {"hint": "{ 0: 0, 10: 100 }"})
    return tuple(pairs)


def card_id(document: Document) -> str | None:
    """The id a scorecard's file claims, before the file is checked."""
    data = document.data
    name = data.get("scorecard") if isinstance(data, dict) else None
    return name if isinstance(name, str) else None


def told_by_cards(documents: Sequence[Document]) -> tuple[CatalogueField, ...]:
    """The fields that cards' roll-ups tell parents, before the files are checked: cards may read them."""
    says = "what the scores of the account's children come to, 0 to 100"
    rolling = [one for one in documents if isinstance(one.data, dict) and "rollup" in one.data]
    ids = dict.fromkeys(id_ for one in rolling if (id_ := card_id(one)) is not None)
    return tuple(CatalogueField(name=children_field(id_), type="number", says=says) for id_ in ids)


def load_scorecard(document: Document, catalogue: Catalogue) -> Scorecard:
    """A checked scorecard; raises DocumentError with all problems."""
    authored = read_model(CardDocument, document)
    reader = _Reader(document, Scope(catalogue=catalogue))
    components = tuple(reader.component(part, n) for n, part in enumerate(authored.components))
    reader.refuse_repeated([part.id for part in authored.components])
    applies_to = None
    if authored.applies_to is not None:
        applies_to = reader.expression(authored.applies_to, ("applies_to",), want="bool")
    reader.check_rollup(authored.rollup)
    if reader.problems:
        raise DocumentError(reader.problems)
    return Scorecard(
        id=authored.scorecard,
        applies_to=applies_to,
        components=tuple(part for part in components if part is not None),
        bands=tuple(Band(name=name, range=span) for name, span in authored.bands.items()),
        minimum_known=authored.minimum_known,
        rollup=authored.rollup,
    )


class _Reader:
    def __init__(self, document: Document, scope: Scope) -> None:
        self.document, self.scope = document, scope
        self.problems: list[Problem] = []

    def component(self, authored: ComponentDocument, n: int) -> Component | None:
        at: tuple[str | int, ...] = ("components", n)
        if authored.metric is not None:
            found = self._metric(authored.metric, (*at, "metric"))
        else:
            found = self.expression(authored.expr or "", (*at, "expr"))
        if found is None:
            return None
        measured = authored.scale is not None or authored.bands is not None
        if found.type not in ("number", "bool"):
            self._say(
                at,
                f"a component needs a number or a yes or no, and this is a {found.type}",
                "compare it with something",
            )
        elif (found.type == "number") != measured:
            hint = "add scale: { 0: 0, 10: 100 }" if found.type == "number" else "leave scale and bands out: yes is 100"
            self._say(at, f"a {found.type} cannot be measured so", hint)
        return Component(
            id=authored.id,
            input=found,
            scale=corners(authored.scale) if authored.scale is not None else (),
            steps=tuple((_range(text), points) for text, points in (authored.bands or {}).items()),
            weight=authored.weight,
            stale_after=authored.stale_after,
            missing=authored.missing,
        )

    def expression(self, text: str, at: tuple[str | int, ...], *, want: Any = None) -> Condition | None:
        try:
            return Condition.of(parse_expression(text, self.scope, want=want))
        except ExpressionError as error:
            self.problems += error.in_document(self.document, at)
            return None

    def _metric(self, name: str, at: tuple[str | int, ...]) -> Condition | None:
        try:
            return Condition.of(parse_expression(f"metric.{name}", self.scope, want="number"))
        except ExpressionError as error:
            self.problems += error.at(self.document.spot(at))
            return None

    def refuse_repeated(self, ids: Sequence[str]) -> None:
        for n, name in enumerate(ids):
            if name in ids[:n]:
                self._say(("components", n, "id"), f'there is another component "{name}"', "give each its own id")

    def check_rollup(self, rollup: Rollup | None) -> None:
        if rollup is not None and rollup.by is not None:
            field = self.scope.catalogue.field(rollup.by)
            if field is None or field.type != "number":
                known = [name for name, one in self.scope.catalogue.fields.items() if one.type == "number"]
                what = "not a field" if field is None else f"a {field.type}"
                self._say(
                    ("rollup", "by"),
                    f"a mean needs a number to weigh by, and {rollup.by} is {what}",
                    did_you_mean(rollup.by, known) or "write { by: account.arr }",
                )

    def _say(self, at: tuple[str | int, ...], message: str, hint: str) -> None:
        self.problems.append(Problem(code="PB503", spot=self.document.spot(at), message=message, hint=hint))
