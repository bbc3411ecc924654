"""Policies and what each channel may sell. Does not push."""
