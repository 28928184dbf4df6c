"""Salesforce: a Flow calls us, the REST API is written to."""
