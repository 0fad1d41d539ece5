"""How what travels between Tenure and Temporal becomes JSON: as Pydantic writes it."""

from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import CompositePayloadConverter, DataConverter

# Temporal makes a converter for every run and for every turn of one. Those of its own learn our types anew, each for
# itself: that takes as long as all of a turn's statements.
_shared = tuple(PydanticPayloadConverter().converters.values())


class _Converter(CompositePayloadConverter):
    """One of many that know together what one of them has learned."""

    def __init__(self) -> None:
        super().__init__(*_shared)


DATA_CONVERTER = DataConverter(payload_converter_class=_Converter)
