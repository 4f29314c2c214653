"""An `async def` handler: what it awaits runs on one asyncio loop beside the threads."""

import asyncio

from polydoor.asyncwsgi import from_async, sync_adapter


async def tick(count):
    """Blocks of a response, each sent before the next is made."""
    for number in range(count):
        await asyncio.sleep(0.1)
        yield f"{number}\n".encode()


async def handler(environ):
    """Status, headers, and blocks."""
    async with asyncio.timeout(5):
        first, second = await asyncio.gather(asyncio.sleep(0.1, "one"), asyncio.sleep(0.1, "two"))
    if environ["PATH_INFO"] == "/ticks":
        return "200 OK", [("Content-Type", "text/plain")], tick(5)
    return "200 OK", [("Content-Type", "text/plain")], [f"{first} and {second}\n".encode()]


application = sync_adapter(from_async(handler))
