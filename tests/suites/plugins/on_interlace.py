"""Has the event loop policy make interlace's loop, for suites that ask it for theirs."""

import asyncio

import interlace


class Policy(asyncio.DefaultEventLoopPolicy):
    _loop_factory = staticmethod(interlace.new_event_loop)


asyncio.set_event_loop_policy(Policy())
