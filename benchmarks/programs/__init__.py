"""The classic bugs of async programs, each small, each with a twin in which it is fixed.

    updates.py     state that is read before an await and written after it
    waits.py       locks, notifications and queues on which somebody waits for ever
    lifetimes.py   cancellation, cleanup, reconnecting, timers
    orders.py      bugs that need several steps in one exact order, among many others
    catalogue.py   all of them, with the settings in which each is ordinarily sought

In the plain run, where everything is as fast as it can be, all of them pass.
"""
