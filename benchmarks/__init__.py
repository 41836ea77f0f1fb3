"""What interlace finds, and what it costs: `python -m benchmarks [name...]`."""
