"""Real processes under faults, and a checker that knows only what clients and the processor saw.

`python -m torture` (scripts/torture) runs it; `run.py` is the table of contents."""
