"""WooCommerce: orders, products and stock over REST v3 and its webhooks."""
