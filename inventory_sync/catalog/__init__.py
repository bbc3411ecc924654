"""Items, kits, units, locations, mappings and resolve(). Does not know quantities on hand."""
