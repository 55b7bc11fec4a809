"""Windows of these tests open off screen, unless the caller chose a display."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
