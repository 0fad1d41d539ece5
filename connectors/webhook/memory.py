"""The twin of a receiver for tests: it takes requests, forgets nothing, and answers as it is told."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from connectors.errors import ConnectorError
from connectors.webhook.port import Answered, Request


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What a call does instead: raise `error` before it is handed over, after that, or having been taken."""

    error: ConnectorError | Exception
    when: Literal["before", "handed_over", "taken"] = "before"


@dataclass(kw_only=True)
class MemoryCaller:
    """`taken` holds every request that arrived, in order; `answers` are used up one a call, then all is well."""

    taken: list[Request] = field(default_factory=list)
    answers: deque[Answered | Failure] = field(default_factory=deque)

    def call(self, request: Request, hand_over: Callable[[], None]) -> Answered:
        answer = self.answers.popleft() if self.answers else Answered(status=200)
        if isinstance(answer, Answered):
            hand_over()
            self.taken.append(request)
            return answer
        if answer.when != "before":
            hand_over()
        if answer.when == "taken":
            self.taken.append(request)
        raise answer.error
