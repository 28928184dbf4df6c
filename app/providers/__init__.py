"""All providers, in default order. Explicit: nothing is scanned or registered by import."""
