"""The live process's entrance (`manage.py live`): Django as ever, but that streams stay open."""

import asyncio
import io
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from django.conf import settings
from django.core import signals
from django.core.asgi import get_asgi_application
from django.core.handlers.asgi import get_script_prefix
from django.core.handlers.base import BaseHandler
from django.http import HttpResponseBase
from django.urls import set_script_prefix

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "turnout.config.settings")
_django = get_asgi_application()

from turnout.api.hub import Follower, Hub  # noqa: E402  # needs the settings
from turnout.api.streams import EventStream  # noqa: E402
from turnout.jobs.server import begin  # noqa: E402

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Ask = Callable[[int | None], Awaitable[HttpResponseBase]]

_HEARTBEAT = 15.0
_THREADS = 4  # that let people in: each has a connection, an open stream has none
_GOODBYE = 1.0
_REFUSED = {401, 403, 404}


class Application:
    """Lets Django answer. Where the answer is a stream, it is sent, kept open, and goes on with what the hub hears."""

    def __init__(self) -> None:
        self._handler = BaseHandler()
        self._handler.load_middleware()
        self._threads = ThreadPoolExecutor(_THREADS, "stream")
        self._hub: Hub | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or go along with the server's beginning and end."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["method"] == "GET" and scope["path"].endswith(("/live/", "/stream/")):
            await self._stream(scope, receive, send)
        else:
            await _django(scope, receive, send)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        loop = asyncio.get_running_loop()

        async def ask(number: int | None) -> HttpResponseBase:
            return await loop.run_in_executor(self._threads, self._answer, scope, number)

        response = await ask(None)
        if not isinstance(response, EventStream):
            await _django.send_response(response, send)
            return
        hub = self._hub = self._hub or _hub_of_this_process()
        follower = hub.follow(response.following)
        try:
            tasks = [_gone(receive), follower.over.wait(), _talk(follower, response, send, ask)]
            await _until_one_ends(tasks)
            await asyncio.wait_for(send({"type": "http.response.body", "body": b"", "more_body": False}), _GOODBYE)
        except TimeoutError:
            pass  # who does not even read that is cut off
        finally:
            hub.leave(follower)

    def _answer(self, scope: Scope, number: int | None) -> HttpResponseBase:
        """Return Django's answer, in one of few threads; with a number, to who was let in and has read so far."""
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=type(self), scope=scope)
        request, refused = _django.create_request(scope, io.BytesIO())
        if request is None:
            return cast("HttpResponseBase", refused)
        if number is not None:
            request.goes_on = True  # type: ignore[attr-defined]  # for turnout/api/stream_tickets.py
            request.META["HTTP_LAST_EVENT_ID"] = str(number)
        response = self._handler.get_response(request)
        response.close()  # lets go of the connection; what it says it has in itself
        return response


async def _talk(follower: Follower, response: EventStream, send: Send, ask: Ask) -> None:
    """Send the answer, and then what is new, as long as its reader may know of it."""
    response.content = response.opening.encode()
    del response["Content-Length"]

    async def send_and_go_on(message: Mapping[str, Any]) -> None:
        await send({**message, "more_body": True})

    await _django.send_response(response, send_and_go_on)
    recheck, checked = settings.LIVE_RECHECK.total_seconds(), time.monotonic()
    while True:
        text = await follower.next(min(_HEARTBEAT, recheck))
        if time.monotonic() - checked >= recheck:
            if (await ask(follower.following.number)).status_code in _REFUSED:
                return
            checked = time.monotonic()
        await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _until_one_ends(waited_for: list[Any]) -> None:
    tasks = [asyncio.ensure_future(each) for each in waited_for]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _hub_of_this_process() -> Hub:
    """Return a hub that ends its streams when the server is told to stop: granian waits until they have ended.

    It has set its own handlers on the event loop by now. Those stay: Python calls ours beside them.
    """
    hub, loop = Hub(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(hub.stop))
        signal.siginterrupt(number, False)  # noqa: FBT003  # as asyncio wants it
    return hub


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


application = Application()
begin()
