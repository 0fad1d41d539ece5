"""One customer as the book knows it: name, people, contract, and the story nobody else sees."""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Literal

from app.book.chance import chance
from app.book.colleagues import csm_of
from app.book.names import FIRST_MORNING, HEADS, PLACES, TAILS, TRADES, Place
from app.book.stories import NEWCOMER, Mood, Story, story_of

Segment = Literal["enterprise", "mid-market", "self-serve"]

_SHARES: dict[Segment, int] = {"enterprise": 32, "mid-market": 46, "self-serve": 22}
_SEATS: dict[Segment, tuple[int, int]] = {"enterprise": (160, 900), "mid-market": (60, 260), "self-serve": (4, 25)}
_PRICE: dict[Segment, int] = {"enterprise": 276, "mid-market": 324, "self-serve": 300}
"""A seat, for a year."""


@dataclass(frozen=True, kw_only=True)
class Contact:
    """Somebody at the customer's."""

    key: str
    first_name: str
    name: str
    email: str
    role: str


@dataclass(frozen=True, kw_only=True)
class Company:
    """A customer. Dates are days of its own zone."""

    key: str
    name: str
    industry: str
    segment: Segment
    place: Place
    csm: str
    signup: date
    known: date
    """The day the CRM tells us about it: late, for some."""
    live: date
    """The day the CRM says that onboarding is over."""
    churns: date | None
    """The renewal at which it leaves."""
    seats: int
    contacts: tuple[Contact, ...]
    mood: Mood
    saturdays: bool
    """Some crews work on Saturdays."""

    @property
    def arr(self) -> int:
        return self.seats * _PRICE[self.segment]

    def renewal_after(self, day: date) -> date:
        return renewal_after(self.signup, day)


def renewal_after(signup: date, day: date) -> date:
    """The first anniversary of the signature after the day; terms are a year."""
    years = max(1, day.year - signup.year)
    found = _anniversary(signup, years)
    return found if found > day else _anniversary(signup, years + 1)


def company_names(seed: int, count: int) -> list[tuple[str, str]]:
    """So many different companies: name and industry."""
    dice = chance(seed, "names")
    words = [head + tail for head in HEADS for tail in TAILS]
    if count > len(words):
        raise ValueError(f"a book has names for {len(words)} companies; with its newcomers this one needs {count}")
    dice.shuffle(words)
    industries = [dice.choice(list(TRADES)) for _ in range(count)]
    return [(f"{word} {dice.choice(TRADES[of])}", of) for word, of in zip(words[:count], industries, strict=True)]


def established(seed: int, number: int, name: tuple[str, str], start: date) -> Company:
    """A customer from before the start; some of them signed only weeks ago."""
    key = f"acc-{number:04}"
    dice = chance(seed, key, "company")
    signup = start - timedelta(days=dice.randint(35, 900))
    story = story_of(seed, key)
    renewal = renewal_after(signup, start)
    turn = (renewal - start).days - 105 if story == "leaves" else dice.randint(-50, 72)
    turn = max(turn, 20 - (start - signup).days)  # nobody gives up before having begun
    leaves = story == "leaves" or (story in ("declining", "champion_leaves") and dice.random() < 0.4)
    return _company(
        key, name, dice, signup=signup, known=signup, story=story, turn=turn, churns=renewal if leaves else None
    )


def newcomer(seed: int, number: int, name: tuple[str, str], start: date, *, within: int) -> Company:
    """A customer that signs within so many days after the start."""
    key = f"{NEWCOMER}{number:04}"
    dice = chance(seed, key, "company")
    turn = dice.randint(1, within)
    # Most deals are in the CRM on their day; some a little ahead, some late, a few too late for a welcome.
    late = dice.choices((0, -3, 2, 5, 10), (64, 12, 12, 8, 4))[0]
    place = None
    if number == 1:
        # Where the second morning comes first somebody signs, announced the day before: the book opens with a welcome.
        turn, late, place = 1, -1, FIRST_MORNING
    signup = start + timedelta(days=turn)
    known = signup + timedelta(days=late)
    return _company(
        key,
        name,
        dice,
        signup=signup,
        known=max(known, start),
        story=story_of(seed, key),
        turn=turn,
        churns=None,
        place=place,
    )


def _company(
    key: str,
    name: tuple[str, str],
    dice: Random,
    *,
    signup: date,
    known: date,
    story: Story,
    turn: int,
    churns: date | None,
    place: Place | None = None,
) -> Company:
    segment = dice.choices(list(_SHARES), list(_SHARES.values()))[0]
    place = place or dice.choices(PLACES, [place.share for place in PLACES])[0]
    low, high = _SEATS[segment]
    base, pace, phase = dice.uniform(0.5, 0.84), dice.uniform(0.85, 1.2), dice.random()
    return Company(
        key=key,
        name=name[0],
        industry=name[1],
        segment=segment,
        place=place,
        csm=csm_of(segment, dice),
        signup=signup,
        known=known,
        live=signup + timedelta(days=dice.randint(48, 75)),
        churns=churns,
        seats=round(low * (high / low) ** dice.random()),
        contacts=_contacts(key, name[0], segment, place, dice),
        mood=Mood(story=story, base=base, turn=turn, pace=pace, phase=phase),
        saturdays=name[1] in ("Events", "Health") and dice.random() < 0.5,
    )


def _contacts(key: str, company: str, segment: Segment, place: Place, dice: Random) -> tuple[Contact, ...]:
    roles = ["champion", "admin"]
    if segment == "enterprise" or (segment == "mid-market" and dice.random() < 0.3):
        roles.append("exec")
    firsts = dice.sample(place.first_names, len(roles) + 1)
    lasts = dice.sample(place.last_names, len(roles) + 1)
    roles.append("successor")
    return tuple(
        _contact(key, company, role, first, last) for role, first, last in zip(roles, firsts, lasts, strict=True)
    )


def _contact(key: str, company: str, role: str, first: str, last: str) -> Contact:
    host = company.lower().replace(" ", "-")
    address = f"{first}.{last}@{host}.example".lower().translate(_PLAIN)
    return Contact(key=f"{key}/{role}", first_name=first, name=f"{first} {last}", email=address, role=role)


_PLAIN = str.maketrans({"æ": "ae", "ö": "o", "å": "a", "ø": "o", "é": "e"})


def _anniversary(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return day.replace(year=day.year + years, day=28)
