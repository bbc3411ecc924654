"""The catalogue of events: every type that is said, in which words, checked by JSON Schema 2020-12.

`types.py` names them, `schemas/` holds one schema per type and version with an example, `published.json` the
digest of each: a published version is never edited, a change of meaning is the next version. They live in the
domain because connectors, rooms and consumers speak of the same things, and none of them owns the words.
"""
