"""The asyncio backend: the stock tasks, futures and locks on a loop whose one step is ours."""
