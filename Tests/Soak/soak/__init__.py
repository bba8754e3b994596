"""A server under a steady load for minutes or hours: what it holds must not grow. `run.py` is the
table of contents."""
