"""Addresses of /api/v1/. An item's code stands last, for it may hold slashes."""

from django.urls import path

from inventory_sync.api.v1 import (
    cases,
    channels,
    explain,
    history,
    reservations,
    schema,
    schemas,
    stock,
    telling,
)

app_name = "v1"

urlpatterns = [
    path("items", stock.ItemsView.as_view(), name="items"),
    path("items/<path:sku>", stock.ItemView.as_view(), name="item"),
    path("locations", stock.LocationsView.as_view(), name="locations"),
    path("locations/<str:code>", stock.LocationView.as_view(), name="location"),
    path("stock-levels", stock.LevelsView.as_view(), name="stock-levels"),
    path("stock-levels/<str:location>/<path:sku>", stock.LevelView.as_view(), name="stock-level"),
    path("channels", channels.ChannelsView.as_view(), name="channels"),
    path(
        "channels/<str:connection>/availability",
        channels.AvailabilityListView.as_view(),
        name="availability-list",
    ),
    path(
        "channels/<str:connection>/availability/<path:sku>",
        channels.AvailabilityView.as_view(),
        name="availability",
    ),
    path("explain", explain.ExplainView.as_view(), name="explain"),
    path("deliveries", history.DeliveriesView.as_view(), name="deliveries"),
    path("deliveries/<int:delivery>", history.DeliveryView.as_view(), name="delivery"),
    path("orders", history.OrdersView.as_view(), name="orders"),
    path("orders/<int:order>", history.OrderView.as_view(), name="order"),
    path("orders/<str:channel>/<str:reference>", history.NamedOrderView.as_view(), name="named-order"),
    path("reservations", reservations.ReservationsView.as_view(), name="reservations"),
    path(
        "reservations/<str:channel>/<str:reference>",
        reservations.ReservationView.as_view(),
        name="reservation",
    ),
    path("cases", cases.CasesView.as_view(), name="cases"),
    path("cases/groups", cases.GroupsView.as_view(), name="case-groups"),
    path("cases/retry", cases.RetryView.as_view(), name="retry-cases"),
    path("cases/<int:case>", cases.CaseView.as_view(), name="case"),
    path("cases/<int:case>/<str:act>", cases.ActView.as_view(), name="case-act"),
    path("retry-runs/<int:run>", cases.RunView.as_view(), name="retry-run"),
    path("retry-runs/<int:run>/lines", cases.RunLinesView.as_view(), name="retry-run-lines"),
    path("retry-runs/<int:run>/cancel", cases.CancelRunView.as_view(), name="cancel-retry-run"),
    path("routes", telling.RoutesView.as_view(), name="routes"),
    path("problems/<str:code>", schema.ProblemView.as_view(), name="problem"),
    path("schemas", schemas.SchemasView.as_view(), name="event-schemas"),
    path("schemas/<str:name>/<int:version>", schemas.EventSchemaView.as_view(), name="event-schema"),
    path("openapi.json", schema.DocumentView.as_view(), name="schema"),
    path("docs/", schema.PageView.as_view(url_name="v1:schema"), name="docs"),
]
