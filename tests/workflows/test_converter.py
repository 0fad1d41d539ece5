"""What travels to Temporal and back: as Pydantic writes it, by converters that learn a type once for all."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter

from engine.turns.runtime import Receipt
from workflows.converter import DATA_CONVERTER
from workflows.wire import Begin


def _another() -> DataConverter:
    """As Temporal makes one for each run."""
    return DataConverter(payload_converter_class=DATA_CONVERTER.payload_converter_class)


def test_a_value_travels_as_pydantic_writes_it():
    begin = Begin(
        run_id=7, account="acme", at=datetime(2026, 3, 29, 1, 30, tzinfo=UTC), virtual=True, position={"a": 1}
    )
    receipt = Receipt(outcome="done", values={"mails": [1, 2]}, reason="")
    written = DATA_CONVERTER.payload_converter.to_payloads([begin, receipt, None])
    assert written == pydantic_data_converter.payload_converter.to_payloads([begin, receipt, None])
    assert _another().payload_converter.from_payloads(written, [Begin, Receipt, type(None)]) == [begin, receipt, None]


def test_the_next_runs_converter_knows_a_type_already():
    learned: list[Any] = []

    @dataclass
    class Parcel:
        @classmethod
        def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
            learned.append(source)
            return core_schema.no_info_plain_validator_function(lambda _: cls())

    for _ in range(3):
        converter = _another().payload_converter
        assert converter.from_payloads(converter.to_payloads([{}]), [Parcel]) == [Parcel()]
    assert len(learned) == 1
