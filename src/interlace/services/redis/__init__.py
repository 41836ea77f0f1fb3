"""A fake Redis on the simulated network: the commands of fakeredis, bytes in and bytes out, in virtual time."""

from interlace.services.redis.fake import RedisFake

__all__ = ["RedisFake"]
