"""The words of expressions and templates for people: a line and an example each; tests hold them to what there is."""

from collections.abc import Mapping

OPERATORS: Mapping[str, tuple[str, str]] = {
    "==": ("equal; text by code point", 'account.segment == "enterprise"'),
    "!=": ("not equal", 'account.lifecycle != "churned"'),
    "<": ("less; of dates, earlier", "health.score < 60"),
    "<=": ("less or equal", "health.score <= 60"),
    ">": ("greater; of dates, later", "account.arr > 25000"),
    ">=": ("greater or equal", "account.arr >= 25000"),
    "in": ("one of these values", 'account.segment in ["enterprise", "mid-market"]'),
    "not in": ("none of these values", 'account.segment not in ["self-serve"]'),
    "contains": ("a text within a text", 'account.name contains "GmbH"'),
    "starts_with": ("a text at the beginning of a text", 'account.name starts_with "The "'),
    "is known": ("there is a value", "account.renewal_date is known"),
    "is unknown": ("there is no value", "account.renewal_date is unknown"),
    "and": ("both; false beside unknown is false", "health.score < 60 and account.arr > 25000"),
    "or": ("one of them, or both; true beside unknown is true", "health.score < 60 or account.arr > 25000"),
    "not": ("the contrary; unknown stays unknown", 'not (account.segment == "self-serve")'),
    "+": ("sum; a date and a duration", "account.renewal_date + 60 days > today"),
    "-": ("difference; a date less a duration; days between two dates", "account.renewal_date - today < 90"),
    "*": ("product", "account.arr * 0.8 > 20000"),
    "/": ("quotient; by zero it is unknown", "account.arr / 12 > 2000"),
    "where": ("of rows: those alone for which it holds", "sum(subscription.arr where active)"),
    "today": ("the date in the account's zone", "account.renewal_date > today"),
    "now": ("this instant", "health.since < now - 30 days"),
    "true": ("the value yes", "account.vip == true"),
    "false": ("the value no", "account.vip == false"),
}
"""Everything between and beside names and values."""

FUNCTIONS: Mapping[str, str] = {
    "abs": "abs(metric.nps - 5) > 2",
    "round": "round(account.arr / 1000) > 25",
    "min": "min(account.arr, 100000) > 25000",
    "max": "max(metric.nps, 0) > 5",
    "coalesce": 'coalesce(account.segment, "self-serve") == "enterprise"',
    "lower": 'lower(account.country) == "de"',
    "len": "len(account.name) > 3",
    "date": "date(now) == today",
    "days_until": "days_until(account.renewal_date) < 90",
    "days_since": "days_since(account.signup_date) > 30",
    "next_anniversary": "next_anniversary(account.signup_date) == today",
}
"""An example of each function; what it gives is said where it is made."""

OVER_TIME: Mapping[str, tuple[str, str]] = {
    "highest": ("the highest value in force within the window", "highest(health.score, 14 days) - health.score > 15"),
    "lowest": ("the lowest value in force within the window", "health.score - lowest(health.score, 14 days) > 15"),
    "trend": (
        "how much a value has changed a day, on average, within the window",
        "trend(health.score, 30 days) < -0.5",
    ),
}

OVER_ROWS: Mapping[str, tuple[str, str]] = {
    "count": ("how many rows there are; of none, 0", "count(event.login, 30 days)"),
    "sum": ("all values together; of none, 0", "sum(subscription.arr where active)"),
    "avg": ("the mean; of none, unknown", "avg(ticket.satisfaction, 90 days)"),
    "min": ("the smallest value of the rows", "min(subscription.start where active)"),
    "max": ("the greatest value of the rows", "max(subscription.end)"),
    "last": ("the value of the latest row", "last(event.login.device)"),
    "count_distinct": ("how many different values there are", "count_distinct(event.login.device, 90 days)"),
    "any": ("whether it holds for one row at least", "any(ticket.escalated where open)"),
    "all": ("whether it holds for every row", "all(ticket.satisfaction >= 3, 90 days)"),
}

FILTERS: Mapping[str, tuple[str, str]] = {
    "default": ("another value where there is none", '{{ account.arr | default("unknown") }}'),
    "upper": ("in capitals", "{{ account.country | upper }}"),
    "lower": ("in small letters", "{{ account.name | lower }}"),
    "title": ("every word with a capital", "{{ account.name | title }}"),
    "capitalize": ("the first letter as a capital", "{{ account.name | capitalize }}"),
    "round": ("rounded half up, to so many digits", "{{ health.score | round(1) }}"),
    "int": ("without its decimals", "{{ health.score | int }}"),
    "number": ("a number with thousands set apart", "{{ account.arr | number(0) }}"),
    "money": ("an amount with its currency", '{{ account.arr | money("EUR") }}'),
    "date": ("a date as people read it", '{{ account.renewal_date | date("short") }}'),
}
