"""How well a score separated the accounts that left from those that stayed: pure statistics over dated samples."""

from engine.validation.judgement import ComponentJudged, Group, Instant, Judgement, judge
from engine.validation.outcome import CHURNED, Outcome, outcome_of
from engine.validation.sample import Part, Sample

__all__ = [
    "CHURNED",
    "ComponentJudged",
    "Group",
    "Instant",
    "Judgement",
    "Outcome",
    "Part",
    "Sample",
    "judge",
    "outcome_of",
]
