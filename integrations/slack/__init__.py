"""Slack: the card where reps live, as blocks, and the manifest that makes the app."""
