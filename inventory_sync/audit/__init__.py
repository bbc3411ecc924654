"""Who changed what, before, after and why; the guard that refuses an unexplained change."""
