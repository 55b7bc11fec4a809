"""What has been published for each kind of chip: bands to hold the key numbers against.

``SKY``: measured 1T1R cells of a public 130 nm process. ``READ``: measured read series of 1T1R
cells of 10-50 µS. ``LIN``: Lin et al., Nat. Comput. Sci. 5, 27 (2025), and Nat. Mach. Intell. 5,
714 (2023). ``LRS``: log-normal HRS and normal LRS of HfOx arrays, forming failures 1-7 %.
"""

from __future__ import annotations

BANDS: dict[str, dict[str, tuple[float, float]]] = {
    "hfox-1t1r": {
        "forming_median": (2.2, 3.1),
        "forming_failures": (0.0, 7.0),
        "lrs_c2c": (3.0, 5.0),
        "hrs_c2c": (0.19, 0.19),
        "read_sigma_median": (4.3, 6.0),
        "read_sigma_90": (13.0, 23.0),
        "read_white": (1.15, 1.52),
        "psd_slope": (-1.5, -1.2),
        "relaxation_reset": (10.0, 20.0),
    },
    "sky130-reram": {
        "forming_median": (2.2, 3.1),
        "forming_failures": (0.0, 1.0),
    },
    "taox-lin2025": {
        "forming_median": (3.0, 5.0),
        "read_sigma_median": (1.8, 9.2),
    },
}
"""Preset, name of a key number, lowest and highest published value in the unit of that number."""
