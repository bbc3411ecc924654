"""How dates are written in the admin; found by settings.FORMAT_MODULE_PATH."""
