"""``labctl demo``: the main job, end to end, on the simulated bench."""
