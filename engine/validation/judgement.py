"""Judges a scorecard by samples: separation, churn by band and by tenth of the scores, and what each component adds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.health.scorecards import Band, rounded
from engine.validation.auc import Auc, AucDifference, auc, auc_difference
from engine.validation.rates import Rate, rate
from engine.validation.sample import Sample

TENTHS = 10
BIN = 5.0
"""How many points wide a bar of the histogram is."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Samples with similar scores."""

    name: str
    """The band, `unknown`, or the place of the tenth from 1, the lowest scores."""
    low: float | None
    high: float | None
    """The lowest and highest score in it; None without any."""
    rate: Rate
    lift: float | None
    """Its rate beside that of all samples with a score; 1 is the same."""
    captured: float | None
    """Its share, 0 to 1, of all samples with a score that were followed by leaving. None for `unknown`."""


@dataclass(frozen=True, kw_only=True)
class ComponentJudged:
    """What one component carried."""

    id: str
    weight: float
    """As the card says; the mean where its variants differ."""
    known: float
    """The share, 0 to 1, of scored samples in which its data was there."""
    auc: Auc | None
    """Of its points alone, where they are known."""
    drop: AucDifference | None
    """By how much the score separates worse without it, the others sharing its weight; below 0: better."""


@dataclass(frozen=True, kw_only=True)
class Instant:
    """The samples of one day."""

    at: datetime
    rate: Rate
    unknown: int
    auc: Auc | None


@dataclass(frozen=True, kw_only=True)
class Bar:
    """Scores from `low` on, `BIN` points wide: how many samples stayed and left."""

    low: float
    stayed: int
    churned: int


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """All there is to say of a card."""

    auc: Auc | None
    """None where nobody left or nobody stayed."""
    whole: Rate
    """All samples, those without a score too."""
    scored: Rate
    coverage: float | None
    """The share, 0 to 1, of samples that have a score; None without samples."""
    bands: tuple[Group, ...]
    """From the lowest, then `unknown`."""
    tenths: tuple[Group, ...]
    """From the lowest; equal scores stay together, so there may be fewer."""
    components: tuple[ComponentJudged, ...]
    """In the card's order."""
    instants: tuple[Instant, ...]
    histogram: tuple[Bar, ...]


def judge(samples: Sequence[Sample], bands: Sequence[Band], weights: Mapping[str, float]) -> Judgement:
    """`weights`: the card's components, in its order."""
    scored = [sample for sample in samples if sample.score is not None]
    whole, known = rate(samples), rate(scored)
    return Judgement(
        auc=auc(_scores(scored)),
        whole=whole,
        scored=known,
        coverage=len(scored) / len(samples) if samples else None,
        bands=_bands(samples, bands, known),
        tenths=_tenths(scored, known),
        components=tuple(_component(id_, weight, scored) for id_, weight in weights.items()),
        instants=_instants(samples),
        histogram=_histogram(scored),
    )


def without(sample: Sample, component: str) -> float | None:
    """The score as the other components make it; None where they bring in nothing."""
    others = [part for id_, part in sample.parts.items() if id_ != component and part.points is not None]
    counted = math.fsum(part.weight for part in others)
    if not counted:
        return None
    return rounded(math.fsum((part.points or 0.0) * part.weight for part in others) / counted)


def _scores(scored: Sequence[Sample]) -> list[tuple[int, float, bool]]:
    return [(one.account, one.score, one.churned) for one in scored if one.score is not None]


def _bands(samples: Sequence[Sample], bands: Sequence[Band], known: Rate) -> tuple[Group, ...]:
    names = [band.name for band in sorted(bands, key=lambda band: band.range.low)]
    groups = [_group(name, [one for one in samples if one.band == name], known) for name in dict.fromkeys(names)]
    unknown = [one for one in samples if one.score is None]
    return (*groups, _group("unknown", unknown, known)) if unknown else tuple(groups)


def _tenths(scored: Sequence[Sample], known: Rate) -> tuple[Group, ...]:
    ordered = sorted(scored, key=lambda one: one.score or 0.0)
    tenths: dict[int, list[Sample]] = {}
    place_of: dict[float | None, int] = {}
    for n, one in enumerate(ordered):
        tenths.setdefault(place_of.setdefault(one.score, n * TENTHS // len(ordered)), []).append(one)
    return tuple(_group(str(n), mine, known) for n, mine in enumerate(tenths.values(), 1))


def _group(name: str, mine: Sequence[Sample], known: Rate) -> Group:
    found = rate(mine)
    scores = [one.score for one in mine if one.score is not None]
    is_known = len(scores) == len(mine)
    return Group(
        name=name,
        low=min(scores, default=None),
        high=max(scores, default=None),
        rate=found,
        lift=found.value / known.value if found.value is not None and known.value else None,
        captured=found.churned / known.churned if is_known and known.churned else None,
    )


def _component(id_: str, weight: float, scored: Sequence[Sample]) -> ComponentJudged:
    having = [(one, part) for one in scored if (part := one.parts.get(id_)) is not None]
    known = [(one.account, part.points, one.churned) for one, part in having if part.known and part.points is not None]
    apart = [(one, other) for one in scored if (other := without(one, id_)) is not None]
    return ComponentJudged(
        id=id_,
        weight=weight,
        known=len(known) / len(scored) if scored else 0.0,
        auc=auc(known),
        drop=auc_difference(
            _scores([one for one, _ in apart]), [(one.account, other, one.churned) for one, other in apart]
        ),
    )


def _instants(samples: Sequence[Sample]) -> tuple[Instant, ...]:
    by_day: dict[datetime, list[Sample]] = {}
    for one in samples:
        by_day.setdefault(one.at, []).append(one)
    return tuple(
        Instant(
            at=at,
            rate=rate(mine),
            unknown=sum(one.score is None for one in mine),
            auc=auc(_scores([one for one in mine if one.score is not None])),
        )
        for at, mine in sorted(by_day.items())
    )


def _histogram(scored: Sequence[Sample]) -> tuple[Bar, ...]:
    counts = [[0, 0] for _ in range(round(100 / BIN))]
    for one in scored:
        place = min(len(counts) - 1, int((one.score or 0.0) // BIN))
        counts[place][one.churned] += 1
    return tuple(Bar(low=n * BIN, stayed=stayed, churned=left) for n, (stayed, left) in enumerate(counts))
