"""Make the golden runs of the present format: ``python -m tests.store.golden``.

Once per format, before it is first used: what is there is never made again, for the point of it is
that runs of all times can be opened.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import labctl
from labctl.paths import simulated_bench
from labctl.store.format import FORMAT

HERE = Path(__file__).parent
DYING = """
import os, sys
from labctl.store import Column, RunWriter
columns = {
    "time": Column("float64", "s", "bench time"), "row": Column("int8", "", "word line"),
    "current": Column("float32", "A"), "ok": Column("bool"), "note": Column("str", "", "free text"),
}
writer = RunWriter.create(sys.argv[1], "cycle", {"chip": "die-7"}, {"cells": columns})
nan = float("nan")
writer.append("cells", time=0.5, row=-3, current=nan, ok=True, note="Ω größer")
writer.append("cells", time=[1.0, 1.5], row=[1, 2], current=[1e-6, -2e-6], ok=False, note="")
writer.unit_done(0, 1.5)
writer.flush()
os._exit(9)
"""


def main() -> None:
    """Make a run that finished and one whose process died, and note what is in them."""
    target = HERE / f"format-{FORMAT}"
    if target.exists():
        sys.exit(f"{target} is there, and stays as it is.")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        bench = Path(folder) / "bench.toml"
        bench.write_text(simulated_bench().read_text(encoding="utf-8"), encoding="utf-8")
        with labctl.Bench.open(bench) as opened:
            labctl.run("form", opened, cells="0,0..1", data=Path(folder) / "before")
            run = labctl.run("program", opened, cells="0,0..1", target=60, seed=7, data=data)
        run.tag("good")
        subprocess.run([sys.executable, "-c", DYING, str(data)], check=False)
        for found in labctl.runs(data):
            place = target / found.path.name
            shutil.copytree(found.path, place)
            # Nothing of the machine it was made on.
            text = (place / "run.json").read_text(encoding="utf-8")
            meta = json.loads(text.replace(folder, "/home/lab/desk"))
            meta["process"]["host"] = "bench-pc"
            if "environment" in meta:
                meta["environment"] |= {"user": "lab", "command": ["labctl"]}
            text = json.dumps(meta, indent=1)
            text = re.sub(r'"/[^"\s]*?/((?:drivers|procedures)/\w+\.py)"', r'"/home/lab/\1"', text)
            (place / "run.json").write_text(text, encoding="utf-8")
            frames = {t: found.frame(t).to_dict("list") for t in found.tables}
            expected = {"status": found.status.value, "frames": frames}
            (place / "expected.json").write_text(json.dumps(expected, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
