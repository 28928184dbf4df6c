"""The MCP surface: tools, resources and prompts for agents."""
