"""Triggers on a score or a metric crossing a line, dropping or rising within a window, entering or leaving a band."""

from typing import Literal

from pydantic import Field

from engine.documents.wording import DurationWords
from engine.expressions import Expression
from engine.triggers.base import Edge, TriggerCompiler, TriggerDocument
from engine.values import Condition, in_digits

Way = Literal["falls_below", "rises_above", "drops_by", "rises_by", "enters", "leaves"]


class _Threshold(TriggerDocument):
    falls_below: float | None = Field(None, description="fires when the value crosses from here or above to below")
    rises_above: float | None = Field(None, description="fires when the value crosses from here or below to above")
    drops_by: float | None = Field(None, gt=0, description="against the highest value in force `within` the window")
    rises_by: float | None = Field(None, gt=0, description="against the lowest value in force `within` the window")
    within: DurationWords | None = Field(None, description="the window of drops_by and rises_by, such as 14 days")
    rearm_at: float | None = Field(None, description="hysteresis: it must recover to this before it can fire again")
    for_: DurationWords | None = Field(
        None, alias="for", description="dwell: it must stay so this long, such as 3 days"
    )

    def _compile(self, with_: TriggerCompiler, field: str, name: str, ways: tuple[Way, ...]) -> Edge | None:
        chosen = [way for way in ways if getattr(self, way) is not None]
        if len(chosen) != 1:
            with_.problem(
                "PB301",
                f"a trigger on {name} needs exactly one of {', '.join(ways)}; found {', '.join(chosen) or 'none'}",
                hint="write one trigger for each; any of them starts the playbook",
            )
            return None
        way = chosen[0]
        if not self._fits(with_, way):
            return None
        trips, rearms, says = self._meaning(field, name, way)
        dwell = with_.duration(self.for_, "for") if self.for_ else None
        tripping, rearming = with_.condition(trips, way), with_.condition(rearms, way)
        if not isinstance(tripping, Expression) or not isinstance(rearming, Expression):
            return None
        says += f" for {dwell}" if dwell else ""
        return Edge(says=says, trips=Condition.of(tripping), rearms=Condition.of(rearming), dwell=dwell)

    def _fits(self, with_: TriggerCompiler, way: Way) -> bool:
        windowed = way in ("drops_by", "rises_by")
        if windowed and self.within is None:
            with_.problem("PB302", f"{way} needs a window", way, hint="add `within: 14 days`")
            return False
        if self.within is not None and not windowed:
            with_.problem("PB302", f"`within` means nothing beside {way}", "within", hint="use `for` for a dwell time")
            return False
        if windowed and with_.duration(self.within or "", "within") is None:
            return False
        if self.rearm_at is None:
            return True
        if way not in ("falls_below", "rises_above"):
            with_.problem("PB303", f"`rearm_at` means nothing beside {way}", "rearm_at", hint="leave it out")
            return False
        line = self.falls_below if way == "falls_below" else self.rises_above
        wrong = line is not None and (self.rearm_at < line if way == "falls_below" else self.rearm_at > line)
        if wrong and line is not None:
            side = "at or above" if way == "falls_below" else "at or below"
            with_.problem(
                "PB303",
                f"rearm_at {in_digits(self.rearm_at)} is on the wrong side",
                "rearm_at",
                hint=f"it must lie {side} {in_digits(line)}",
            )
        return not wrong

    def _meaning(self, field: str, name: str, way: Way) -> tuple[str, str, str]:
        """Condition that trips, condition that re-arms, and both in words."""
        value = getattr(self, way)
        match way:
            case "falls_below":
                return (
                    f"{field} < {in_digits(value)}",
                    f"{field} >= {in_digits(value if self.rearm_at is None else self.rearm_at)}",
                    f"{name} fell below {in_digits(value)}",
                )
            case "rises_above":
                return (
                    f"{field} > {in_digits(value)}",
                    f"{field} <= {in_digits(value if self.rearm_at is None else self.rearm_at)}",
                    f"{name} rose above {in_digits(value)}",
                )
            case "drops_by":
                drop = f"highest({field}, {self.within}) - {field}"
                return (
                    f"{drop} >= {in_digits(value)}",
                    f"{drop} < {in_digits(value)}",
                    f"{name} dropped by {in_digits(value)} within {self.within}",
                )
            case "rises_by":
                rise = f"{field} - lowest({field}, {self.within})"
                return (
                    f"{rise} >= {in_digits(value)}",
                    f"{rise} < {in_digits(value)}",
                    f"{name} rose by {in_digits(value)} within {self.within}",
                )
            case _:
                return self._band(field, name, way, value)

    def _band(self, field: str, name: str, way: Way, band: str) -> tuple[str, str, str]:
        here, away = f'{field} == "{band}"', f'{field} != "{band}"'
        return (here, away, f"{name} entered {band}") if way == "enters" else (away, here, f"{name} left {band}")


class MetricDocument(_Threshold):
    """A metric crosses a line."""

    metric: str = Field(description="a metric of tenure.yaml")

    def compile(self, with_: TriggerCompiler) -> Edge | None:
        if not with_.has_metric(self.metric):
            with_.unknown("metric", self.metric, with_.metrics(), "metric")
            return None
        ways: tuple[Way, ...] = ("falls_below", "rises_above", "drops_by", "rises_by")
        return self._compile(with_, f"metric.{self.metric}", self.metric, ways)


class ScoreDocument(_Threshold):
    """A health score crosses a line, or its band changes."""

    score: str = Field(description="a scorecard's id, such as health")
    enters: str | None = Field(None, description="a band: fires when the score enters it")
    leaves: str | None = Field(None, description="a band: fires when the score leaves it")

    def compile(self, with_: TriggerCompiler) -> Edge | None:
        range_ = with_.score_range(self.score)
        if range_ is None:
            with_.unknown("scorecard", self.score, with_.cards(), "score")
            return None
        low, high = range_
        reachable = {
            "falls_below": self.falls_below is None or low < self.falls_below <= high,
            "rises_above": self.rises_above is None or low <= self.rises_above < high,
            "rearm_at": self.rearm_at is None or low <= self.rearm_at <= high,
            "drops_by": self.drops_by is None or self.drops_by <= high - low,
            "rises_by": self.rises_by is None or self.rises_by <= high - low,
        }
        for way, can_be in reachable.items():
            if not can_be:
                hint = f"a score lies between {low:g} and {high:g}"
                line = getattr(self, way)
                with_.problem("PB304", f"{way} {in_digits(line)} can never be reached by {self.score}", way, hint=hint)
                return None
        for way in ("enters", "leaves"):
            band = getattr(self, way)
            if band is not None and band not in (with_.bands(self.score) or ()):
                with_.unknown("band", band, with_.bands(self.score) or (), way)
                return None
        banded = self.enters is not None or self.leaves is not None
        field = f"{self.score}.{'band' if banded else 'score'}"
        ways: tuple[Way, ...] = ("falls_below", "rises_above", "drops_by", "rises_by", "enters", "leaves")
        return self._compile(with_, field, self.score, ways)
