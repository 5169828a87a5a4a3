"""Which attributes organise people: KS statistics, entropies, and tests that hold."""
