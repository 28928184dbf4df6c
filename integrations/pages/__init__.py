"""Pages for people: the shareable card and the operator's dashboard."""
