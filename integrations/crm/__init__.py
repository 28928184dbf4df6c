"""CRMs: what they tell, what is written into them, and how that is undone."""
