"""How often a client may: the limiter, before a view does anything."""

import functools
from collections.abc import Callable
from typing import Any

from rest_framework.request import Request

from turnout.guard.actions import admit_network
from turnout.guard.addresses import network

Handler = Callable[..., Any]


def throttled(scope: str) -> Callable[[Handler], Handler]:
    """Let each network call the view as often as the setting of this scope says."""

    def decorate(handler: Handler) -> Handler:
        @functools.wraps(handler)
        def limited(view: Any, request: Request, *args: Any, **kwargs: Any) -> Any:
            admit_network(scope, network(request.META))
            return handler(view, request, *args, **kwargs)

        return limited

    return decorate
