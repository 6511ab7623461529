"""How often a client may: the limiter, before a view does anything."""

import functools
from collections.abc import Callable
from typing import Any

from django.conf import settings
from rest_framework.request import Request

from turnout.guard.actions import Claim, admit
from turnout.guard.addresses import network

Handler = Callable[..., Any]


def throttled(scope: str) -> Callable[[Handler], Handler]:
    """Let each network call the view as often as the setting of this scope says."""

    def decorate(handler: Handler) -> Handler:
        @functools.wraps(handler)
        def limited(view: Any, request: Request, *args: Any, **kwargs: Any) -> Any:
            admit(Claim(scope, network(request.META), settings.THROTTLES[scope]))
            return handler(view, request, *args, **kwargs)

        return limited

    return decorate
