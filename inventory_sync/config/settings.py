"""All settings, read from the environment by typed readers. docs/settings.md explains every name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inventory_sync.console.theme import UNFOLD as UNFOLD
from inventory_sync.domain.freshness import objectives
from inventory_sync.support import env, logs

BASE_DIR = Path(__file__).resolve().parent.parent.parent

DEBUG = env.flag("DEBUG", False)
SECRET_KEY = env.text("SECRET_KEY")
ALLOWED_HOSTS = env.listing("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1],testserver")
CSRF_TRUSTED_ORIGINS = env.listing("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "inventory_sync.audit",
    "inventory_sync.cases",
    "inventory_sync.access",
    "inventory_sync.connections",
    "inventory_sync.catalog",
    "inventory_sync.ledger",
    "inventory_sync.availability",
    "inventory_sync.propagation",
    "inventory_sync.workflows",
    "inventory_sync.intake",
    "inventory_sync.pipeline",
    "inventory_sync.console",
    "inventory_sync.api",
]

# One line per connector: the platform finds it by this path and imports no connector itself.
CONNECTORS = {
    "woocommerce": "connectors.woocommerce.connector",
    "till": "connectors.till.connector",
    "odoo": "connectors.odoo.connector",
}

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "inventory_sync.api.middleware.CorrelationMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "inventory_sync.config.urls"
ASGI_APPLICATION = "inventory_sync.config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {
    "default": {
        **env.database("DATABASE_URL"),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 5,
            "application_name": env.text("SYNC_PROCESS", "inventory_sync"),
        },
        "TEST": {"NAME": env.text("TEST_DATABASE_NAME", "test_inventory_sync")},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
FORMAT_MODULE_PATH = ["inventory_sync.console.wording"]

LOGIN_URL, LOGIN_REDIRECT_URL = "/admin/login/", "/admin/"

STATIC_URL = "static/"
STATIC_ROOT = env.text("STATIC_ROOT", "") or None
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.flag("SECURE_COOKIES", False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.flag("BEHIND_PROXY", False) else None
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "inventory_sync.api.v1.authentication.ApiKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["inventory_sync.api.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "inventory_sync.api.errors.problem",
    "COERCE_DECIMAL_TO_STRING": True,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Inventory sync",
    "DESCRIPTION": "Stock levels, availability per channel, and what came in.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"persistAuthorization": False, "supportedSubmitMethods": ["get"]},
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "inventory_sync.api.reserve.openapi.add_door",
        "inventory_sync.api.v1.schema.add_problems",
    ],
    "ENUM_NAME_OVERRIDES": {
        "ItemKind": "inventory_sync.catalog.models.Item.Kind",
        "LocationKind": "inventory_sync.catalog.models.Location.Kind",
        "LocationMode": "inventory_sync.catalog.models.Location.Mode",
        "ConnectionState": "inventory_sync.connections.models.Connection.State",
        "DeliveryState": "inventory_sync.intake.models.Delivery.State",
        "ReservationState": "inventory_sync.ledger.models.Reservation.State",
        "ListingState": "inventory_sync.propagation.models.Listing.State",
    },
}

# Named by its path: the rooms below config do not import it.
CELERY_APP = "inventory_sync.config.celery"
BROKER_URL = env.text("BROKER_URL", "redis://127.0.0.1:6379/0")
FLOWER_URL = env.text("FLOWER_URL", "http://127.0.0.1:5555/ops/flower/")

# The server that mails go out by; without one no route may use e-mail.
EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER, EMAIL_HOST_PASSWORD, EMAIL_USE_SSL, EMAIL_USE_TLS = env.mail_server(
    env.text("EMAIL_URL", "")
)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", "Inventory sync <inventory-sync@localhost>")

# Our own knobs, the unit in the name.
INVENTORY_SYNC: dict[str, Any] = {
    "SECRETS_KEY": env.text("SYNC_SECRETS_KEY"),
    "HUB_URL": env.text("SYNC_HUB_URL", "http://127.0.0.1:8000"),
    "ENVIRONMENT": env.text("SYNC_ENVIRONMENT", "development"),
    "METRICS_TOKEN": env.text("SYNC_METRICS_TOKEN", ""),
    "EGRESS_ALLOWED_HOSTS": env.listing("SYNC_EGRESS_ALLOWED_HOSTS"),
    "DOOR_MAX_BODY_BYTES": env.integer("SYNC_DOOR_MAX_BODY_BYTES", 1_048_576, low=1024),
    "DOOR_GROUP_ROWS": env.integer("SYNC_DOOR_GROUP_ROWS", 256, low=1),
    "DOOR_GROUP_WAIT_MS": env.integer("SYNC_DOOR_GROUP_WAIT_MS", 3, low=0),
    "RESERVE_GROUP_WAIT_MS": env.integer("SYNC_RESERVE_GROUP_WAIT_MS", 2, low=0),
    "IDEMPOTENCY_KEEP_S": env.integer("SYNC_IDEMPOTENCY_KEEP_S", 86_400, low=60),
    "RESERVE_GROUP_ROWS": env.integer("SYNC_RESERVE_GROUP_ROWS", 128, low=1),
    "DOOR_BACKLOG_REFUSE_ROWS": env.integer("SYNC_DOOR_BACKLOG_REFUSE_ROWS", 1_000_000, low=1),
    "DOOR_BACKLOG_REFUSE_AGE_S": env.integer("SYNC_DOOR_BACKLOG_REFUSE_AGE_S", 3600, low=0),
    "DOOR_DISK_PATH": env.text("SYNC_DOOR_DISK_PATH", ""),
    "DOOR_DISK_FREE_PERCENT": env.integer("SYNC_DOOR_DISK_FREE_PERCENT", 5, low=0, high=99),
    "DATABASE_FULL_BYTES": env.integer("SYNC_DATABASE_FULL_BYTES", 0, low=0),
    "INTAKE_BATCH_ROWS": env.integer("SYNC_INTAKE_BATCH_ROWS", 1000, low=1),
    "INTAKE_LEASE_S": env.integer("SYNC_INTAKE_LEASE_S", 20, low=1),
    "INTAKE_MAX_ATTEMPTS": env.integer("SYNC_INTAKE_MAX_ATTEMPTS", 5, low=1),
    "INTAKE_BLOCK_ROWS": env.integer("SYNC_INTAKE_BLOCK_ROWS", 1_000_000, low=1000),
    "DELIVERY_KEEP_DAYS": env.integer("SYNC_DELIVERY_KEEP_DAYS", 90, low=1),
    "INTAKE_SHARDS": env.integer("SYNC_INTAKE_SHARDS", 16, low=1, high=64),
    "FUTURE_TOLERANCE_S": env.integer("SYNC_FUTURE_TOLERANCE_S", 300, low=0),
    "LATE_MOVEMENTS": env.choice("SYNC_LATE_MOVEMENTS", "post", ("post", "park")),
    "AVAILABILITY_BATCH_ITEMS": env.integer("SYNC_AVAILABILITY_BATCH_ITEMS", 2000, low=1),
    "PUSH_LEASE_S": env.integer("SYNC_PUSH_LEASE_S", 60, low=1),
    "READ_LEASE_S": env.integer("SYNC_READ_LEASE_S", 120, low=1),
    "MIRROR_LINES": env.integer("SYNC_MIRROR_LINES", 100, low=1),
    "MIRROR_COMPARE_EVERY_S": env.integer("SYNC_MIRROR_COMPARE_EVERY_S", 300, low=1),
    "CASE_KEEP_DAYS": env.integer("SYNC_CASE_KEEP_DAYS", 180, low=1),
    "PUSH_HISTORY_DAYS": env.integer("SYNC_PUSH_HISTORY_DAYS", 30, low=1),
    "PUSH_MAX_ATTEMPTS": env.integer("SYNC_PUSH_MAX_ATTEMPTS", 8, low=1),
    "GUARD_LEAST_LISTINGS": env.integer("SYNC_GUARD_LEAST_LISTINGS", 20, low=2),
    "GUARD_ZERO_SHARE_PERCENT": env.integer("SYNC_GUARD_ZERO_SHARE_PERCENT", 10, low=0, high=101),
    "GUARD_SHIFT_SHARE_PERCENT": env.integer("SYNC_GUARD_SHIFT_SHARE_PERCENT", 30, low=0, high=101),
    "GUARD_SHIFT_PERCENT": env.integer("SYNC_GUARD_SHIFT_PERCENT", 50, low=1),
    "GUARD_WINDOW_S": env.integer("SYNC_GUARD_WINDOW_S", 600, low=1),
    "GUARD_TOLERANCE_PERCENT": env.integer("SYNC_GUARD_TOLERANCE_PERCENT", 20, low=0),
    "GUARD_APPROVAL_S": env.integer("SYNC_GUARD_APPROVAL_S", 3600, low=60),
    "GUARD_HOLD_HOURS": env.integer("SYNC_GUARD_HOLD_HOURS", 24, low=1),
    "BREAKER_FAILURES": env.integer("SYNC_BREAKER_FAILURES", 5, low=1),
    "BREAKER_LONGEST_S": env.integer("SYNC_BREAKER_LONGEST_S", 60, low=2),
    "BREAKER_CASE_AFTER_S": env.integer("SYNC_BREAKER_CASE_AFTER_S", 600, low=0),
    "TELL_AFTER_S": env.integer("SYNC_TELL_AFTER_S", 20, low=0),
    "TOLD_KEEP_DAYS": env.integer("SYNC_TOLD_KEEP_DAYS", 90, low=1),
    "URGENT_AT_OR_BELOW": env.integer("SYNC_URGENT_AT_OR_BELOW", 2, low=0),
    "DRAIN_SECONDS": env.integer("SYNC_DRAIN_SECONDS", 20, low=1),
    "DISPATCH_EVERY_MS": env.integer("SYNC_DISPATCH_EVERY_MS", 1000, low=50),
    "SWEEP_SCALE_PERCENT": env.integer("SYNC_SWEEP_SCALE_PERCENT", 100, low=1),
    "EVIDENCE_DAILY": env.flag("SYNC_EVIDENCE_DAILY", True),
    "EVIDENCE_DIR": env.text("SYNC_EVIDENCE_DIR", ""),
    "EVIDENCE_KEY": env.text("SYNC_EVIDENCE_KEY", ""),
    "SOFTWARE_VERSION": env.text("SYNC_SOFTWARE_VERSION", ""),
    "GAP_CASE_AFTER_S": env.integer("SYNC_GAP_CASE_AFTER_S", 900, low=0),
    "VERIFY_EVERY_S": env.integer("SYNC_VERIFY_EVERY_S", 3600, low=0),
    "FRESHNESS_TARGETS": env.parsed(
        "SYNC_FRESHNESS_TARGETS",
        "critical=60:99,standard=300:99,bulk=3600:95,replay=14400:90",
        objectives,
    ),
    "CANARY_EVERY_S": env.integer("SYNC_CANARY_EVERY_S", 5, low=1),
}

logs.configure()
LOGGING = logs.dict_config(
    level=env.text("LOG_LEVEL", "INFO"), as_json=env.text("LOG_FORMAT", "text") == "json"
)
LOGGING_CONFIG = "logging.config.dictConfig"

SENTRY_DSN = env.text("SENTRY_DSN", "")
if SENTRY_DSN:
    from inventory_sync.support import sentry

    sentry.start(SENTRY_DSN, environment=str(INVENTORY_SYNC["ENVIRONMENT"]))
