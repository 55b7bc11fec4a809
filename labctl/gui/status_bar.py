"""The bottom line: bench, chip, engine state, progress, time left."""

from __future__ import annotations

from PyQt6.QtWidgets import QLabel, QProgressBar, QStatusBar

_COLOURS = {
    "idle": "#4a7c59",
    "running": "#1d6fa5",
    "paused": "#9a6700",
    "aborting": "#9a6700",
    "latched": "#c4001a",
    "lost": "#c4001a",
}


class StatusBar(QStatusBar):
    """Bench name, chip, engine state, progress bar, and time left, real and on the bench."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizeGripEnabled(False)
        self.setContentsMargins(8, 2, 8, 2)
        self.bench = QLabel("no bench yet")
        self.state = QLabel("connecting")
        self.left = QLabel("")
        self.progress = QProgressBar()
        self.progress.setMinimumWidth(220)
        self.progress.setMaximumWidth(320)
        self.addWidget(self.bench)
        self.addWidget(self.state)
        self.addPermanentWidget(self.left)
        self.addPermanentWidget(self.progress)
        self.show_progress(None, 0, 0)

    def show_bench(self, bench: str, chip: str, shape: tuple[int, int]) -> None:
        """Name the bench and the chip."""
        self.bench.setText(f"{bench}  ·  chip {chip}, {shape[0]} × {shape[1]}  ·")

    def show_state(self, state: str, waiting: int = 0) -> None:
        """Name the state of the engine and how many runs wait."""
        colour = _COLOURS.get(state, "#5b6775")
        queue = f", {waiting} waiting" if waiting else ""
        self.state.setText(f'<span style="color:{colour}">● engine {state}{queue}</span>')

    def show_progress(
        self,
        run: str | None,
        done: int,
        total: int,
        eta: float | None = None,
        bench_eta: float | None = None,
        last: str = "",
    ) -> None:
        """Show how far a run is.

        Parameters
        ----------
        run
            Name of the run, None where there is none.
        done, total
            Units of the run.
        eta, bench_eta
            s left by the wall clock, and by the clock of the bench.
        last
            What became of the run before, shown where there is none now.
        """
        if run is None:
            self.progress.setRange(0, 1)
            self.progress.setValue(0)
            self.progress.setFormat(last or "no run")
            self.left.setText("")
            return
        self.progress.setRange(0, max(total, 1))
        self.progress.setValue(min(done, max(total, 1)))
        self.progress.setFormat(f"{run}  {done}/{total}")
        parts = []
        if eta is not None:
            parts.append(f"{duration(eta)} left")
        if bench_eta is not None:
            parts.append(f"{duration(bench_eta)} of bench time")
        self.left.setText("  ·  ".join(parts))


def duration(seconds: float) -> str:
    """Return a duration as people say it.

    Examples
    --------
    >>> duration(0.4), duration(75), duration(8000)
    ('< 1 s', '1 min 15 s', '2 h 13 min')
    """
    if seconds < 1.0:
        return "< 1 s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
