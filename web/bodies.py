"""What may come in: strict JSON, and text that every table can hold."""

from collections.abc import Callable, Collection, Coroutine, Iterator
from typing import Annotated, Any

from fastapi import Path, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import AfterValidator, StringConstraints
from pydantic_core import from_json

from engine.problems import did_you_mean
from web.auditing import note_change
from web.problems import Refusal
from web.repeats import once

LARGE_BODY = 16 * 1024 * 1024
EVENTS_BODY = 8 * 1024 * 1024
"""Ten thousand events of a mail provider and more."""
REPLY_BODY = 30 * 1024 * 1024
"""What mail servers pass on at most, attachments included."""
SMALL_BODY = 64 * 1024

RowId = Annotated[int, Path(ge=1, le=2**63 - 1)]


def _storable(text: str) -> str:
    if any(letter == "\x00" or "\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("text must not contain NUL characters or halves of surrogate pairs")
    return text


def _word(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return text


Line = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(_storable), AfterValidator(_word)
]
"""A key, name or word: needed and short."""
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4_000), AfterValidator(_storable)]
Text = Annotated[str, StringConstraints(max_length=16_000), AfterValidator(_storable)]
"""A longer text, such as the body of a mail."""
Typed = Annotated[str, StringConstraints(max_length=2_000)]
"""A password or an address, as it was typed."""
Filter = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(_storable)]
"""A query parameter; empty means: not filtered."""


class StrictJson(Request):
    """JSON as the standard has it: no NaN, no Infinity, bounded depth."""

    async def json(self) -> Any:
        try:
            return from_json(await self.body(), allow_inf_nan=False)
        except ValueError as error:
            what_to_do = "Send JSON as RFC 8259 has it: UTF-8, without NaN or Infinity."
            raise Refusal(400, "Not JSON", f"The body is not JSON: {error}.", what_to_do) from error


class StrictRoute(APIRoute):
    """A route of the API: body and parameters are read strictly, and what it changes is recorded."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        known = frozenset(_parameters(self.dependant))

        async def strictly(request: Request) -> Response:
            strict = StrictJson(request.scope, request.receive)
            _refuse_unknown(strict, known)

            async def carry_out() -> Response:
                response = await handle(strict)
                await note_change(strict, response)
                return response

            return await once(strict, carry_out)

        return strictly


def _parameters(dependant: Dependant) -> Iterator[str]:
    """What an address, and whatever it depends on, takes behind its question mark."""
    yield from (one.alias for one in dependant.query_params)
    for one in dependant.dependencies:
        yield from _parameters(one)


def _refuse_unknown(request: Request, known: Collection[str]) -> None:
    """A filter whose name is mistyped must not be answered with everything."""
    unknown = next((name for name in request.query_params if name not in known), None)
    if unknown is not None:
        hint = did_you_mean(unknown, known) or "this address takes none"
        detail = f'There is no parameter "{unknown[:200]}" here; nothing was looked at or changed.'
        raise Refusal(422, "Unknown parameter", detail, f"Leave it out, or correct it: {hint}")
