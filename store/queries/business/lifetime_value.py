"""What a customer is worth over the time it is expected to stay."""

from dataclasses import dataclass

from store.queries.business.at_risk import AtRisk
from store.queries.business.definition import Definition
from store.queries.business.retention import Retention

_YEAR = 365.0
CLV = Definition(
    id="clv",
    title="Customer lifetime value",
    says="ARR of the book divided by its customers with a known ARR, divided by the yearly logo churn: revenue, not"
    " profit, as no margin is known here. Yearly churn is that of the period, brought to 365 days as if it went on at"
    " the same pace: 1 - (1 - churn) ^ (365 / days). Where nobody left in the period there is no figure, since nothing"
    " says how long customers stay.",
)


@dataclass(frozen=True, kw_only=True)
class LifetimeValue:
    arr_per_customer: float | None
    yearly_churn: float | None
    value: float | None
    years: float | None
    """How long a customer is expected to stay."""


def lifetime_value(revenue: AtRisk, kept: Retention, days: int) -> LifetimeValue:
    paying = revenue.customers - revenue.without_arr
    each = revenue.whole / paying if paying else None
    churn = kept.churn.value
    yearly = None if churn is None else 1 - (1 - churn) ** (_YEAR / days)
    years = 1 / yearly if yearly else None
    return LifetimeValue(
        arr_per_customer=each,
        yearly_churn=yearly,
        value=each * years if each is not None and years is not None else None,
        years=years,
    )
