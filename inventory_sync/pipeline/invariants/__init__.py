"""Live checks of the invariants: the registry, one run at a time, cases for what is found."""
