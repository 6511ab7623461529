"""Webhooks: of an event, for its owner and managers, and of all one's own events."""

from collections.abc import Callable
from typing import Any, ClassVar, TypedDict
from uuid import UUID

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from turnout.api.fields import TextField, read
from turnout.api.idempotency import IDEMPOTENCY_KEY, idempotent, idempotent_after
from turnout.api.permissions import Facilitator, SignedIn, actor_of, caller
from turnout.events.policies import Right
from turnout.events.queries import find_for
from turnout.notifications.webhooks import actions
from turnout.notifications.webhooks.limits import admit_request, checked_url
from turnout.notifications.webhooks.models import KINDS, LONGEST_URL, MORE_KINDS, Attempt, Delivery, Webhook
from turnout.notifications.webhooks.queries import find, find_delivery, with_log

_EVENTS = f"`{'`, `'.join([*KINDS, *MORE_KINDS])}`. Empty: the first {len(KINDS)} of these, and what joins them."


class Whose(TypedDict, total=False):
    """Whose webhooks: an event's or an account's."""

    topic: UUID
    account: UUID


class WebhookSerializer(serializers.ModelSerializer[Webhook]):
    """An address that is told what happens."""

    url = serializers.CharField()
    events = serializers.ListField(child=serializers.CharField(), source="kinds", help_text=_EVENTS)
    enabled = serializers.SerializerMethodField()
    failing_since = serializers.DateTimeField(
        allow_null=True, help_text="The first failure after the last success. After three days it is switched off."
    )
    previous_secret_until = serializers.DateTimeField(
        source="previous_until", allow_null=True, help_text="Until then the secret before signs, too."
    )

    class Meta:
        model = Webhook
        fields: ClassVar = [
            "id",
            "url",
            "label",
            "events",
            "enabled",
            "disabled_at",
            "disabled_reason",
            "failing_since",
            "previous_secret_until",
            "created_at",
        ]

    def get_enabled(self, webhook: Webhook) -> bool:
        """Whether anything is sent to it."""
        return webhook.disabled_at is None


class WebhookWithSecretSerializer(WebhookSerializer):
    """The same with its secret, which is shown this once."""

    secret = serializers.CharField(help_text="`whsec_` and base64: what signatures are verified with.")

    class Meta(WebhookSerializer.Meta):
        fields: ClassVar = [*WebhookSerializer.Meta.fields, "secret"]


class NewWebhookSerializer(serializers.Serializer[Any]):
    """An address to tell."""

    url = serializers.CharField(max_length=LONGEST_URL, help_text="`https`, and public.")
    events = serializers.ListField(
        child=serializers.CharField(max_length=60), source="kinds", default=list, max_length=100, help_text=_EVENTS
    )
    label = TextField(max_length=100)  # type: ignore[assignment]  # a field, not the property


class ChangeWebhookSerializer(NewWebhookSerializer):
    """What of it may change; all of it may be left out."""

    enabled = serializers.BooleanField(required=False)


class AttemptSerializer(serializers.ModelSerializer[Attempt]):
    """One request, and what came of it."""

    status = serializers.IntegerField(allow_null=True, help_text="Of the answer; null where there was none.")
    answer = serializers.CharField(help_text="Its first 1,000 characters.")

    class Meta:
        model = Attempt
        fields: ClassVar = ["at", "status", "error", "duration_ms", "answer"]


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    """Something the webhook was told, or is to be told, and its last ten attempts."""

    id = serializers.UUIDField(help_text="The `webhook-id` of every attempt.")
    type = serializers.CharField(source="kind")
    timestamp = serializers.DateTimeField(source="at", help_text="When it happened.")
    state = serializers.ChoiceField(Delivery.State.choices)
    next_attempt_at = serializers.SerializerMethodField()
    attempts = AttemptSerializer(source="log", many=True)

    class Meta:
        model = Delivery
        fields: ClassVar = ["id", "type", "timestamp", "subject", "state", "next_attempt_at", "sent_at", "attempts"]

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_next_attempt_at(self, delivery: Delivery) -> Any:
        """When it is tried next, at the soonest."""
        is_due = delivery.state == Delivery.State.DUE
        return serializers.DateTimeField().to_representation(delivery.due_at) if is_due else None


