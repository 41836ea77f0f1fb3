"""Fakes of callables: of functions, and of objects such as repositories, with the signatures of what they stand for."""

from interlace.services.callables.fakes import make_fake

__all__ = ["make_fake"]
