"""What people and customers do while the house is being killed, and the plan it should come to all the same."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import httpx2

from tests.faults.house import House, persist
from tests.waiting import PATIENCE

_PATIENCE = 5 * PATIENCE
"""As long as a house may take to come up on a machine that has much else to do."""
SOME_TIME_AGO = datetime.now(UTC) - timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What happens to an account on purpose, and how its `talk` must therefore end."""

    outcome: str
    """Of the call."""
    news: Mapping[str, Any]
    """The fact that lets the run end."""
    early: bool
    """Told before the call is done."""
    ending: tuple[str, str]


def fate(i: int) -> Fate:
    """By the account's number."""
    outcome = "reached" if i % 2 else "no_answer"
    if i % 5 == 0:
        return Fate(outcome=outcome, news=_metric("joy", 1000.0), early=False, ending=("goal", "goal reached"))
    if i % 5 == 1:
        gone = {"kind": "account", "fields": {"account.lifecycle": "churned"}}
        return Fate(outcome=outcome, news=gone, early=False, ending=("exit", "churned"))
    return Fate(outcome=outcome, news=_metric("use", 60.0), early=i % 3 == 0, ending=("end", "all_done"))


def _metric(name: str, value: float) -> dict[str, Any]:
    return {"kind": "metric", "metric": name, "value": value, "at": SOME_TIME_AGO.isoformat()}


class Crowd:
    """Does every open task, and tells every fact, through the JSON API; asks again until it has an answer."""

    def __init__(self, house: House, keys: Sequence[str]) -> None:
        self._house = house
        self._fates = {key: fate(i) for i, key in enumerate(keys)}
        self._told: set[str] = set()
        self._done: set[int] = set()
        self.tries = 0
        self.answered: dict[int, int] = {}
        """How often a task's completion was answered with 200."""
        self.refused: list[str] = []
        self._stop = threading.Event()
        self._broke: list[Exception] = []
        self._thread = threading.Thread(target=self._live_on)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._broke:
            raise self._broke[0]

    def _live_on(self) -> None:
        try:
            self._live()
        except Exception as error:  # noqa: BLE001 - for the test's own thread
            self._broke.append(error)

    def _live(self) -> None:
        for key, one in self._fates.items():
            if one.early:
                self._tell(key, one)
        while not self._stop.wait(0.2):
            for task in persist(self._open_tasks, _PATIENCE):
                if task["id"] not in self._done and not self._stop.is_set():
                    self._complete(task)

    def _open_tasks(self) -> list[dict[str, Any]]:
        response = self._house.http.get("/api/v1/tasks", params={"limit": 500})
        return list(response.json()["items"]) if response.status_code == 200 else []

    def _complete(self, task: Mapping[str, Any]) -> None:
        one = self._fates[task["account"]]
        said = {"outcome": one.outcome if "reached" in task["outcomes"] else "done", "by": "kim"}
        response = self._insist(f"/api/v1/tasks/{task['id']}/complete", said)
        self._done.add(task["id"])
        if response.status_code == 200:
            self.answered[task["id"]] = self.answered.get(task["id"], 0) + 1
            if "reached" in task["outcomes"]:
                self._tell(task["account"], one)
        elif not (response.status_code == 409 and "withdrawn" in response.text):
            self.refused.append(response.text)

    def _tell(self, key: str, one: Fate) -> None:
        if key not in self._told:
            self._told.add(key)
            name = "key" if one.news["kind"] == "account" else "account"
            response = self._insist("/api/v1/facts", [{**one.news, name: key}])
            if response.status_code != 200 or response.json()["problems"]:
                self.refused.append(response.text)

    def _insist(self, path: str, body: Any) -> httpx2.Response:
        """As a careful client does: no answer, or one that says later, means asking the same again."""

        def ask() -> httpx2.Response:
            self.tries += 1
            response = self._house.http.post(path, json=body)
            if response.status_code >= 500:
                raise httpx2.ReadError(f"{response.status_code}: {response.text}")
            return response

        return persist(ask, _PATIENCE)
