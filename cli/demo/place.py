"""The directory of one run: several may play at once."""

import os
import time
from pathlib import Path

from cli.mistakes import Mistake

__all__ = ["place_of_this_run"]


def place_of_this_run(folder: Path) -> Path:
    place = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    try:
        (place / "work").mkdir(parents=True)
    except OSError as error:
        raise Mistake(f"{place} cannot be made: {error.strerror}. Name another directory with --var.") from error
    return place