class DeliveriesFilter(filters.FilterSet):
    """Which of what it was told."""

    state = filters.ChoiceFilter(choices=Delivery.State.choices)


class WebhookViews(generics.GenericAPIView[Any]):
    """What all views here share: whose webhooks they are about. Anybody else's are unknown."""

    queryset: QuerySet[Any] = Webhook.objects.none()  # tells the schema of which model the ids are

    def whose(self, request: Request, event_id: UUID | None) -> Whose:
        """Return whose, to whom may ask."""
        if event_id is None:
            return {"account": caller(request).pk}
        return {"topic": find_for(Right.EDIT, request.user, event_id).pk}

    def found(self, request: Request, event_id: UUID | None, pk: UUID) -> Webhook:
        """Return one of them."""
        return find(Webhook.objects.filter(**self.whose(request, event_id)), pk)


def _asked(_view: Any, request: Request) -> dict[str, Any]:
    """Return what is to be added; the name in the address is resolved, which may take a while."""
    fields = read(NewWebhookSerializer(data=request.data))
    return {**fields, "url": checked_url(fields["url"], actor=actor_of(request))}


class WebhooksView(WebhookViews):
    """All of them."""

    problems: ClassVar = {"get": (403,), "post": (409, 429)}

    @extend_schema(responses={200: WebhookSerializer(many=True)})
    def get(self, request: Request, event_id: UUID | None = None) -> Response:
        """Show them, the newest first."""
        rows = self.paginate_queryset(Webhook.objects.filter(**self.whose(request, event_id))) or []
        return self.get_paginated_response(WebhookSerializer(rows, many=True).data)

    @extend_schema(
        request=NewWebhookSerializer, responses={201: WebhookWithSecretSerializer}, parameters=[IDEMPOTENCY_KEY]
    )
    def post(self, request: Request, event_id: UUID | None = None) -> Response:
        """Add an address, and show its secret, this once. An address that is not public is 400 `not_public`."""
        self.whose(request, event_id)  # before anything is resolved, and again where the answer is a kept one
        return _with_secret(self._add(request, event_id=event_id))

    @idempotent_after(_asked)
    def _add(self, request: Request, fields: dict[str, Any], event_id: UUID | None) -> Response:
        webhook = actions.add(**fields, **self.whose(request, event_id), actor=actor_of(request))
        return Response(WebhookSerializer(webhook).data, status=201)


class WebhookView(WebhookViews):
    """One of them."""

    problems: ClassVar = {"get": (403,), "patch": (429,), "delete": (403,)}

    @extend_schema(responses={200: WebhookSerializer})
    def get(self, request: Request, pk: UUID, event_id: UUID | None = None) -> Response:
        """Show it."""
        return Response(WebhookSerializer(self.found(request, event_id, pk)).data)

    @extend_schema(request=ChangeWebhookSerializer(partial=True), responses={200: WebhookSerializer})
    def patch(self, request: Request, pk: UUID, event_id: UUID | None = None) -> Response:
        """Change what is sent. What is owed to one that is switched off is stopped, and can be sent again."""
        webhook = self.found(request, event_id, pk)
        fields = read(ChangeWebhookSerializer(data=request.data, partial=True))
        if "url" in fields:
            fields["url"] = checked_url(fields["url"], actor=actor_of(request))
        return Response(WebhookSerializer(actions.change(webhook, fields, actor=actor_of(request))).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: UUID, event_id: UUID | None = None) -> Response:
        """Remove it, with its log."""
        actions.remove(self.found(request, event_id, pk), actor=actor_of(request))
        return Response(status=204)


class RotateView(WebhookViews):
    """Its secret."""

    @extend_schema(request=None, responses={200: WebhookWithSecretSerializer}, parameters=[IDEMPOTENCY_KEY])
    def post(self, request: Request, pk: UUID, event_id: UUID | None = None) -> Response:
        """Give it a new secret, shown this once. For a day there are two signatures, by the one before as well."""
        self.found(request, event_id, pk)  # again where the answer is a kept one
        return _with_secret(self._rotate(request, pk=pk, event_id=event_id))

    @idempotent
    def _rotate(self, request: Request, pk: UUID, event_id: UUID | None) -> Response:
        webhook = actions.rotate(self.found(request, event_id, pk), actor=actor_of(request))
        return Response(WebhookSerializer(webhook).data)


