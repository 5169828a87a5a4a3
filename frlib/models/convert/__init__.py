"""From the files of others to torch: fetching packages, reading their formats, and rewriting graphs."""
