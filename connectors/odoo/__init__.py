"""Odoo 16 to 19: decides what its warehouses hold, keeps copies of orders, mirrors what others decide."""
