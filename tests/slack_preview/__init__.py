"""Every state of the Slack card on one local page, for people without a workspace."""
