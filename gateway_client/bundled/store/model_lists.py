"""Model allow-lists, one per integration. An integration without a row allows every model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, insert, select

from gateway_client.bundled.store.schema import model_lists


@dataclass(frozen=True, slots=True)
class ModelList:
    """What an integration says of models: each by itself, and all that it does not name."""

    allow_all: bool = True
    enabled: Mapping[str, bool] = field(default_factory=dict)

    def allows(self, model: str) -> bool:
        """Tell whether a model may be used."""
        return self.enabled.get(model, self.allow_all)


def all_of_them(db: Connection) -> dict[str, ModelList]:
    """Return every list by its integration's slug."""
    rows = db.execute(select(model_lists)).mappings()
    return {row["integration"]: ModelList(row["allow_all_models"], row["models"]) for row in rows}


def find(db: Connection, integration: str) -> ModelList:
    """Return the list of an integration; one that allows everything where none was saved."""
    query = select(model_lists).where(model_lists.c.integration == integration)
    row = db.execute(query).mappings().one_or_none()
    return ModelList() if row is None else ModelList(row["allow_all_models"], row["models"])


def save(db: Connection, integration: str, models: ModelList) -> None:
    """Put a list in the place of the one before."""
    db.execute(delete(model_lists).where(model_lists.c.integration == integration))
    db.execute(
        insert(model_lists).values(
            integration=integration, allow_all_models=models.allow_all, models=dict(models.enabled)
        )
    )
