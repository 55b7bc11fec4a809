import numpy as np
import pytest

from labctl.gui.cell_states import FAILED, READ, UNREAD, CellStates


def rows(**columns):
    return {name: np.asarray(values) for name, values in columns.items()}


def test_the_last_row_of_a_cell_counts():
    states = CellStates((2, 3))
    states.add(
        rows(time=[0.0, 1.0, 2.0], row=[0, 1, 0], col=[2, 1, 2], conductance=[1.0, 2.0, 3.0])
    )
    assert states.conductance[0, 2] == 3.0
    assert states.conductance[1, 1] == 2.0
    assert states.state.tolist() == [[UNREAD, UNREAD, READ], [UNREAD, READ, UNREAD]]


@pytest.mark.parametrize("verdict", [{"flag": [1]}, {"formed": [False]}, {"ok": [False]}])
def test_flag_formed_and_ok_mark_a_failed_cell(verdict):
    states = CellStates((1, 1))
    states.add(rows(row=[0], col=[0], conductance=[np.nan], **verdict))
    assert states.state[0, 0] == FAILED


def test_a_pulse_stored_with_the_verdict_does_not_undo_it():
    states = CellStates((1, 1))
    states.add(rows(time=[5.0], row=[0], col=[0], conductance=[1e-7], formed=[False]))
    states.add(rows(time=[5.0], row=[0], col=[0], conductance=[1e-7]))
    assert states.state[0, 0] == FAILED


def test_an_older_row_of_another_table_does_not_win():
    states = CellStates((1, 1))
    states.add(rows(time=[5.0], row=[0], col=[0], conductance=[2e-6], flag=[0]))
    states.add(rows(time=[4.0], row=[0], col=[0], conductance=[9e-6]))
    assert states.conductance[0, 0] == 2e-6


def test_another_run_keeps_what_is_known_but_starts_its_own_count():
    states = CellStates((1, 2))
    states.add(rows(time=[100.0], row=[0], col=[0], conductance=[2e-6]))
    states.begin_run()
    states.add(rows(time=[1.0], row=[0], col=[1], conductance=[3e-6]))
    assert states.conductance.tolist() == [[2e-6, 3e-6]]
    assert states.in_run.tolist() == [[False, True]]
    states.add(rows(time=[2.0], row=[0], col=[0], conductance=[4e-6]))
    assert states.conductance[0, 0] == 4e-6


def test_transitions_show_the_conductance_after_the_pulse():
    states = CellStates((1, 1))
    states.add(rows(time=[1.0], row=[0], col=[0], before=[1e-6], after=[8e-6], flag=[0]))
    assert states.conductance[0, 0] == 8e-6


def test_tables_of_other_things_and_cells_off_the_chip_are_left_out():
    states = CellStates((2, 2))
    assert states.add(rows(step=[1, 2], loss=[0.1, 0.2])) == 0
    assert states.add(rows(row=[-1, 0, 2], col=[0, 0, 0], conductance=[1.0, 2.0, 3.0])) == 1
    assert np.isnan(states.conductance[1]).all()


def test_forgetting_leaves_nothing():
    states = CellStates((1, 1))
    states.add(rows(row=[0], col=[0], conductance=[1.0]))
    states.forget()
    assert states.state[0, 0] == UNREAD
    assert np.isnan(states.conductance[0, 0])
