"""Reading companies' own sites: pure parsing, no I/O, no clock."""
