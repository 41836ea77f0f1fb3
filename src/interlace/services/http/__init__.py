"""A fake web API on the simulated network: HTTP/1.1 read and framed by h11, routes, recorded calls."""

from interlace.services.http.fake import HttpFake

__all__ = ["HttpFake"]
