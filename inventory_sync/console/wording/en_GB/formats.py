"""24 hours and seconds: people here compare times with logs. Django reads these names."""

DATETIME_FORMAT = "j M Y, H:i:s"
SHORT_DATETIME_FORMAT = "d/m/Y H:i:s"
DATE_FORMAT = "j M Y"
