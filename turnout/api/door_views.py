"""What all views of the door share."""

from rest_framework.views import APIView

from turnout.api.auth import AT_THE_DOOR
from turnout.api.permissions import AtTheDoor


class DoorView(APIView):
    """What all views of the door share: for the event's team, and its paired devices."""

    permission_classes = (AtTheDoor,)
    authentication_classes = AT_THE_DOOR
