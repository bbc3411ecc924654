"""The naive build's two addresses."""

from __future__ import annotations

from django.urls import path

from benchmarks.naive.shop.views import ReservationView, WebhookView

urlpatterns = [
    path("webhooks/<slug:code>/", WebhookView.as_view()),
    path("api/reservations/", ReservationView.as_view()),
]