class TestView(WebhookViews):
    """Whether it works."""

    problems: ClassVar = {"post": (409, 429)}

    @extend_schema(request=None, responses={201: DeliverySerializer}, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, pk: UUID, event_id: UUID | None = None) -> Response:
        """Send it a `webhook.test`, once, in a moment; its log says how it went."""
        webhook = self.found(request, event_id, pk)
        admit_request(webhook)
        return _shown(actions.send_test(webhook, actor=actor_of(request)), status=201)


class DeliveriesView(WebhookViews):
    """Its log."""

    queryset = Delivery.objects.none()
    filterset_class = DeliveriesFilter
    problems: ClassVar = {"get": (403,)}

    @extend_schema(responses={200: DeliverySerializer(many=True)})
    def get(self, request: Request, pk: UUID, event_id: UUID | None = None) -> Response:
        """Show what it was told in the last 30 days and is to be told, the newest first, and how each attempt went."""
        log: QuerySet[Delivery] = self.filter_queryset(self.found(request, event_id, pk).deliveries.all())
        rows = self.paginate_queryset(with_log(log)) or []
        return self.get_paginated_response(DeliverySerializer(rows, many=True).data)


class ReplayView(WebhookViews):
    """Something it was told."""

    queryset = Delivery.objects.none()
    problems: ClassVar = {"post": (409, 429)}

    @extend_schema(request=None, responses={200: DeliverySerializer}, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, webhook_id: UUID, pk: UUID, event_id: UUID | None = None) -> Response:
        """Send it again, with the same `webhook-id`. Not while it is still to be sent: 409 `delivery_due`."""
        webhook = self.found(request, event_id, webhook_id)
        admit_request(webhook)
        return _shown(actions.replay(find_delivery(webhook, pk), actor=actor_of(request)))


def _with_secret(response: Response) -> Response:
    """Add the secret to an answer, which is kept without it where the request has an Idempotency-Key."""
    kept: dict[str, Any] = response.data
    webhook = find(Webhook.objects.all(), UUID(kept["id"]))
    return Response({**kept, "secret": webhook.secret}, status=response.status_code)


def _shown(delivery: Delivery, status: int = 200) -> Response:
    row = with_log(Delivery.objects.filter(pk=delivery.pk)).get()
    return Response(DeliverySerializer(row).data, status=status)


def addresses(start: str, whose: str, permission: type[SignedIn]) -> list[URLPattern]:
    """Return the views' addresses, beginning like this, for the webhooks of an event or of an account."""

    def view(base: type[WebhookViews], **names: str) -> Callable[..., HttpResponseBase]:
        own: Any = type(base.__name__, (base,), {"__doc__": base.__doc__, "permission_classes": (permission,)})
        named = {method: extend_schema(operation_id=f"{whose}_{name}") for method, name in names.items()}
        as_view: Callable[..., HttpResponseBase] = extend_schema_view(**named)(own).as_view()
        return as_view

    one = f"{start}<uuid:pk>/"
    return [
        path(start, view(WebhooksView, get="webhooks_list", post="webhooks_add")),
        path(one, view(WebhookView, get="webhooks_retrieve", patch="webhooks_change", delete="webhooks_remove")),
        path(f"{one}rotate/", view(RotateView, post="webhooks_rotate")),
        path(f"{one}test/", view(TestView, post="webhooks_test")),
        path(f"{one}deliveries/", view(DeliveriesView, get="webhooks_deliveries")),
        path(f"{start}<uuid:webhook_id>/deliveries/<uuid:pk>/replay/", view(ReplayView, post="webhooks_replay")),
    ]


urlpatterns = [
    *addresses("events/<uuid:event_id>/webhooks/", "event", SignedIn),
    *addresses("webhooks/", "account", Facilitator),
]
