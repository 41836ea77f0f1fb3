"""What drives a program inside a world. Only here, and in `apps`, stands asyncio or Trio."""
