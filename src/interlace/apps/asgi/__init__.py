"""ASGI applications: uvicorn's protocols carry them, and their lifespan is that of the host they are on."""

from interlace.apps.asgi.application import AsgiApp, check_lifespan

__all__ = ["AsgiApp", "check_lifespan"]
