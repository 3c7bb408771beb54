"""What we do when another service's event arrives: the registry needs nobody's."""

from typing import Final

from kit.inbox import Reaction

REACTIONS: Final[tuple[Reaction, ...]] = ()
