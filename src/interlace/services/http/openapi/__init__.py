"""Contracts of OpenAPI: answers out of their examples and schemas, and a check of what is asked."""

from interlace.services.http.openapi.contract import Contract
from interlace.services.http.openapi.document import load

__all__ = ["Contract", "load"]
