"""Compares what clients were promised with what is there in the end. Nothing here knows how the
server works."""
