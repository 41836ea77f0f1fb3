"""Whole applications on a host of the world, with tasks of their own."""
