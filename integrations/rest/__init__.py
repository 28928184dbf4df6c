"""The JSON interface: jobs over HTTP, and what operators ask."""
