"""Identifiers are sorted by time, and nobody makes the same one twice: not even copies of one process."""

from multiprocessing import get_context

from kit.ids import new_id

MANY = 2_000


def _some(_: int) -> list[str]:
    return [str(new_id()) for _ in range(MANY)]


def test_they_are_sorted_by_the_time_they_were_made() -> None:
    made = _some(0)
    assert made == sorted(made)
    assert {id[14] for id in made} == {"7"}


def test_copies_of_one_process_make_others() -> None:
    """Also where that one had made some: what it had left of its random numbers is not theirs."""
    own = _some(0)
    with get_context("fork").Pool(4) as copies:
        made = [id for some in copies.map(_some, range(4), chunksize=1) for id in some]
    assert len({*own, *made}) == len(own) + len(made)
    assert len({id[24:] for id in made}) == len(made), "by chance and not by the clock alone"
