"""Addresses: admin, API, health and metrics. The webhook door is not here: see api/front.py."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from inventory_sync.api import health
from inventory_sync.api.metrics import metrics
from inventory_sync.console.acknowledging import acknowledge

urlpatterns = [
    path("", RedirectView.as_view(url="/admin/", permanent=False)),
    path("admin/", admin.site.urls),
    path("acknowledge/<str:token>/", acknowledge, name="acknowledge"),
    path("api/v1/", include("inventory_sync.api.v1.urls")),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("metrics", metrics, name="metrics"),
]

handler400 = "inventory_sync.api.errors.bad_request"
handler403 = "inventory_sync.api.errors.permission_denied"
handler404 = "inventory_sync.api.errors.not_found"
handler500 = "inventory_sync.api.errors.server_error"
