"""Turns syntax into a typed tree: looks up names, refuses what does not go together, and finds every fault in one go.

A part with a fault checks to None; what stands around it stays silent about it, so that nothing is reported twice.
"""

from datetime import date
from typing import Literal, cast

from engine.catalogue import Type
from engine.expressions import syntax
from engine.expressions.check_calls import CallChecking
from engine.expressions.checking import SPOKEN, family
from engine.expressions.rows import CONTACT, find_source
from engine.expressions.syntax import Name, Operation, Span, Syntax
from engine.expressions.tree import (
    AllOf,
    Among,
    AnyOf,
    Arithmetic,
    Compare,
    Comparison,
    Constant,
    Days,
    FieldValue,
    Known,
    Matches,
    Node,
    Not,
    Now,
    Prop,
    Shift,
    Today,
)
from engine.problems import did_you_mean


class Checker(CallChecking):
    """Checks one expression; afterwards `problems`, `reads` and `rows` tell what was found."""

    def check(self, part: Syntax) -> Node | None:
        match part:
            case syntax.Constant():
                return Constant(value=part.value, type=_type_of(part.value))
            case Name():
                return self._name(part)
            case Span():
                self.fault(
                    part,
                    "PB210",
                    "a duration stands only after + or - behind a date",
                    "for days as a number, write the number",
                )
                return None
            case Operation():
                return self._operation(part)
            case syntax.Call():
                return self.call(part)

    def demand(self, part: Syntax, node: Node, want: Type) -> None:
        """The whole expression must give `want`."""
        if node.type == want or (want == "text" and node.type == "choice"):
            return
        needed = "a condition, true or false," if want == "bool" else SPOKEN[want]
        hint = "compare it, for instance with >= 1" if want == "bool" and node.type == "number" else ""
        self.fault(part, "PB207", f"{needed} is needed here, this gives {SPOKEN[node.type]}", hint)

    # --- names ------------------------------------------------------------------------------------------------------

    def _name(self, name: Name) -> Node | None:
        if name.name == "today":
            return Today()
        if name.name == "now":
            return Now()
        if self.inside is not None:
            prop = self.inside.prop(name.name)
            if isinstance(prop, Prop) and not prop.built_in:
                # Where props are not declared, the first use of one decides what it holds.
                type_ = self.rows[self.inside.source].setdefault(prop.name, prop.type)
                return Prop(name=prop.name, type=type_)
            if prop is not None:
                return prop
        field = self.scope.field(name.name)
        if field is not None:
            self.reads[name.name] = field.type
            return FieldValue(name=name.name, type=field.type)
        if self.inside is not None and ("." not in name.name or name.name.startswith(f"{self.inside.source}.")):
            self.fault(name, "PB209", f'{self.inside.source} has no prop "{name.name}"', self.inside.nearest(name.name))
        elif find_source(name.name, self.scope.catalogue) is not None:
            asked = name.name.split(".")[0] == CONTACT
            how = 'any(contact where roles contains "champion")' if asked else f"last({name.name})"
            self.fault(name, "PB208", f"{name.name} has many values", f"say which, for instance with {how}")
        else:
            self.fault(name, "PB202", f'unknown field "{name.name}"', self.scope.nearest(name.name))
        return None

    def _options(self, node: Node) -> tuple[str, ...]:
        if isinstance(node, FieldValue):
            field = self.scope.field(node.name)
            return field.options if field else ()
        if isinstance(node, Prop) and self.inside is not None:
            return self.inside.options(node.name)
        return ()

    # --- operators --------------------------------------------------------------------------------------------------

    def _operation(self, part: Operation) -> Node | None:
        match part.sign:
            case "and" | "or":
                conditions = [self.condition(each, part.sign) for each in part.parts]
                known = tuple(node for node in conditions if node is not None)
                if len(known) < len(conditions):
                    return None
                return AllOf(parts=known) if part.sign == "and" else AnyOf(parts=known)
            case "not":
                inner = self.condition(part.parts[0], "not")
                return None if inner is None else Not(part=inner)
            case "is known" | "is unknown":
                item = self.check(part.parts[0])
                if item is None:
                    return None
                return Known(part=item) if part.sign == "is known" else Not(part=Known(part=item))
            case "in" | "not in":
                return self._among(part)
            case "contains" | "starts_with":
                return self._matching(part)
            case "+" | "-" if len(part.parts) == 2:
                return self._sum(part)
            case "-":
                return self._negative(part)
            case "*" | "/":
                return self._arithmetic(part, self.check(part.parts[0]), self.check(part.parts[1]))
            case _:
                return self._compare(part)

    def _matching(self, part: Operation) -> Node | None:
        holding: tuple[Type, ...] = ("text", "choice", "tags") if part.sign == "contains" else ("text", "choice")
        left, right = self.of_types(part.parts[0], holding), self.of_types(part.parts[1], ("text", "choice"))
        if left is None or right is None:
            return None
        if _is_roles(left):
            return self._has_role(part, left, right)
        return Matches(way="contains" if part.sign == "contains" else "starts_with", left=left, right=right)

    def _compare(self, part: Operation) -> Node | None:
        if self._compares_days_with_span(part):
            return None
        left, right = self.check(part.parts[0]), self.check(part.parts[1])
        if left is None or right is None or not self._comparable(part.parts[1], left, right):
            return None
        if _is_roles(left) or _is_roles(right):
            self._roles_fault(part)
            return None
        if left.type == "tags":
            self.fault(part, "PB204", "sets of tags are not compared", 'ask for one: account.tags contains "at-risk"')
            return None
        ordered = part.sign not in ("==", "!=")
        if ordered and (left.type == "bool" or "choice" in (left.type, right.type)):
            self.fault(part, "PB204", f"{SPOKEN[left.type]} has no order", "use ==, != or in")
            return None
        if not self._is_option(part.parts[1], left, right) or not self._is_option(part.parts[0], right, left):
            return None
        return Compare(sign=cast("Comparison", part.sign), left=left, right=right)

    def _compares_days_with_span(self, part: Operation) -> bool:
        span = next((each for each in part.parts if isinstance(each, Span)), None)
        if span is None:
            return False
        hint = f"the difference of two dates is a number of days: compare it with {span.amount:g}"
        self.fault(span, "PB210", "a duration cannot be compared", hint)
        return True

    def _comparable(self, at: Syntax, left: Node, right: Node) -> bool:
        if family(left.type) == family(right.type):
            return True
        if {left.type, right.type} == {"date", "instant"}:
            hint = "take date(…) of the instant, or compare with today instead of now"
        elif {"date", "text"} == {left.type, right.type}:
            hint = "write a date without quotes, such as 2026-03-01"
        elif {"number", "text"} == {left.type, right.type} and isinstance(right, Constant):
            hint = "write a number without quotes and a text with them"
        else:
            hint = ""
        self.fault(at, "PB204", f"{SPOKEN[left.type]} cannot be compared with {SPOKEN[right.type]}", hint)
        return False

    def _is_option(self, at: Syntax, choice: Node, word: Node) -> bool:
        """A choice is compared only with words it can hold, or the comparison would silently never be true."""
        options = self._options(choice) if choice.type == "choice" else ()
        if not options or not isinstance(word, Constant) or word.value in options:
            return True
        self.fault(at, "PB205", f'"{word.value}" is not among the options', did_you_mean(str(word.value), options))
        return False

    def _among(self, part: Operation) -> Node | None:
        item = self.check(part.parts[0])
        if item is not None and _is_roles(item):
            self._roles_fault(part)
            return None
        options: list[Constant] = []
        sound = True
        for each in part.parts[1:]:
            option = self.check(each)
            if option is not None and not isinstance(option, Constant):
                self.fault(each, "PB204", "a list holds fixed values only", "join comparisons with or instead")
                sound = False
            elif option is None or item is None:
                sound = False
            elif self._comparable(each, item, option) and self._is_option(each, item, option):
                options.append(option)
            else:
                sound = False
        if not part.parts[1:]:
            self.fault(part, "PB201", "the list is empty", "put at least one value in it")
            return None
        if item is None or not sound:
            return None
        among = Among(part=item, options=tuple(options))
        return among if part.sign == "in" else Not(part=among)

    def _has_role(self, part: Operation, roles: Node, role: Node) -> Node | None:
        if part.sign != "contains" or not isinstance(role, Constant) or not role.value or "," in str(role.value):
            self._roles_fault(part)
            return None
        # Between commas, so that "admin" is not found in "billing-admin".
        return Matches(way="contains", left=roles, right=Constant(value=f",{role.value},", type="text"))

    def _roles_fault(self, part: Operation) -> None:
        self.fault(part, "PB204", "a contact may have several roles", 'write roles contains "champion"')

    # --- numbers and dates ------------------------------------------------------------------------------------------

    def _negative(self, part: Operation) -> Node | None:
        inner = self.of_types(part.parts[0], ("number",))
        if isinstance(inner, Constant) and isinstance(inner.value, float):
            return Constant(value=-inner.value, type="number")
        zero = Constant(value=0.0, type="number")
        return None if inner is None else Arithmetic(sign="-", left=zero, right=inner)

    def _sum(self, part: Operation) -> Node | None:
        first, second = part.parts
        left = self.check(first)
        if isinstance(second, Span):
            return None if left is None else self._shift(part, left, second)
        right = self.check(second)
        if left is None or right is None:
            return None
        if part.sign == "-" and left.type == right.type and left.type in ("date", "instant"):
            return Days(since=right, until=left)
        if right.type == "number" and left.type in ("date", "instant"):
            self.fault(second, "PB204", "a number cannot be added to a date", "say its unit, such as 60 days")
            return None
        return self._arithmetic(part, left, right)

    def _arithmetic(self, part: Operation, left: Node | None, right: Node | None) -> Node | None:
        if left is None or right is None:
            return None
        for each, node in zip(part.parts, (left, right), strict=True):
            if node.type != "number":
                self.fault(each, "PB204", f"{part.sign} takes numbers, this is {SPOKEN[node.type]}", "")
                return None
        match part.sign:
            case "+" | "-" | "*" | "/":
                return Arithmetic(sign=part.sign, left=left, right=right)
        return None

    def _shift(self, part: Operation, moment: Node, span: Span) -> Node | None:
        by = self.duration(span)
        if by is None:
            return None
        if moment.type == "date" and by.unit in ("minutes", "hours"):
            self.fault(span, "PB210", f"{by.unit} cannot be added to a date", "use days or more")
        elif moment.type == "instant" and by.unit in ("months", "years"):
            self.fault(
                span, "PB210", f"{by.unit} cannot be added to an instant", "take date(…) of it, or use days or weeks"
            )
        elif moment.type not in ("date", "instant"):
            self.fault(part.parts[0], "PB204", f"a duration is added to dates, this is {SPOKEN[moment.type]}", "")
        else:
            type_: Literal["date", "instant"] = "date" if moment.type == "date" else "instant"
            return Shift(part=moment, by=-by if part.sign == "-" else by, type=type_)
        return None


def _type_of(value: object) -> Type:
    match value:
        case bool():
            return "bool"
        case str():
            return "text"
        case date():
            return "date"
        case _:
            return "number"


def _is_roles(node: Node) -> bool:
    return isinstance(node, Prop) and node.built_in and node.name == "roles"
