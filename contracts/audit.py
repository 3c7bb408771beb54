"""What audit's auditors read about events on their way: what operators did to them, so that nothing is given up unseen.

Any service tells of its own letters; the names say whose matter it is.
"""

from kit.letters import LetterDiscarded, LetterRetried

__all__ = ["LetterDiscarded", "LetterRetried"]
