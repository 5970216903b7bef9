"""Types of configuration values. They are strict: "3" is not 3, and true is not 1."""

from typing import Annotated

from pydantic import ConfigDict, Field

CHECKED = ConfigDict(extra="forbid", use_attribute_docstrings=True)  # of the schema's classes

Integer = Annotated[int, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Real = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Count = Annotated[Integer, Field(gt=0)]
Seed = Annotated[Integer, Field(ge=0, lt=2**31)]
Rows = Annotated[Integer, Field(ge=0)]
Factor = Annotated[Real, Field(ge=0)]
Share = Annotated[Real, Field(ge=0, lt=1)]
Positive = Annotated[Real, Field(gt=0)]
Name = Annotated[str, Field(min_length=1)]
