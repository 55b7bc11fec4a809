"""Campaigns: ordered, resumable lists of procedures, from a TOML file or a Python script."""

from __future__ import annotations

from labctl.campaign.check import Checked, check_file, check_plan
from labctl.campaign.forecast import Row, total
from labctl.campaign.loading import load_plan
from labctl.campaign.paper import PaperArray
from labctl.campaign.plan import Plan, Step
from labctl.campaign.record import Record, folders
from labctl.campaign.running import resume_campaign, run_campaign
from labctl.campaign.script import Campaign

__all__ = [
    "Campaign",
    "Checked",
    "PaperArray",
    "Plan",
    "Record",
    "Row",
    "Step",
    "check_file",
    "check_plan",
    "folders",
    "load_plan",
    "resume_campaign",
    "run_campaign",
    "total",
]
