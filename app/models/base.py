"""The declarative base: constraint names, column types and the enum-by-value convention."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, TypeVar

from sqlalchemy import BigInteger, Enum, Integer, LargeBinary, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

_E = TypeVar("_E", bound=StrEnum)

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

#: 64-bit key; SQLite numbers rows by itself only under the exact type INTEGER.
Key = BigInteger().with_variant(Integer, "sqlite")

AutoKey = Annotated[int, mapped_column(Key, primary_key=True)]
Milliseconds = Annotated[int, mapped_column(BigInteger)]
#: Of the change that made a row. Indexed: a worker reads what changed since it last looked.
Generation = Annotated[int, mapped_column(BigInteger, index=True)]
PublicId = Annotated[str, mapped_column(String(64))]
Name = Annotated[str, mapped_column(String(200))]
Prose = Annotated[str, mapped_column(Text)]
Bytes = Annotated[bytes, mapped_column(LargeBinary)]
#: A detail that may be left empty.
Text200 = Annotated[str, mapped_column(String(200), default="", server_default="")]

#: `info` of columns that never leave the database: not in the audit log, not in an answer.
SECRET: dict[Any, Any] = {"secret": True}


class Base(DeclarativeBase):
    """Base of all models. Models hold constraints and no business rules.

    Times are integer milliseconds UTC in columns named `*_ms`, as in the samples themselves.
    """

    metadata = MetaData(naming_convention=NAMING)


def by_value(kind: type[_E], name: str) -> Enum:
    """A column type that stores a StrEnum by value, checked by a constraint `name` in the database."""
    return Enum(
        kind,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=32,
        values_callable=lambda members: [member.value for member in members],
    )


class Versioned:
    """A row that people edit: of two who change it at once, the second is told (app.database)."""

    version: Mapped[int] = mapped_column(Integer, server_default="1")

    @declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        """SQLAlchemy raises the version with each change and compares it."""
        return {"version_id_col": cls.version}
