"""The widgets of one page look their authors up in one batch; any widget may be closed meanwhile."""

import asyncio

from aiodataloader import DataLoader

AUTHORS = {"Dune": "Herbert", "Emma": "Austen", "Ulysses": "Joyce"}


class Catalogue(DataLoader):
    cache = False

    async def batch_load_fn(self, titles):
        await asyncio.sleep(0.002)
        return [AUTHORS[title] for title in titles]


async def main():
    catalogue = Catalogue()
    shown = {}

    async def widget(title):
        shown[title] = await catalogue.load(title)

    widgets = [asyncio.create_task(widget(title), name=title) for title in AUTHORS]
    _, empty = await asyncio.wait(widgets, timeout=1)
    assert not empty, "closing one widget left others without an answer"
    assert all(shown[title] == AUTHORS[title] for title in shown)
