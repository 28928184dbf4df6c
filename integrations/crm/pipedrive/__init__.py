"""Pipedrive: webhooks v2 in, API v2 out."""
