"""The tables of what lives for a while."""

import pytest

from polydoor import states

TABLES = {name: table for name, table in vars(states).items() if name.endswith("_MOVES")}


@pytest.mark.parametrize("name", TABLES)
def test_every_state_of_a_table_can_be_reached_and_left_for_an_end(name):
    table = TABLES[name]
    reached = {states.STARTING} | {to for moves in table.values() for to in moves}
    assert reached == set(table)
    ends = {state for state, moves in table.items() if not moves}
    assert ends == ({states.EXITED, states.FATAL} if name == "WORKER_MOVES" else {states.EXITED})


def test_wrong_move_is_our_own_mistake():
    state = states.worker_state()
    with pytest.raises(AssertionError, match="a worker cannot go from starting to exited"):
        state.move(states.EXITED)
    assert state.now == states.STARTING
