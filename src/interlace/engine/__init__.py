"""Decides what to run, and what to make of it. Prints nothing, imports no loop."""
