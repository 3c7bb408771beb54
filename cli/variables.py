"""What is wrong with the environment's LPSE_ variables, in sentences that name them."""

from collections.abc import Mapping

from pydantic import BaseModel, ValidationError

from kit.production import unknown_variables
from kit.settings import CannotStart

__all__ = ["refuse_slips", "told"]


def refuse_slips(environment: Mapping[str, str], *models: type[BaseModel]) -> None:
    """Raises CannotStart for the first variable that none of these reads."""
    known = {f"LPSE_{name.upper()}" for model in models for name in model.model_fields}
    for slip in unknown_variables(environment, known):
        raise CannotStart(slip)


def told(error: ValidationError) -> str:
    return " ".join(_told(found["loc"], found["msg"]) for found in error.errors(include_input=False))


def _told(place: tuple[int | str, ...], why: str) -> str:
    """A refusal of a whole configuration names its settings itself."""
    why = why.removeprefix("Value error, ")
    return f"LPSE_{'.'.join(str(part) for part in place).upper()}: {why}." if place else why
