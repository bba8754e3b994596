"""Programs from Debian that are not installed (scripts/lib/debian.sh unpacks them)."""

import os
from pathlib import Path

from .stubs import ROOT


def unpacked() -> Path:
    """The folder that has usr/sbin."""
    cache = Path(os.environ.get("PROGRESSOR_CACHE", ROOT / ".cache"))
    named = os.environ.get("PROGRESSOR_DEBIAN")
    folders = [Path(named)] if named else [p.parent for p in cache.glob("debian-*/complete")]
    assert folders, "programs from Debian are not there: scripts/test contract fetches them"
    return folders[-1]


def libraries() -> Path:
    """The folder of what they load beside the system's."""
    return next(unpacked().glob("usr/lib/*-linux-gnu"))
