"""CRMs and other systems that send us records."""
