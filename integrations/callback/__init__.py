"""The caller's own webhook URL: cards sent out, signed after Standard Webhooks."""
