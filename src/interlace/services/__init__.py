"""Fake services: bytes in, bytes out, no tasks of their own."""
