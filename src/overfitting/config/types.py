"""Types of configuration values. They are strict: "3" is not 3, and true is not 1."""

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

CHECKED = ConfigDict(extra="forbid", use_attribute_docstrings=True)  # of the schema's classes

SMALLEST, LARGEST = 1e-37, 3e38  # of the numbers besides 0 that float32 holds in full precision


def _in_float32(value: float) -> float:
    if value and not SMALLEST <= abs(value) <= LARGEST:
        raise ValueError(f"expected 0 or a number of a size between {SMALLEST} and {LARGEST}, as float32 holds them")
    return value


Integer = Annotated[int, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Real = Annotated[float, Field(strict=True, allow_inf_nan=False), AfterValidator(_in_float32)]
Count = Annotated[Integer, Field(gt=0, lt=2**40)]
Units = Annotated[Integer, Field(gt=0, le=2**16)]
Seed = Annotated[Integer, Field(ge=0, lt=2**31)]
Rows = Annotated[Integer, Field(ge=0, lt=2**40)]
Factor = Annotated[Real, Field(ge=0, le=1e6)]
Share = Annotated[Real, Field(ge=0, le=0.9999)]
Positive = Annotated[Real, Field(gt=0)]
Name = Annotated[str, Field(min_length=1)]
