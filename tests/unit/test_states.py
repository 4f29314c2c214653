"""The table of a worker's life."""

import pytest

from polydoor import states


def test_every_state_of_the_table_can_be_reached_and_left_for_an_end():
    reached = {states.STARTING} | {to for moves in states.MOVES.values() for to in moves}
    assert reached == set(states.MOVES)
    ends = {state for state, moves in states.MOVES.items() if not moves}
    assert ends == {states.EXITED, states.FATAL}


def test_wrong_move_is_our_own_mistake():
    state = states.WorkerState()
    with pytest.raises(AssertionError, match="from starting to exited"):
        state.move(states.EXITED)
    assert state.now == states.STARTING
