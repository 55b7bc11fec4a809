"""The last wall: an object of the host that reached a script by mistake gives nothing away."""

from __future__ import annotations

import pytest

from tests.sim.rig import Rig


@pytest.mark.parametrize("name", ["__class__", "secret", "tell"])
def test_leaked_object_has_no_attribute(rig: Rig, name: str) -> None:
    class Leak:
        secret = 42

        def tell(self) -> int:
            return self.secret

    rig.world.box("smu").host._lua.globals()["_G"]["leaked"] = Leak()  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="access denied"):  # a fault of the host's own
        rig.smu.write(f"found = leaked.{name}")
    assert rig.smu.query("print(found)") == "nil"
