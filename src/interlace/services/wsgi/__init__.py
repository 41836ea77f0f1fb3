"""WSGI applications (PEP 3333), asked in threads by the same conversation that a fake web API has."""

from interlace.services.wsgi.application import WsgiApp

__all__ = ["WsgiApp"]
