"""CRMs: their events come in, facts and the card go out to their records."""
