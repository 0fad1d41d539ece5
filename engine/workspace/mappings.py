"""Reads how the rows of files and of other databases become facts, and whether there is what they would tell of."""

import re
from collections.abc import Iterable, Mapping, Sequence

from engine.catalogue import Catalogue
from engine.problems import did_you_mean
from engine.workspace.document import ImportDocument, MappingDocument, WorkspaceDocument
from engine.workspace.findings import Findings
from engine.workspace.model import Cell, Import, Pull

_VIA = re.compile(r"\s*via\s+([a-z][a-z0-9_]*)\.(\S+)(?:\s+by\s+(\S+))?\s*", re.ASCII)
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "account": ("id",),
    "contact": ("id", "account"),
    "record": ("id", "account", "at"),
    "event": ("account", "at"),
    "metrics": ("account",),
}


class Mappings:
    """The imports and sources of one workspace."""

    def __init__(
        self, authored: WorkspaceDocument, catalogue: Catalogue, computed: Sequence[str], findings: Findings
    ) -> None:
        self._authored, self._catalogue, self._findings = authored, catalogue, findings
        self._computed = computed
        """Fields that are worked out, and so cannot be told."""

    def imports(self) -> tuple[Import, ...]:
        return tuple(
            made
            for name, authored in self._authored.imports.items()
            if (made := self._mapping(("imports", name), authored)) is not None
        )

    def pulls(self) -> dict[str, Pull]:
        pulls: dict[str, Pull] = {}
        for name, authored in self._authored.sources.items():
            at = ("sources", name)
            if (authored.table is None) == (authored.query is None):
                self._findings.say(at, "PB509", "a source is one table or one query", "write table: or query:")
            if authored.account is not None and _VIA.fullmatch(authored.account):
                hint = "join it in the query"
                self._findings.say((*at, "account"), "PB509", "a source finds accounts in its own rows", hint)
                continue
            mapping = self._mapping(at, authored)
            if mapping is not None:
                pulls[name] = Pull(
                    mapping=mapping,
                    address_env=authored.address_env,
                    table=authored.table or "",
                    query=(authored.query or "").rstrip("; \n"),
                    cursor=authored.cursor,
                    every=authored.every,
                    overlap=authored.overlap,
                )
        return pulls

    def _mapping(self, at: tuple[str, str], authored: MappingDocument) -> Import | None:
        makes, _, of = authored.as_.partition(" ")
        problems = len(self._findings.problems)
        if makes in ("record", "event"):
            known: Mapping[str, object] = self._catalogue.records if makes == "record" else self._catalogue.events
            if of not in known:
                hint = did_you_mean(of, known) or f"declare it under {makes}s:"
                self._findings.say((*at, "as"), "PB509", f'there is no {makes} "{of}"', hint)
        missing = [key for key in _NEEDED[makes] if getattr(authored, key) is None]
        if missing:
            self._findings.say(
                at, "PB509", f"{makes} rows need {', '.join(f'{key}:' for key in missing)}", "name the columns"
            )
        columns = authored.fields if makes in ("account", "metrics", "contact") else authored.props
        wrong = authored.props if columns is authored.fields else authored.fields
        if wrong:
            key = "fields" if wrong is authored.fields else "props"
            self._findings.say(
                (*at, key), "PB509", f"{makes} rows have no {key}", "use props: for rows, fields: for accounts"
            )
        if authored.at_end and (makes != "record" or authored.ends is None):
            self._findings.say(
                (*at, "at_end"), "PB509", "only a record with ends: has values that come at its end", "leave it out"
            )
        if len(self._findings.problems) == problems:
            self._check_columns(at, (makes, of), authored)
        if len(self._findings.problems) > problems:
            return None
        return Import(
            name=at[1],
            file=authored.file if isinstance(authored, ImportDocument) else "",
            makes=makes,
            of=of,
            account=None if authored.account is None else self._cell(authored.account, (*at, "account")),
            id=authored.id,
            at=authored.at,
            ends=authored.ends,
            fields=columns,
            at_end=authored.at_end,
        )

    def _check_columns(self, at: Sequence[str], what: tuple[str, str], authored: MappingDocument) -> None:
        makes, of = what
        known: Iterable[str]
        if makes == "account":
            known = [
                name for name in self._catalogue.fields if name.startswith("account.") and name not in self._computed
            ]
        elif makes == "metrics":
            known = [name.removeprefix("metric.") for name in self._catalogue.fields if name.startswith("metric.")]
        elif makes == "contact":
            known = ("name", "first_name", "email", "roles", "zone", "locale")
        else:
            kind = self._catalogue.records[of] if makes == "record" else self._catalogue.events[of]
            if kind.props is None:
                return
            known = list(kind.props)
        key = "fields" if makes in ("account", "metrics", "contact") else "props"
        for group, names in ((key, getattr(authored, key)), ("at_end", authored.at_end)):
            for name in names:
                if name not in known:
                    why = "it is worked out" if name in self._computed else "nothing is called so"
                    self._findings.say(
                        (*at, group, name), "PB509", f'"{name}" cannot be imported: {why}', did_you_mean(name, known)
                    )

    def _cell(self, text: str, at: Sequence[str]) -> Cell | None:
        match = _VIA.fullmatch(text)
        if match is None:
            return Cell(column=text)
        other, column, key = match[1], match[2], match[3]
        target = self._authored.imports.get(other)
        if target is None or target.id is None:
            hint = did_you_mean(other, self._authored.imports)
            self._findings.say(at, "PB509", f'there is no import "{other}" with an id:', hint)
            return None
        return Cell(column=column, via=other, key=key or target.id)
