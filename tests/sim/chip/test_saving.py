"""A chip on file goes on exactly where it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.errors import StoreError
from labctl.sim.chip import Chip
from tests.sim.chip.probe import FREE, RESET, SET, formed_chip, lines, read, rest, stress

ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["set", "reset", "read", "wait", "half"]),
        st.tuples(st.integers(0, 2), st.integers(0, 1)),
    ),
    min_size=1,
    max_size=12,
)


def act(chip: Chip, actions: list[tuple[str, tuple[int, int]]]) -> list[float]:
    seen = []
    for name, cell in actions:
        lines(chip, cell)
        if name == "set":
            stress(chip, SET, 1e-3)
        elif name == "reset":
            stress(chip, RESET, 1e-3)
        elif name == "read":
            seen.append(read(chip))
        elif name == "wait":
            chip.elapse(3.7)
        else:  # leave a stress on: the file may be written in the middle of a pulse
            chip.drive(np.array([RESET.gate, 0.0, RESET.source, 0.0]), FREE)
            chip.elapse(1e-4)
    return seen


@settings(max_examples=40, deadline=None)
@given(first=ACTIONS, second=ACTIONS, seed=st.integers(0, 2**64 - 1))
def test_a_chip_saved_in_the_middle_goes_on_bit_for_bit(tmp_path_factory, first, second, seed):
    path = tmp_path_factory.getbasetemp() / "chip.npz"
    chip = formed_chip(3, 2, seed)
    act(chip, first)
    chip.save(path)
    twin = Chip.load(path)
    assert (chip.time, chip.seed, chip.preset) == (twin.time, twin.seed, twin.preset)
    for c in (chip, twin):
        c.elapse(2e-4)
    assert act(chip, second) == act(twin, second)
    for name in ("conductance", "formed", "pulses", "stress"):
        np.testing.assert_array_equal(getattr(chip, name), getattr(twin, name))


def saved(folder: Path) -> Path:
    path = folder / "chip.npz"
    formed_chip(2, 2, 5).save(path)
    return path


def test_saving_leaves_one_file_and_replaces_it(tmp_path):
    path = saved(tmp_path)
    saved(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("keep", [0, 1, 100, 0.5, 0.97])
def test_a_file_cut_short_is_refused(tmp_path, keep):
    path = saved(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: int(keep if keep >= 1 or keep == 0 else keep * len(data))])
    with pytest.raises(StoreError, match=r"chip\.npz"):
        Chip.load(path)


def test_a_damaged_byte_is_refused(tmp_path):
    path = saved(tmp_path)
    data = bytearray(path.read_bytes())
    where = data.index(b"state.npy") + 400
    data[where] ^= 0x40
    path.write_bytes(data)
    with pytest.raises(StoreError, match="damaged"):
        Chip.load(path)


def test_another_version_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("labctl.sim.chip.saving.VERSION", 99)
    path = saved(tmp_path)
    monkeypatch.undo()
    with pytest.raises(StoreError, match="version 99"):
        Chip.load(path)


def test_a_missing_file_and_a_missing_folder_are_named(tmp_path):
    with pytest.raises(StoreError, match="nothere"):
        Chip.load(tmp_path / "nothere.npz")
    chip = formed_chip(1, 1, 5)
    with pytest.raises(StoreError, match="nofolder"):
        chip.save(tmp_path / "nofolder" / "chip.npz")


def test_a_chip_taken_out_of_the_drawer_has_relaxed(tmp_path):
    chip = formed_chip(8, 8, 5)
    for _ in range(10):
        stress(chip, RESET)
    path = tmp_path / "chip.npz"
    chip.save(path)
    later = Chip.load(path)
    rest(later, 30 * 86400.0)
    assert np.median(later.conductance / chip.conductance) > 1.0
