"""The benchmark: Warmcall and what people would write instead, on one machine in one run."""
