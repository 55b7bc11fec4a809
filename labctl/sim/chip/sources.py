"""Where the numbers of the chip come from."""

from __future__ import annotations

SOURCES = {
    "DAL": "Dalgaty et al., Nat. Electron. 4, 151 (2021): over 16 384 HfO2 1T1R cells, conductance "
    "after SET is a power law of the SET current, and its relative spread falls with it.",
    "END": "Chen et al., IEEE Trans. Electron Devices 59, 3243 (2012) and Balatti et al., IEEE "
    "Trans. Electron Devices 62, 3365 (2015): HfO2 cells endure 1e6 to 1e10 cycles, fewer the "
    "harder each pulse moves ions; the window narrows before they fail, mostly as shorts.",
    "LIN": "Lin et al., Nat. Comput. Sci. 5, 27 (2025), doi:10.1038/s43588-024-00744-y: TaOx/HfOx "
    "1T1R chips of 4 096 cells, 2-20 µS; their read noise is a Laplace law, and 0.04 % of the "
    "cells are stuck.",
    "MODEL": "A choice of this model, not a measured quantity.",
    "READ": "Measured read series of 1T1R cells of 10-50 µS: sigma/G over 2 000 reads has a median "
    "of 4.3-6.0 % and a 90th percentile of 13-23 %; white part 1.0-1.5 %; slope of the spectrum "
    "-1.2 to -1.5; relaxation after RESET +10 to +20 % at 2 000 reads.",
    "RET": "Retention of HfO2 cells in the hourglass model, Microelectron. Eng. (2017), "
    "doi:10.1016/j.mee.2017.04.032: loss of the low-resistive state is diffusion with the "
    "activation energy of switching; published values run from 1.2 to 1.6 eV.",
    "SKY": "SkyWater Technology, documentation of the cell library sky130_fd_pr_reram, chapter "
    "Technology Specifications: HfO2 1T1R cells of a public 130 nm process: below 0.1 µS pristine; "
    "1 µs pulses form them at 2.2-3.1 V (mean 2.5 V, above 99 %), to 30-120 µS.",
    "TEL": "Wu et al., IEEE Electron Device Lett. 38, 1019 (2017); Yao et al., Nature 577, 641 "
    "(2020): HfOx 1T1R cells with a thermally enhanced layer SET and RESET gradually under "
    "identical pulses, because heat spreads over many weak filaments.",
    "VCM": "Larentis et al., IEEE Trans. Electron Devices 59, 2468 (2012); Jiang et al., IEEE "
    "Trans. Electron Devices 63, 1884 (2016): field-lowered, Joule-heated ion hopping with a sinh "
    "current law, windowed towards both ends.",
}
"""Full reference of each short name."""
