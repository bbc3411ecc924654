"""The pushes owed to each connection: listings, lanes, budgets, attempts. Does not decide figures."""
