"""The simulated world of one run. Nothing here knows an event loop."""
