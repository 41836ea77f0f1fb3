"""What is replaced together with the clocks while code under test runs."""

from interlace.backends.aio.controls import CONTROLS
from interlace.backends.aio.elders import POOLS
from interlace.backends.aio.foreign import DOORS_OF_OTHERS
from interlace.backends.aio.lookups import LOOKUPS
from interlace.backends.aio.polls import POLLS
from interlace.backends.aio.ranked import RANKS
from interlace.backends.aio.tlssocket import TLS_SOCKETS
from interlace.backends.aio.whosesocket import SOCKETS

COMPANIONS = (SOCKETS, TLS_SOCKETS, POLLS, CONTROLS, RANKS, POOLS, LOOKUPS, DOORS_OF_OTHERS)
