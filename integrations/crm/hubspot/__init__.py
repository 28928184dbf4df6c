"""HubSpot: its webhooks, its records, and what an operator sets up there."""
