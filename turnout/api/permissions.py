"""Who may call an endpoint at all. What they may see there is `visible_to`."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class DenyAll(BasePermission):
    """The default: an endpoint that names no permission is closed."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Refuse."""
        return False


class SignedIn(BasePermission):
    """Whoever is signed in."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell."""
        return request.user.is_authenticated
