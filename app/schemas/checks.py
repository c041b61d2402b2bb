"""Types whose form carries a check: identification numbers, dates, telephone numbers, addresses."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

#: Values of VIN characters, 49 CFR 565.15 table III; the letters I, O and Q do not occur.
_VIN_VALUES = {**{str(digit): digit for digit in range(10)}}
_VIN_VALUES |= dict(zip("ABCDEFGH", range(1, 9), strict=True))
_VIN_VALUES |= dict(zip("JKLMN", range(1, 6), strict=True)) | {"P": 7, "R": 9}
_VIN_VALUES |= dict(zip("STUVWXYZ", range(2, 10), strict=True))
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_VIN_CHECK_AT = 8
_VIN_MODULUS = 11

#: The characters of a unified social credit code in the order of their values (GB 32100-2015, table 3).
_CREDIT_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_MODULUS = 31

_FIRST_DAY, _LAST_DAY = date(1990, 1, 1), date(2199, 12, 31)


def vin_check_digit(vin: str) -> str:
    """The ninth character that a VIN of 17 must have (49 CFR 565.15; GB 16735 demands the same)."""
    remainder = sum(_VIN_VALUES[c] * weight for c, weight in zip(vin, _VIN_WEIGHTS, strict=True)) % _VIN_MODULUS
    return "X" if remainder == _VIN_MODULUS - 1 else str(remainder)


def credit_code_check_character(code: str) -> str:
    """The eighteenth character of a unified social credit code that begins with these 17 (GB 32100-2015)."""
    total = sum(_CREDIT_CHARACTERS.index(c) * pow(3, place, _CREDIT_MODULUS) for place, c in enumerate(code[:17]))
    return _CREDIT_CHARACTERS[-total % _CREDIT_MODULUS]


def _upper(value: Any) -> Any:
    return value.strip().upper() if isinstance(value, str) else value


def _checked_vin(vin: str) -> str:
    if vin[_VIN_CHECK_AT] != vin_check_digit(vin):
        raise PydanticCustomError("vin_check_digit", "the ninth character is not the check digit of this VIN")
    return vin


def _checked_credit_code(code: str) -> str:
    if code[-1] != credit_code_check_character(code):
        raise PydanticCustomError("credit_code_check", "the last character does not check the others")
    return code


def _written_day(value: Any) -> Any:
    # Pydantic would read a bare number as seconds since 1970.
    if isinstance(value, str | int | float) and not _is_written_day(str(value)):
        raise PydanticCustomError("date_parsing", "a date is written YYYY-MM-DD")
    return value.strip() if isinstance(value, str) else value


def _is_written_day(text: str) -> bool:
    try:
        date.fromisoformat(text.strip())
    except ValueError:
        return False
    return "-" in text


def _bounded_day(day: date) -> date:
    if not _FIRST_DAY <= day <= _LAST_DAY:
        raise PydanticCustomError("date_out_of_range", "the year is not between 1990 and 2199")
    return day


#: Vehicle identification number of 17 characters with its check digit; small letters are taken as capitals.
Vin = Annotated[
    str,
    BeforeValidator(_upper),
    StringConstraints(pattern=r"^[A-HJ-NPR-Z0-9]{17}$"),
    AfterValidator(_checked_vin),
    Field(description="17 characters with the check digit of 49 CFR 565 and GB 16735"),
]
#: Unified social credit code (统一社会信用代码) with its check character.
CreditCode = Annotated[
    str,
    BeforeValidator(_upper),
    StringConstraints(pattern=r"^[0-9A-HJ-NP-RTUWXY]{2}[0-9]{6}[0-9A-HJ-NP-RTUWXY]{10}$"),
    AfterValidator(_checked_credit_code),
    Field(description="18 characters with the check character of GB 32100-2015"),
]
#: Nationality and registration mark of an aircraft.
RegistrationMark = Annotated[
    str, BeforeValidator(_upper), StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9-]{1,31}$"), Field(examples=["B-0001X"])
]
#: A number stamped on a thing: serial numbers, remote identification numbers.
StampedNumber = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$"), Field()
]
#: A calendar day, written YYYY-MM-DD.
Day = Annotated[date, BeforeValidator(_written_day), AfterValidator(_bounded_day)]
#: Empty where nobody said.
Phone = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=40, pattern=r"^([+0-9(][0-9 ()/-]{1,38}[0-9)])?$")
]
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^([^@\s<>\"']+@[^@\s<>\"']+\.[A-Za-z0-9-]+)?$"),
]
#: A web page: http or https only, so that a link to it can never run a script.
Website = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^(https?://[A-Za-z0-9][^\s<>\"'\\]*)?$")
]
