"""Tells what a search found. Runs nothing."""
