"""Attio: webhooks in, API v2 out."""
